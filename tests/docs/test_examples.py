"""The examples of the pages run as they are written."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data

from restora.core.image import Image
from restora.files.save import write
from tests.app.conftest import call
from tests.app.live import client_of, serving
from tests.clips import Spec, facts, make

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def blocks(page, language):
    """The blocks of code of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def lines(page):
    """The commands of a page."""
    return [shlex.split(line) for block in blocks(page, "sh") for line in block.splitlines()]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PIL.Image.fromarray(skimage.data.astronaut()[60:188, 160:288]).save("photo.jpg", quality=95)
    return tmp_path


def run_all(page, monkeypatch, capsys):
    """Run the commands of a page in this process; returns what they printed."""
    said = []
    for words in lines(page):
        if words[0] == "export":
            monkeypatch.setenv(*words[1].split("="))
            continue
        assert words[0] == "restora", words
        status, out, err = call(monkeypatch, capsys, *words[1:])
        assert status == 0, (words, err)
        said.append(out)
    return said


def test_getting_started(place, monkeypatch, capsys):
    said = run_all("getting-started.md", monkeypatch, capsys)
    assert "noise" in said[1] and float(re.search(r"PSNR ([\d.]+)", said[3])[1]) > 25
    made = ("noisy", "better", "again", "quiet", "large", "filled", "sharp")
    assert all(Path(f"{name}.png").is_file() for name in made) and Path("better.png.json").is_file()
    assert Path("again.png").read_bytes() == Path("better.png").read_bytes()
    (code,) = blocks("getting-started.md", "python")
    exec(compile(code, "getting-started.md", "exec"), {})
    assert Path("from-python.png").is_file() and float(capsys.readouterr().out) > 25


def test_training_on_own_pictures(place, monkeypatch, capsys):
    pytest.importorskip("torch")
    Path("my-photos").mkdir()
    for number in range(5):
        write(
            Image(skimage.data.coffee()[60 * number : 60 * number + 96, :120] / np.float32(255)),
            Path(f"my-photos/{number}.png"),
        )
    (recipe,) = blocks("own-pictures.md", "toml")
    Path("mine.toml").write_text(recipe)
    said = run_all("own-pictures.md", monkeypatch, capsys)
    assert "restora.mine" in said[0] and "restora.mine" in said[1]
    assert Path("quiet.png").is_file() and Path("mine.png").is_file()
    recipes = re.findall(r"`([\w.-]+\.toml)`", (DOCS / "own-pictures.md").read_text().partition("## From pairs")[2])
    assert len(recipes) == 5 and all((ROOT / "recipes" / name).is_file() for name in recipes)


def test_adding_a_method(tmp_path, photo):
    """In a copy of the package, with the file and the row of the page."""
    ignored = shutil.ignore_patterns("weights", "__pycache__")
    shutil.copytree(ROOT / "restora", tmp_path / "restora", ignore=ignored)
    (tmp_path / "restora" / "weights").symlink_to(ROOT / "restora" / "weights")
    method, row = blocks("adding-a-method.md", "python")
    (tmp_path / "restora" / "methods" / "kuwahara.py").write_text(method)
    rows = tmp_path / "restora" / "methods" / "rows" / "denoise.py"
    rows.write_text(f"{rows.read_text()}\nROWS += (\n{row},\n)\n")
    sets = tmp_path / "data" / "eval" / "Set12"
    sets.mkdir(parents=True)
    write(Image(photo[:96, :96, :1]), sets / "01.png")
    y = photo[:96, :96] + np.random.default_rng(0).normal(0, 0.1, (96, 96, 3)).astype(np.float32)
    write(Image(y.clip(0, 1)), tmp_path / "noisy.png")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "RESTORA_DATA": str(tmp_path / "data")}
    said = []
    for words in lines("adding-a-method.md"):
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "kuwahara" in said[0] and (tmp_path / "x.png").is_file()
    before, after = (float(re.search(rf"{name}: ([\d.]+) dB", said[2])[1]) for name in ("nothing", "kuwahara"))
    assert after > before + 1


def test_http(place, monkeypatch):
    make(Path("clip.mp4"), Spec(list(range(60)), Fraction(1, 25)))
    with serving(client_of(place).app) as port:
        code = "\n".join(blocks("http.md", "python")).replace(":8765", f":{port}")
        names = {}
        exec(compile(code, "http.md", "exec"), names)
        assert Path("smooth.jpg").read_bytes() == Path("better.jpg").read_bytes()
        assert facts(Path("second.mp4"))["numbers"] == list(range(17, 42))
        with pytest.raises(urllib.error.HTTPError) as refused:
            names["ask"]("/restore", b"no picture")
        assert b'"error"' in refused.value.read()
