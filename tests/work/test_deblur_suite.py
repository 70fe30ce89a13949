import csv

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from restora.app.cli import app
from restora.damage.words import parse
from restora.methods.table import TASKS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.deblur_suite import BLURS, LEVIN, NOTHING, SIGMAS, needs_kernel, tasks


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with two small pictures, a pair, and eight kernels."""
    rng = np.random.default_rng(0)
    for name in ("eval/Set12", "blur/kernels", "blur/gopro/blur", "blur/gopro/sharp"):
        (tmp_path / name).mkdir(parents=True)
    for number in (1, 2):
        steps = np.kron(rng.integers(0, 256, (8, 9)), np.ones((8, 8))).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"eval/Set12/{number}.png"), steps)
    sharp = np.kron(rng.integers(0, 256, (8, 9, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "blur/gopro/sharp/00.png"), sharp)
    cv2.imwrite(str(tmp_path / "blur/gopro/blur/00.png"), cv2.GaussianBlur(sharp, (0, 0), 1.5))
    np.savez(tmp_path / "blur/kernels/Levin09.npz", **{f"kernel{n}": rng.random((5, 3)) for n in range(1, 9)})
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path))
    return tmp_path


def bench(*words):
    return CliRunner().invoke(app, ["bench", "deblur", *map(str, words)])


def rows(folder):
    with (folder / "deblur.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_known_kernels_are_measured_once(data, tmp_path):
    done = bench("--method", "wiener-deconvolution", "--set", "Set12", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = rows(tmp_path)
    assert [(row["sigma"], row["method"]) for row in found] == [
        (str(sigma), method) for sigma in SIGMAS for method in (NOTHING, "wiener-deconvolution")
    ]
    for blurred, sharpened in zip(found[::2], found[1::2], strict=True):
        assert blurred["damage"] == LEVIN and blurred["images"] == "2"
        assert float(sharpened["psnr_inside"]) > float(blurred["psnr_inside"])
    assert bench("--method", "wiener-deconvolution", "--set", "Set12", "--out", tmp_path).output == ""
    assert rows(tmp_path) == found


def test_pairs_are_measured_as_they_are(data, tmp_path):
    assert bench("--method", "restora", "--set", "GoPro3", "--out", tmp_path).exit_code == 0
    nothing, sharp = sorted((r for r in rows(tmp_path) if r["precision"] == "f32"), key=lambda row: row["method"])
    y, x = (cv2.imread(str(data / f"blur/gopro/{side}/00.png")) / np.float32(255) for side in ("blur", "sharp"))
    assert float(nothing["psnr"]) == pytest.approx(measure(y, x, PROTOCOLS["deblur"]).psnr, abs=1e-3)
    assert sharp["weights"] == "restora.sharp" and sharp["psnr"] != nothing["psnr"]


def test_every_row_of_the_task_has_a_place_in_the_suite():
    everything = list(tasks([row.name for row in TASKS["deblur"]]))
    for row in TASKS["deblur"]:
        mine = [task for task in everything if task.method == row.name]
        assert mine and all((task.damage == LEVIN) is needs_kernel(row) for task in mine), row.name
    for words in BLURS:
        assert str(parse(words)) == words


def test_what_cannot_be_measured_is_refused(data, tmp_path):
    for words, message in (
        (("--method", "median"), "'median' is not a method of this benchmark"),
        (("--set", "Set5"), "eval/Set5 is neither here nor under"),
        (("--method", "restora", "--set", "Set12"), "nothing to measure"),
    ):
        done = bench(*words, "--out", tmp_path)
        assert done.exit_code != 0 and message in str(done.exception or done.output), words
