"""Translation from a picture to a picture: shipped weights, colour transfer, the command, and the benchmark."""

import csv

import numpy as np
import pytest

from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.damage.words import parse
from restora.methods.colour_transfer import colour_transfer
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.decide import to_translate
from restora.work.restore import restore
from restora.work.translate_suite import AGED, Task, run, tasks


def scored(x_hat, x):
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr


@pytest.fixture(scope="module")
def aged(photo):
    x = photo[:190, :250]  # an odd size for a net of multiple 64
    return x, parse(AGED[0]).apply(x, np.random.default_rng(0)).astype(np.float32)


def test_an_aged_print_gets_nearer_to_the_picture(aged):
    x, y = aged
    plan = to_translate({}, {}, weights="pix2pix.oldphoto", precision="f32")
    results = {engine: restore(Image(y), plan, engine=engine)[0].pixels for engine in ("openvino", "torch")}
    assert scored(results["openvino"], x) > scored(y, x) + 2
    assert np.abs(results["openvino"] - results["torch"]).max() <= 1e-4 and results["torch"].shape == x.shape
    half = restore(Image(y), to_translate({}, {}, strength=0.5, precision="f32"))[0].pixels
    assert np.abs(half - (y + results["openvino"]) / 2).max() < 1e-5


def test_it_looks_at_the_whole_picture_and_says_so(aged):
    y = Image(np.tile(aged[1], (6, 6, 1)))
    plan = to_translate({}, {})
    with pytest.raises(BadImage, match=r"needs about \d+ MB of memory, .* allow it with --max-memory"):
        restore(y, plan, max_memory=300_000_000)


def test_methods_that_do_not_translate_are_refused():
    with pytest.raises(BadPlan, match="nlm does not translate pictures; these do: pix2pix, cyclegan, colour-transfer"):
        to_translate({}, {}, "nlm")
    with pytest.raises(BadPlan, match="colour-transfer needs a reference"):
        restore(Image(np.zeros((20, 20, 3), np.float32)), to_translate({}, {}, "colour-transfer"))


def test_colour_transfer_gives_the_colours_of_the_reference(photo):
    class Whole:
        shape = photo.shape

        def window(self, top, left, height, width):
            return photo[top : top + height, left : left + width]

    pale = 0.4 + 0.3 * photo[::-1]
    x_hat = colour_transfer(pale.astype(np.float32), Whole())
    assert scored(x_hat, photo[::-1]) > scored(pale, photo[::-1]) + 8
    flat = colour_transfer(np.full((8, 8, 3), 0.3, np.float32), Whole())
    assert np.isfinite(flat).all() and np.ptp(flat, axis=(0, 1)).max() < 1e-3
    grey = colour_transfer(pale[:, :, :1].astype(np.float32), Whole())
    assert grey.shape == (*photo.shape[:2], 1) and abs(grey.mean() - photo.mean()) < 0.1


def test_the_benchmark_measures_rows_once(tmp_path, shared):
    todo = [task for task in tasks(["nothing", "colour-transfer"]) if task.damage == AGED[0]]
    assert Task("Facades", "labels", "pix2pix", "pix2pix.facades") in list(tasks())
    told = []
    run(todo, tmp_path / "t.csv", 2, False, told.append)
    with (tmp_path / "t.csv").open(newline="") as lines:
        rows = {row["method"]: row for row in csv.DictReader(lines)}
    assert len(told) == len(rows) == 2 and rows["nothing"]["images"] == "2"
    assert 15 < float(rows["nothing"]["psnr"]) < 22 and float(rows["nothing"]["l1"]) > 0.03
    run(todo, tmp_path / "t.csv", 2, False, told.append)
    assert len(told) == 2
    run([Task("Facades", "labels", "pix2pix", "pix2pix.nobody")], tmp_path / "t.csv", 2, False, told.append)
    assert "no weights are called 'pix2pix.nobody'" in told[-1]
