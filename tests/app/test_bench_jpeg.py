import json

import numpy as np
import pytest
from typer.testing import CliRunner

from restora.app.cli import app
from restora.core.image import Image
from restora.damage.words import parse
from restora.files.save import write
from restora.work.bench import read_table


def restora(*words):
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output, done.exception


@pytest.fixture
def data(tmp_path, photo):
    """A set of one small picture in colour where LIVE1 is looked for."""
    folder = tmp_path / "data/eval/LIVE1"
    folder.mkdir(parents=True)
    write(Image(photo[:121, :130]), folder / "a.png")
    return tmp_path / "data"


def test_the_command_measures_writes_and_goes_on(data, tmp_path):
    words = ["bench", "jpeg", "--data", str(data), "--set", "LIVE1", "--method", "nothing", "--method", "shifted-jpeg"]
    words += ["--out", str(tmp_path / "out"), "--no-cost"]
    damage = ["--quality", "10", "--damage", "jpeg(quality=30)|jpeg(quality=50,down=4,right=4)"]
    status, said, _ = restora(*words, *damage)
    assert status == 0 and said.count("PSNR-B") == 4
    rows = read_table(tmp_path / "out/jpeg.csv", ())
    again = "jpeg(quality=30) | jpeg(quality=50, down=4, right=4)"
    assert {(row["damage"], row["method"]) for row in rows} == {
        (damage, method) for damage in ("jpeg(quality=10)", again) for method in ("nothing", "shifted-jpeg")
    }
    assert all(float(row["psnr_b"]) <= float(row["psnr"]) for row in rows)
    status, said, _ = restora(*words, *damage)
    assert status == 0 and said.count("there already") == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "median"], "'median' is not a method of this benchmark"),
        (["--damage", "noise(sigma=0.1) | jpeg(quality=50)"], "is not JPEG alone"),
        (["--set", "Clasic5"], "did you mean Classic5?"),
        (["--precision", "f64"], "precision must be"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(data, tmp_path, words, said):
    _, _, error = restora(
        "bench", "jpeg", "--data", str(data), "--set", "LIVE1", "--out", str(tmp_path / "out"), *words
    )
    assert said in str(error) and not (tmp_path / "out").exists()


def test_measure_tells_how_blocks_count_by_the_protocol_of_jpeg(photo, tmp_path):
    write(Image(photo), tmp_path / "x.png")
    write(Image(parse("jpeg(quality=10)").apply(photo, np.random.default_rng(0))), tmp_path / "y.png")
    words = ["measure", str(tmp_path / "y.png"), str(tmp_path / "x.png")]
    facts = json.loads(restora(*words, "--protocol", "jpeg-y", "--json")[1])
    assert facts["psnr_b"] < facts["psnr"] - 0.5
    assert "PSNR-B" in restora(*words, "--protocol", "jpeg-y")[1] and "PSNR-B" not in restora(*words)[1]
    assert "psnr_b" not in json.loads(restora(*words, "--json")[1])
    assert json.loads(restora("measure", words[2], words[2], "--json")[1])["psnr"] == "inf"
