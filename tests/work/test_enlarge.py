"""Pictures made larger: the plan, the pieces, what belongs to the picture, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image, Meta, to_grey
from restora.core.knobs import Knob
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.core.resample import imresize
from restora.data import sets
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.files.save import write
from restora.learn.card import contract
from restora.learn.export import to_onnx
from restora.learn.weights import store
from restora.methods.table import METHODS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.pipeline import Means, Source, prepare
from restora.work.bench import bench
from restora.work.plan import plan_to_enlarge, plan_to_enlarge_as_found
from restora.work.restore import Limits, Options, restore, restore_file
from tests.cards import CARD, ends


class Larger(nn.Module):
    """(B, C, H, W) to (B, C, s H, s W): two convolutions and a pixel-shuffle, reach 3."""

    def __init__(self, channels=3, scale=1):
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 5, padding=2)
        self.second = nn.Conv2d(8, channels * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, y):
        return self.shuffle(self.second(torch.relu(self.first(y))))


FACTS = {
    "entry": "tests.work.test_enlarge:Larger", "stage": "net", "about": "", "treats": ("shrink",), "paper": "",
    "halo": 3, "knobs": (Knob("ensemble", int, 0, 0, 1, "0 no, 1 yes", ""),), "memory": 100,
}  # fmt: skip
ROWS = {
    "larger": Method("larger", scale=2, channels=3, weights=("larger.x2", "larger.x3", "larger.x2-real"), **FACTS),
    "sharper": Method("sharper", channels=1, luma=True, weights=("sharper.x2",), **FACTS),
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder of weights with small random nets: larger.x2, .x3 and .x2-real, and sharper.x2, which works on luma."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    facts_of = {"larger.x2": (3, 2, 2), "larger.x3": (3, 3, 3), "larger.x2-real": (3, 2, 2), "sharper.x2": (1, 1, 2)}
    for name, (channels, scale, scales) in facts_of.items():
        net = Larger(channels, scale)
        facts = {"method": name.split(".")[0], "channels": channels, "multiple": 1, "halo": 3, "scale": scale}
        facts |= contract(channels, {}, "enlarge")
        arrays = {key: value.numpy() for key, value in net.state_dict().items()}
        card = CARD | facts | {"scales": [scales], "recipe": {"knobs": {"scale": scale}}}
        store(name, folder, arrays, to_onnx(net, *ends(channels), 1), card)
    return folder


@pytest.fixture(autouse=True)
def weights(own, monkeypatch):
    monkeypatch.setenv("RESTORA_WEIGHTS", str(own))
    for name, row in ROWS.items():
        monkeypatch.setitem(METHODS, name, row)


def plan(shape, size, name="larger.x2", **options):
    return plan_to_enlarge(name.split(".")[0], shape, size, weights=name, precision="f32", **options)


def names(made):
    return [step.weights or step.method for step in made.steps]


def test_the_least_scale_that_is_enough_is_taken_and_the_greatest_beyond():
    def chosen(height, width):
        return names(plan_to_enlarge("larger", (40, 60, 3), (height, width), precision="f32"))

    assert chosen(80, 120) == ["larger.x2"] and chosen(81, 120) == ["larger.x3", "bicubic"]
    assert chosen(120, 180) == ["larger.x3"] and chosen(240, 360) == ["larger.x3", "larger.x2"]


def test_the_plan_takes_nets_until_the_size_is_reached_and_then_resamples():
    shape = (40, 60, 3)
    assert names(plan(shape, (80, 120))) == ["larger.x2"]
    assert names(plan(shape, (60, 90))) == ["larger.x2", "bicubic"]
    assert names(plan(shape, (320, 480))) == ["larger.x2"] * 3
    assert names(plan(shape, (100, 150), "sharper.x2")) == ["bicubic", "sharper.x2", "bicubic", "sharper.x2", "bicubic"]
    assert names(plan_to_enlarge("bicubic", shape, (41, 60))) == ["bicubic"]
    assert names(plan(shape, (40, 60))) == []


@pytest.mark.parametrize("name", ["larger.x2", "larger.x3", "sharper.x2"])
@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_a_file_by_pieces_equals_the_picture_whole(name, engine, tmp_path, photo, monkeypatch):
    y = np.rint(photo[:190, :210] * 65535).astype(np.float32) / 65535
    source, target = tmp_path / "y.png", tmp_path / "x.tif"
    write(Image(y, meta=Meta(bits=16)), source)
    size = (2 * 190 + 57, 2 * 210 + 81)  # beyond twice the size, to an odd end
    made = plan(y.shape, size, name)
    whole, report = restore(Image(y), made, engine=engine, max_memory=8 * 10**9)
    monkeypatch.setattr("restora.stages.pipeline.tile_for", lambda *facts: (256, 256))
    assert restore_file(source, target, made, Options(engine=engine)).tiles == 4 > report.tiles
    x_hat = read(target)
    assert x_hat.shape == (*size, 3) and x_hat.meta.bits == 16
    assert np.abs(x_hat.pixels - whole.pixels.clip(0, 1)).max() <= 1e-5 + 0.5 / 65535


@pytest.mark.parametrize("size", [(333, 421), (380, 420), (950, 1050)])
@pytest.mark.parametrize("name", ["bicubic", "lanczos", "back-projection"])
def test_classical_ways_by_pieces_equal_the_picture_whole(name, size, photo):
    y = photo[:190, :210]
    made = plan_to_enlarge(name, y.shape, size)
    whole = restore(Image(y), made, max_memory=8 * 10**9)[0].pixels
    work = prepare(made, Source(Image(y).window, y.shape), Report(made), Means(Backend("openvino"), 10**9))
    work.tiles = [(256, 256)]
    for top, left, height, width in work:
        apart = work.run(top, left, height, width) - whole[top : top + height, left : left + width]
        assert np.abs(apart).max() <= 1e-5


def test_back_projection_agrees_with_the_picture_it_was_given(photo):
    y = photo[:90, :110]
    before, after = (
        restore(Image(y), plan_to_enlarge(name, y.shape, (200, 275)))[0].pixels
        for name in ("bicubic", "back-projection")
    )
    apart = [float(np.sqrt(np.mean((imresize(x_hat, 90, 110) - y) ** 2))) for x_hat in (before, after)]
    assert apart[1] < 0.1 * apart[0]


def test_a_net_can_be_followed_by_back_projection_and_the_note_says_how_near_it_came(photo):
    y, size = photo[:90, :110], (180, 220)
    plain, agreeing = (restore(Image(y), plan(y.shape, size, back_project=wish)) for wish in (False, True))
    apart = [255 * float(np.sqrt(np.mean((imresize(x.pixels, 90, 110) - y) ** 2))) for x, _ in (plain, agreeing)]
    assert names(agreeing[1].plan) == ["larger.x2", "back-projection"] and apart[1] < 0.1 * apart[0]
    said = float(re.search(r"by ([\d.]+) of 255", agreeing[1].warnings[0])[1])
    assert said == pytest.approx(apart[1], abs=0.02) and not plain[1].warnings
    made = plan(y.shape, size, back_project=True)
    by_pieces = Report(made)
    work = prepare(made, Source(Image(y).window, y.shape), by_pieces, Means(Backend("openvino"), 10**9))
    work.tiles = [(64, 64)]
    for core in work:
        work.run(*core)
    assert float(re.search(r"by ([\d.]+)", work.notes()[0])[1]) == pytest.approx(apart[1], abs=0.1)


def found(**signs):
    white = {"channels": 0.0, "neighbours": 0.0}
    return Diagnosis(
        {name: Finding(name, value, "", 1.0, True, f"{name} found", white) for name, value in signs.items()}
    )


def test_what_is_found_decides_how_a_picture_is_made_larger(monkeypatch):
    monkeypatch.setattr("restora.work.plan.LARGER", "larger")
    shape, size = (50, 60, 3), (100, 120)
    assert names(plan_to_enlarge_as_found(found(), shape, size)) == ["larger.x2"]
    noisy = plan_to_enlarge_as_found(found(noise_level=(0.1,)), shape, size, ensemble=True)
    assert names(noisy) == ["restora.noise", "larger.x2"] and noisy.steps[1].knobs == {"ensemble": 1}
    blocky = plan_to_enlarge_as_found(found(jpeg_quality=30, noise_level=(0.1,)), shape, (200, 240))
    assert names(blocky) == ["larger.x2-real", "larger.x2"] and "jpeg_quality found" in blocky.because
    assert plan_to_enlarge_as_found(found(noise_level=(0.1,)), shape, shape[:2]).steps == ()


def test_alpha_and_hole_grow_with_the_picture(photo, tmp_path):
    photo = photo[:140, :150]
    alpha = np.zeros(photo.shape[:2], np.float32)
    alpha[20:90, 30:100] = 1
    image = Image(photo, alpha=alpha)
    size = (2 * photo.shape[0], 2 * photo.shape[1])
    larger = restore(image, plan(photo.shape, size))[0]
    assert larger.alpha.shape == size and larger.alpha[60:160, 80:180].min() > 0.99
    assert larger.alpha.min() >= 0 and larger.alpha.max() <= 1 and larger.alpha[:30].max() == 0
    write(image, tmp_path / "a.png")
    restore_file(tmp_path / "a.png", tmp_path / "b.png", plan(photo.shape, size))
    assert np.abs(read(tmp_path / "b.png").alpha - larger.alpha).max() <= 0.5 / 255 + 1e-6


def test_a_luma_net_leaves_colour_as_interpolation_has_it(photo):
    size = (2 * photo.shape[0], 2 * photo.shape[1])
    x_hat = restore(Image(photo), plan(photo.shape, size, "sharper.x2"))[0].pixels
    change = x_hat - imresize(photo, *size)
    assert np.abs(change).max() > 1e-3 and np.abs(change - change[:, :, :1]).max() < 1e-5
    grey = restore(Image(to_grey(photo)), plan((*photo.shape[:2], 1), size, "sharper.x2"))[0].pixels
    assert np.abs(to_grey(x_hat) - grey).max() < 1e-4


def test_an_ensemble_is_the_mean_of_the_turned_results(photo):
    y, size = photo[:50, :70], (100, 140)
    one, many = plan(y.shape, size), plan(y.shape, size, ensemble=True)
    results = []
    for mirrored in (False, True):
        for turns in range(4):
            seen = np.rot90(y[:, ::-1] if mirrored else y, turns)
            turned = plan(seen.shape, (2 * seen.shape[0], 2 * seen.shape[1]))
            x_hat = np.rot90(restore(Image(np.ascontiguousarray(seen)), turned)[0].pixels, -turns)
            results.append(x_hat[:, ::-1] if mirrored else x_hat)
    together = restore(Image(y), many)[0].pixels
    assert np.abs(together - np.mean(results, 0)).max() <= 1e-5
    assert np.abs(together - restore(Image(y), one)[0].pixels).max() > 1e-4


def test_what_cannot_be_made_larger_is_told(photo, tmp_path):
    shape = photo.shape
    with pytest.raises(BadPlan, match="enlarged 1 to 8 times"):
        plan_to_enlarge("bicubic", shape, (9 * shape[0], 9 * shape[1]))
    with pytest.raises(BadPlan, match="enlarged 1 to 8 times"):
        plan_to_enlarge("bicubic", shape, (shape[0] - 1, shape[1]))
    with pytest.raises(BadPlan, match="median does not make pictures larger"):
        plan_to_enlarge("median", shape, (2 * shape[0], 2 * shape[1]))
    with pytest.raises(BadPlan, match="has no weights"):
        plan_to_enlarge("lanczos", shape, (2 * shape[0], 2 * shape[1]), ensemble=True)
    with pytest.raises(BadPlan, match="do not make pictures larger"):
        plan_to_enlarge("larger", shape, (2 * shape[0], 2 * shape[1]), weights="restora.noise")
    write(Image(photo), tmp_path / "y.png")
    larger = plan_to_enlarge("bicubic", shape, (2 * shape[0], 2 * shape[1]))
    with pytest.raises(BadImage, match="more than the"):
        restore_file(
            tmp_path / "y.png", tmp_path / "x.png", larger, Options(limits=Limits(pixels=3 * shape[0] * shape[1]))
        )
    assert not (tmp_path / "x.png").exists()
    with pytest.raises(BadPlan, match="cannot be applied in part"):
        restore(Image(photo), Plan((Step("lanczos", "", knobs={"width": 33}, strength=0.5),), ""))
    half = Plan((replace(plan(shape, (2 * shape[0], 2 * shape[1])).steps[0], strength=0.5),), "")
    with pytest.raises(BadPlan, match="its strength must be 1"):
        restore(Image(photo), half)


def test_a_large_result_comes_in_pieces_that_fit_the_memory_allowed(photo, tmp_path):
    source = tmp_path / "y.png"
    write(Image(np.tile(photo, (4, 4, 1))[:750, :1000]), source)
    made = plan((750, 1000, 3), (3000, 4000))
    report = restore_file(source, tmp_path / "x.tif", made, Options(limits=Limits(memory=10**9)))
    assert report.tiles > 1 and read(tmp_path / "x.tif").shape == (3000, 4000, 3)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_interpolation_scores_as_the_literature_has_it(scale, shared):
    row = bench(sets.test_set("Set5"), f"shrink(scale={scale})", lambda y: larger_by(y, scale))
    published = {2: (33.66, 0.9299), 3: (30.39, 0.8682), 4: (28.42, 0.8104)}[scale]
    assert abs(row.psnr - published[0]) <= 0.03 and abs(row.ssim - published[1]) <= 0.001
    assert row.psnr_damaged == row.psnr and row.protocol == "sr-y"


@pytest.mark.parametrize("name", ["bicubic", "lanczos", "back-projection", "larger", "sharper"])
def test_a_row_names_the_method_that_was_asked_for(name, shared):
    tests = sets.test_set("Set5").first(1)
    row = bench(tests, "shrink(scale=2)", lambda y: plan_to_enlarge(name, y.shape, (y.shape[0] * 2, y.shape[1] * 2)))
    assert row.method == name and row.weights == (f"{name}.x2" if name in ROWS else "")


def larger_by(y, scale):
    return plan_to_enlarge("bicubic", y.shape, (y.shape[0] * scale, y.shape[1] * scale))


def test_lanczos_is_sharper_than_bicubic_and_back_projection_sharper_still(photo):
    x = photo[: photo.shape[0] // 2 * 2, : photo.shape[1] // 2 * 2]
    y = Image(imresize(x, x.shape[0] // 2, x.shape[1] // 2))
    scores = [
        measure(restore(y, plan_to_enlarge(name, y.shape, x.shape[:2]))[0].pixels, x, PROTOCOLS["sr-y"], 2).psnr
        for name in ("bicubic", "lanczos", "back-projection")
    ]
    assert scores[1] > scores[0] + 0.1 and scores[2] > scores[1] + 0.1


def test_a_resize_step_of_a_plan_by_hand(photo):
    made = Plan((Step("lanczos", "", knobs={"width": 33}),), "")
    assert restore(Image(photo), made)[0].shape == (photo.shape[0], 33, 3)


def test_noise_removed_and_then_four_times_larger_fits_a_gigabyte():
    shape = (1024, 608, 3)
    larger = plan_to_enlarge("edsr", shape, (4096, 2432))
    made = replace(larger, steps=(Step("restora", "noise", weights="restora.noise"), *larger.steps))
    assert prepare(made, Source(None, shape), Report(made), Means(Backend("openvino"), 10**9)).tile >= (512, 512)
