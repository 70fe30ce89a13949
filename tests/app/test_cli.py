import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from typer.testing import CliRunner

from restora.app.cli import app
from restora.app.options import progress
from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.restore import restore_file

COMMANDS = [
    ["fix"], ["denoise"], ["upscale"], ["translate"], ["inpaint"], ["remove"], ["repair"], ["diagnose"], ["plan"],
    ["restore"], ["degrade"], ["measure"], ["methods"], ["show"], ["train"], ["adapt"], ["bench", "denoise"],
    ["bench", "superres"], ["bench", "jpeg"], ["bench", "translate"], ["bench", "refresh"], ["weights", "add"],
    ["weights", "list"], ["weights", "verify"], ["campaign", "run"], ["campaign", "pack"], ["campaign", "collect"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example_to_paste(command):
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0 and f"Example: restora {' '.join(command)}" in done.output


def test_what_a_mask_marks_is_filled(folder, restora):
    hole = "hole(rectangle, top=100, left=50, height=4, width=300)"
    assert restora("degrade", "clean.png", hole, "-o", "scratched.png")[0] == 0
    mask = np.zeros((400, 400, 1), np.float32)
    mask[100:104, 50:350] = 1
    write(Image(mask), Path("mask.png"))
    status, out, _ = restora("inpaint", "scratched.png", "--mask", "mask.png", "-o", "whole.png")
    assert status == 0 and "the mask marks a hole" in out
    x, y, x_hat = (read(Path(name)).pixels for name in ("clean.png", "scratched.png", "whole.png"))
    assert measure(x_hat, x, PROTOCOLS["denoise"]).psnr > measure(y, x, PROTOCOLS["denoise"]).psnr + 10
    assert np.array_equal(x_hat[110:], x[110:])


def test_a_print_is_translated_by_a_net_or_by_the_colours_of_another_picture(folder, restora):
    assert restora("degrade", "clean.png", "fade(contrast, black=0.2) | yellow(amount=0.3)", "-o", "print.png")[0] == 0
    for name, options in (("net.png", ()), ("like.png", ("--method", "colour-transfer", "--reference", "clean.png"))):
        status, _, err = restora("translate", "print.png", *options, "-o", name)
        assert status == 0, err
        x, y, x_hat = (read(Path(each)).pixels for each in ("clean.png", "print.png", name))
        assert measure(x_hat, x, PROTOCOLS["denoise"]).psnr > measure(y, x, PROTOCOLS["denoise"]).psnr + 2


def test_what_boxes_mark_is_removed_and_noise_is_added_to_it(folder, restora):
    """Once more with the plan in the report: the same pixels."""
    assert restora("degrade", "clean.png", "noise(sigma=0.04)", "-o", "y.png")[0] == 0
    boxes = ("--box", "40,60,30,20", "--box", "200,300,10,10", "--grow", "2", "--method", "biharmonic")
    status, out, _ = restora("remove", "y.png", *boxes, "-o", "x.png")
    assert status == 0 and "the box marks a hole" in out and "was added to filled pixels" in out
    y, x_hat = read(Path("y.png")).pixels, read(Path("x.png")).pixels
    changed = (y != x_hat).any(2)
    assert changed[60:80, 40:70].mean() > 0.9 and changed[300:310, 200:210].mean() > 0.9
    assert not changed[:57].any() and not changed[84:297].any() and changed[58:82, 38:72].sum() > 1.2 * 20 * 30
    restora("restore", "y.png", "--plan", "x.png.json", "-o", "again.png")
    assert Path("again.png").read_bytes() == Path("x.png").read_bytes()
    status, out, _ = restora("remove", "y.png", *boxes, "--no-grain", "-o", "plain.png")
    assert status == 0 and "was added" not in out
    assert read(Path("plain.png")).pixels[62:78, 42:68].std() < x_hat[62:78, 42:68].std()


def test_a_plan_can_be_printed_edited_and_carried_out(folder, restora):
    write(Image(read(Path("clean.png")).pixels[:200, 100:340]), Path("small.png"))
    restora("degrade", "small.png", "noise(sigma=0.098)", "-o", "noisy.png")
    assert restora("plan", "noisy.png", "-o", "plan.json")[0] == 0
    plan = json.loads(Path("plan.json").read_text())
    assert plan["steps"][0]["method"] == "restora" and json.loads(restora("plan", "noisy.png")[1])["id"] == plan["id"]
    for name in ("one.png", "two.png"):
        assert restora("restore", "noisy.png", "--plan", "plan.json", "-o", name)[0] == 0
    restora("fix", "noisy.png", "-o", "three.png")
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes() == Path("three.png").read_bytes()
    plan["steps"][0]["strength"] = 0
    Path("plan.json").write_text(json.dumps(plan))
    restora("restore", "noisy.png", "--plan", "plan.json", "-o", "none.png")
    assert np.array_equal(read(Path("none.png")).pixels, read(Path("noisy.png")).pixels)


def test_denoise_takes_method_sigma_strength_and_knobs(folder, restora):
    restora("degrade", "clean.png", "noise(sigma=0.098)", "-o", "noisy.png")
    for number, options in enumerate(
        (["--method", "tv", "--sigma", "0.1"], ["--method", "median", "--set", "radius=2"], ["--strength", "0.5"])
    ):
        status, out, _ = restora("denoise", "noisy.png", *options, "-o", f"{number}.png", "--json")
        assert status == 0 and json.loads(out)["plan"]["steps"]
    assert json.loads(Path("1.png.json").read_text())["plan"]["steps"][0]["knobs"] == {"radius": 2}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fix", "absent.png"], "cannot open absent.png"),
        (["denoise", "clean.png", "--method", "medain"], "did you mean median?"),
        (["denoise", "clean.png", "--method", "median", "--set", "raduis=2"], "did you mean radius?"),
        (["denoise", "clean.png", "--method", "median", "--set", "radius"], "KNOB=NUMBER"),
        (["denoise", "clean.png", "--method", "median", "-o", "clean.png"], "--force"),
        (["denoise", "clean.png", "--weights", "restora.nose"], "did you mean restora.noise?"),
        (["denoise", "clean.png", "--method", "dncnn", "--sigma", "0.1"], "trained without it"),
        (["denoise", "clean.png", "--method", "dip"], "run it with --yes"),
        (["denoise", "clean.png", "--method", "tv", "--sigma-map", "clean.png"], "tv has no input sigma map"),
        (["upscale", "clean.png", "--method", "bicubic", "--scale", "0.9"], "enlarged 1 to 8 times, not to 360x360"),
        (["upscale", "clean.png", "--method", "bicubic", "--scale", "nan"], "must be a number"),
        (["upscale", "clean.png", "--method", "bicubic", "--size", "9000x10"], "enlarged 1 to 8 times"),
        (["upscale", "clean.png", "--method", "bicubic", "--size", "900"], "for example 3000x2000, not '900'"),
        (
            ["upscale", "clean.png", "--method", "bicubic", "--max-pixels", "300KP"],
            "more than the limit of 0.3 megapixels",
        ),
        (["upscale", "clean.png", "--method", "median"], "median does not make pictures larger"),
        (["inpaint", "clean.png", "--mask", "absent.png"], "the mask absent.png does not exist"),
        (["inpaint", "clean.png"], "needs a mask; give it with --mask or --box"),
        (["inpaint", "clean.png", "--box", "390,0,20,20"], "reaches beyond the picture, which has 400x400 pixels"),
        (["remove", "clean.png", "--box", "10,20,30"], "the box must be x,y,width,height in pixels, or JSON"),
        (["inpaint", "clean.png", "--mask", "clean.png", "--method", "tv"], "tv does not fill holes; these do:"),
        (["inpaint", "clean.png", "--mask", "clean.png", "--method", "telea", "--set", "radius=0"], "from 1 to 50"),
        (["denoise", "clean.png", "--method", "bicubic"], "restora upscale --method bicubic"),
        (["denoise", "clean.png", "--weights", "edsr.x2"], "edsr makes pictures larger"),
        (["fix", "clean.png", "-o", "."], ". is a folder; name a file in it"),
        (["fix", "clean.png", "-o", "a\udcff.png"], "not Unicode"),
        (
            ["denoise", "clean.png", "--method", "biharmonic"],
            "biharmonic fills holes and does not remove noise: use restora inpaint --method biharmonic",
        ),
        (["denoise", "clean.png", "--sigma", "25"], "from 0 to 1 (0..1 scale; 25/255 = 0.098), not 25"),
        (["bench", "denoise", "--method", "medain"], "did you mean median?"),
        (["bench", "superres", "--method", "median"], "'median' is not a method of this benchmark"),
        (["bench", "denoise", "--set", "BSD"], "is not a test set"),
        (["bench", "denoise", "--noise", "nose(sigma=1)"], "did you mean noise?"),
        (["adapt", "absent", "-o", "mine"], "absent holds no pictures"),
        (["fix", "clean.png", "--max-pixels", "1000"], "--max-pixels"),
        (["fix", "clean.png", "--max-memory", "much"], "not an amount"),
        (["degrade", "clean.png", "nose(sigma=1)", "-o", "b.png"], "did you mean noise?"),
        (["measure", "clean.png", "absent.png"], "absent.png"),
        (["measure", "clean.png", "clean.png", "--protocol", "sry"], "did you mean sr-y?"),
        (["show", "dncn"], "did you mean dncnn?"),
        (["restore", "clean.png", "--plan", "clean.png"], "clean.png is not a plan: it is not text"),
        (["restore", "clean.png", "--plan", "absent.json"], "cannot read the plan absent.json: No such file"),
        (["upscale", "clean.png", "--scale", "2", "--size", "800x800"], "give --scale or --size"),
        (["denoise", "clean.png", "--method", "tv", "--sigma", "0.1", "--set", "sigma=0.2"], "sigma was given twice"),
        (["denoise", "clean.png", "--weights", "clean.png"], "add it first: restora weights add clean.png"),
        (["fix", "clean.png", "--max-pixels", "10"], "0.16 megapixels (400x400), more than the limit of 1e-05"),
        (["fix", "clean.png", "--strength", "very"], "no strength is called 'very'"),
        (["fix", "clean.png", "--copy", "--max-memory", "1KB"], "more than the 0 MB allowed"),
        (["fix", "clean.png", "--device", "gpus"], "no device is called 'gpus'; known: cpu, cuda, cuda:1, GPU"),
        (["denoise", "clean.png", "--device", "cuda:99"], "on this computer"),
        (["upscale", "clean.png", "--device", "GPU.99"], "OpenVINO finds no device GPU.99 on this computer, only CPU"),
        (["denoise", "clean.png", "--engine", "openvino", "--device", "cuda"], "openvino does not run on cuda; give"),
        (["serve", "--device", "cuda:99"], "on this computer"),
        (["train", "absent.toml"], "cannot read the recipe"),
        (["fxi", "clean.png"], "fix"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(folder, restora, words, says):
    status, out, err = restora(*words)
    assert status == 2 and says in err and "Traceback" not in err and out == ""
    assert sorted(os.listdir()) == ["clean.png"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_lack_of_cuda_is_one_sentence_and_exit_2(folder, restora):
    says = f"torch {torch.__version__} finds no CUDA device on this computer; install the driver of the GPU"
    says += " and a torch built for CUDA, or use --device cpu"
    assert restora("fix", "clean.png", "--device", "cuda") == (2, "", f"restora: {says}\n")


def test_the_processor_is_the_device_without_a_word(folder, restora):
    for name, words in {"a.png": (), "b.png": ("--device", "cpu")}.items():
        status, out, _ = restora("denoise", "clean.png", *words, "-o", name, "--json")
        assert status == 0 and json.loads(out)["device"] == "cpu" and "note" not in out
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_version_is_told_without_a_command(restora):
    status, out, _ = restora("--version")
    assert status == 0 and out.strip() == version("restora")


def test_an_existing_report_is_not_overwritten(folder, restora):
    Path("a.png.json").write_text("mine")
    assert restora("denoise", "clean.png", "--method", "median", "-o", "a.png")[0] == 2
    assert Path("a.png.json").read_text() == "mine" and not Path("a.png").exists()


def test_a_report_whose_picture_is_gone_is_replaced(folder, restora):
    words = ("denoise", "clean.png", "--method", "median", "-o", "a.png")
    assert restora(*words)[0] == 0
    status, _, err = restora(*words)  # both are there
    assert status == 2 and "a.png exists" in err
    first = Path("a.png.json").read_text()
    os.remove("a.png")
    assert restora(*words, "--set", "radius=2")[0] == 0
    report = json.loads(Path("a.png.json").read_text())
    assert report["plan"]["steps"][0]["knobs"] == {"radius": 2} and Path("a.png.json").read_text() != first
    os.rename("a.png", "b.png")
    os.rename("a.png.json", "b.png.json")
    os.remove("b.png")
    assert restora(*words[:-1], "b.png")[0] == 0  # it named a.png, and no picture is there


@pytest.mark.parametrize("change", ["other", "no report", "link", "folder"])
def test_a_file_that_is_no_report_on_this_picture_is_kept_and_both_names_are_said(folder, restora, change):
    words = ("denoise", "clean.png", "--method", "median", "-o", "a.png")
    assert restora(*words)[0] == 0
    text = Path("a.png.json").read_text()
    paper = Path("a.png.json")
    if change == "other":  # a report on another picture, beside a picture that is there
        paper.write_text(text.replace('"output": "a.png"', '"output": "c.png"'))
    else:
        os.remove("a.png")
        paper.unlink()
    if change == "no report":
        paper.write_text('{"plan": {}, "output": "a.png"}')
    elif change == "link":
        Path("kept.json").write_text(text)
        paper.symlink_to("kept.json")
    elif change == "folder":
        paper.mkdir()
    before = paper.read_bytes() if paper.is_file() else None
    status, _, err = restora(*words)
    assert status == 2 and "a.png.json" in err and "report on a.png" in err and err.count("\n") == 1
    assert paper.is_dir() if change == "folder" else paper.read_bytes() == before


def test_json_is_json(folder, restora):
    for words in (
        ["diagnose", "clean.png"], ["methods"], ["show", "nlm"], ["weights", "list"], ["weights", "verify"],
        ["measure", "clean.png", "clean.png"], ["fix", "clean.png"],
    ):  # fmt: skip
        status, out, _ = restora(*words, "--json")
        assert status == 0 and json.loads(out)


def test_a_report_can_be_carried_out_again(folder, restora):
    restora("degrade", "clean.png", "noise(sigma=0.098)", "-o", "noisy.png")
    restora("fix", "noisy.png", "-o", "one.png")
    assert restora("restore", "noisy.png", "--plan", "one.png.json", "-o", "two.png")[0] == 0
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()


def test_a_clean_picture_passes_a_pipe_unchanged(folder):
    data = Path("clean.png").read_bytes()
    done = process("fix", "-", input=data)
    assert done.returncode == 0 and done.stdout == data and b"left alone" in done.stderr


def test_being_ended_leaves_nothing_behind(folder):
    pyvips.Image.gaussnoise(6000, 4000, mean=128, sigma=30).cast("uchar").pngsave("large.png", compression=1)
    running = subprocess.Popen([sys.executable, "-m", "restora", "denoise", "large.png", "-o", "out.png"])

    def has_pixels():  # in a file without a name, beside the result; Linux tells of it
        with suppress(FileNotFoundError):  # opened and closed meanwhile
            return any(os.readlink(each).startswith(f"{folder}/") for each in Path(f"/proc/{running.pid}/fd").iterdir()
                       if os.readlink(each).endswith("(deleted)"))  # fmt: skip
        return False

    deadline = time.monotonic() + 60
    while not has_pixels():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.terminate()
    assert running.wait(60) == 143  # not the 0 of a run that went on to its end
    assert sorted(os.listdir()) == ["clean.png", "large.png"]


def test_to_go_on_a_file_is_needed(folder, restora):
    status, _, err = restora("denoise", "clean.png", "--method", "median", "--resume", "-o", "-")
    assert status == 2 and "--resume" in err and "must be a file" in err and err.count("\n") == 1
    assert restora("denoise", "clean.png", "--method", "median", "--resume", "-o", "out.png")[0] == 0
    assert sorted(os.listdir()) == ["clean.png", "out.png", "out.png.json"]


def test_a_log_gets_a_line_each_half_minute_and_a_program_none(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("restora.app.options.time.monotonic", lambda: now[0])
    with progress("restoring") as tell:
        for done in range(11, 61):  # ten were there from a run before
            tell(done - 1, 60)
            now[0] += 10
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "restoring: 13 of 60 pieces, 21 %, 0:00:30 elapsed, about 0:07:50 left" and len(lines) == 16
    with progress("restoring", quiet=True) as tell:
        tell(1, 2)
        now[0] += 100
        tell(2, 2)
    assert capsys.readouterr().err == ""


def process(*words, **options):
    return subprocess.run([sys.executable, "-m", "restora", *words], capture_output=True, check=False, **options)


def test_pictures_pass_through_a_pipe(folder):
    data = Path("clean.png").read_bytes()
    done = process("denoise", "-", "--method", "median", input=data)
    assert done.returncode == 0 and done.stdout.startswith(b"\x89PNG") and b"median" in done.stderr
    Path("piped.png").write_bytes(done.stdout)
    assert read(Path("piped.png")).shape == (400, 400, 3)


def test_a_report_that_appears_meanwhile_is_not_overwritten(folder, restora, monkeypatch):
    def restored(*words, **options):
        report = restore_file(*words, **options)
        Path("a.png.json").write_text("mine")
        return report

    monkeypatch.setattr("restora.work.unit.restore_file", restored)
    status, _, err = restora("denoise", "clean.png", "--method", "median", "-o", "a.png")
    assert status == 2 and "a.png.json" in err and Path("a.png.json").read_text() == "mine"


def test_closed_standard_error_is_no_matter(folder):
    command = f"{sys.executable} -m restora denoise clean.png --method median -o - 2>&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith(b"\x89PNG") and done.stdout.endswith(b"IEND\xaeB`\x82")


def test_the_memory_that_is_advised_is_enough(folder, restora):
    write(Image(np.zeros((3000, 4000, 3), np.float32)), Path("large.tif"))  # 36 MB of it stay in memory
    words = ("denoise", "large.tif", "--method", "gaussian", "-o", "out.tif")
    status, _, err = restora(*words, "--max-memory", "100MB")
    assert status == 2 and "more than the 100 MB allowed" in err
    assert restora(*words, "--max-memory", err.split()[-1])[0] == 0


@pytest.mark.parametrize(("closed", "says"), [("<&-", "standard input is closed"), (">&-", "standard output is")])
def test_a_closed_pipe_is_told(folder, closed, says):
    command = f"{sys.executable} -m restora denoise - --method median {closed}"
    data = Path("clean.png").read_bytes()
    done = subprocess.run(["sh", "-c", command], input=data, capture_output=True, check=False)
    assert done.returncode == 2 and says in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_degrade_tells_in_json_on_standard_error_when_the_picture_takes_the_other(folder):
    done = process("degrade", "clean.png", "noise(sigma=0.1)", "-o", "-", "--json")
    assert done.stdout.startswith(b"\x89PNG") and json.loads(done.stderr)["seed"] == 0


def test_a_port_that_is_taken_is_told_before_an_address_is(folder, restora):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, err = restora("serve", "--port", taken.getsockname()[1], "--folder", "jobs")
    assert status == 2 and "cannot listen" in err and err.count("\n") == 1


IMPORTS = """
import sys
from restora.app.cli import app
from typer.testing import CliRunner
assert CliRunner().invoke(app, {words!r}).exit_code == 0
heavy = {{"torch", "openvino", "pyvips", "cv2", "scipy", "skimage"}} & set(sys.modules)
print(sorted(heavy))
"""


def test_listing_imports_nothing_heavy_and_is_quick():
    code = IMPORTS.format(words=["methods"])
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.perf_counter() - started < 5  # the real figure is measured in benchmarks; this catches a torch import


@pytest.mark.parametrize(
    "words",
    [
        ("campaign", "absent.toml", "--minutes", "1", "-o", "out"),
        ("campaign", "--minutes", "1", "-o", "out", "absent.toml"),
        ("campaign", "run", "absent.toml", "--minutes", "1", "-o", "out"),
    ],
)
def test_a_campaign_needs_no_further_word(folder, restora, words):
    status, _, err = restora(*words)
    assert status == 2 and err == "restora: cannot read the campaign absent.toml: No such file or directory\n"


def test_a_device_that_is_not_there_is_one_sentence(folder, restora):
    Path("r.toml").write_text(
        'method = "srcnn"\ntag = "x2"\nterms = "free"\nsteps = 1\n'
        '[data]\nfolders = ["."]\ndamage = "noise(sigma=0.1)"\n'
    )
    status, _, err = restora("train", "r.toml", "--device", "cuda:9")
    assert status == 2 and err.startswith("restora: device cuda:9 needs an NVIDIA GPU") and err.count("\n") == 1
    status, _, err = restora("train", "r.toml", "--minutes", "1", "--stop-at", "1")
    assert status == 2 and "not both" in err
