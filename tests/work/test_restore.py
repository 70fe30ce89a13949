import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips

from restora.core.checksum import sha256
from restora.core.errors import BadImage, BadPlan, NoWeights, OutputExists
from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.files.picture import read
from restora.files.save import write
from restora.learn.card import contract
from restora.learn.weights import Weights, store
from restora.methods.table import METHODS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.plan import best_precision
from restora.work.restore import Limits, Options, restore, restore_file
from tests.cards import CARD

NOISE = parse("noise(sigma=0.09803921568627451)")
FLAGSHIP = Plan((Step("restora", "", "restora.noise"),), "")
NOT_HERE = {"shrink", "clips"}
NETS = [row for row in METHODS.values() if row.stage == "net" and row.weights and NOT_HERE.isdisjoint(row.treats)]
DENOISERS = [method for method in NETS if {"blur", "translation"}.isdisjoint(method.treats)]
MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")


@pytest.fixture(scope="module")
def noisy(photo):
    return NOISE.apply(photo, np.random.default_rng(0))


def score(x_hat, x):
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr


@pytest.mark.parametrize("method", DENOISERS, ids=lambda method: method.name)
def test_shipped_weights_gain_on_what_they_treat(method, photo, grey_photo):
    for x in (photo[:160], grey_photo[:160]):
        y = NOISE.apply(x, np.random.default_rng(1))
        x_hat, report = restore(Image(y), Plan((Step(method.name, "", method.weights[0]),), ""))
        assert score(x_hat.pixels, x) > score(y, x) + 7.5
        assert report.weights and report.seconds > 0 and x_hat.shape == x.shape


@pytest.mark.parametrize("method", NETS, ids=lambda method: method.name)
def test_both_engines_restore_alike(method, noisy):
    plan = Plan((Step(method.name, "", method.weights[0]),), "")
    y = Image(noisy[:128, :160])
    ours, theirs = (restore(y, plan, engine=engine)[0].pixels for engine in ("openvino", "torch"))
    assert np.abs(ours - theirs).max() <= 1e-5


def told(sigma, **options):
    return Plan((Step("restora", "", "restora.noise", knobs={"sigma": sigma}, **options),), "")


def mapped(path):
    return told(0.0, inputs={"sigma_map": {"file": str(path), "sha256": sha256(path)}})


def test_a_level_that_is_told_decides_how_much_is_removed(noisy):
    left = [restore(Image(noisy), told(sigma))[0].pixels for sigma in (0.02, 0.098, 0.2)]
    removed = [np.square(noisy - x_hat).mean() for x_hat in left]
    assert removed[0] < removed[1] < removed[2]
    blind = restore(Image(noisy), FLAGSHIP)[0].pixels
    assert np.array_equal(restore(Image(noisy), told(0.0))[0].pixels, blind) and not np.array_equal(left[1], blind)


def test_a_map_says_it_pixel_by_pixel(noisy, tmp_path):
    write(Image(noisy.clip(0, 1)), tmp_path / "y.png")
    y = read(tmp_path / "y.png")
    level = np.full((*y.shape[:2], 1), 25 / 255, np.float32)
    write(Image(level), tmp_path / "even.png")
    even = restore(y, mapped(tmp_path / "even.png"))[0].pixels
    assert np.abs(even - restore(y, told(25 / 255))[0].pixels).max() <= 1e-6
    level[:, :100] = 2 / 255
    write(Image(level), tmp_path / "halves.png")
    halves = restore(y, mapped(tmp_path / "halves.png"))[0].pixels
    apart = np.abs(halves - even)
    assert apart[:, :20].max() > 1e-5, "the map is not heeded"
    assert apart[:, -10:].max() <= 1e-6, "it is heeded beyond the net's reach"
    restore_file(tmp_path / "y.png", tmp_path / "out.png", mapped(tmp_path / "halves.png"))
    assert np.abs(read(tmp_path / "out.png").pixels - halves.clip(0, 1)).max() <= 0.51 / 255


def test_a_map_that_changed_or_does_not_fit_is_refused(noisy, tmp_path):
    write(Image(noisy[:50].clip(0, 1)), tmp_path / "small.png")
    with pytest.raises(BadImage, match="the sigma map .* must be 304x256 pixels, like the picture, not 304x50"):
        restore(Image(noisy), mapped(tmp_path / "small.png"))
    plan = mapped(tmp_path / "small.png")
    write(Image(noisy[:60].clip(0, 1)), tmp_path / "small.png", force=True)
    with pytest.raises(BadPlan, match="has changed since"):
        restore(Image(noisy), plan)


def test_weights_that_are_deaf_to_sigma_say_so(noisy, tmp_path):
    card = CARD | {"method": "restora", "recipe": {"knobs": {}}, "channels": 3, "halo": 138, "multiple": 8}
    card |= contract(3, {}, "denoise")
    made = store("deaf", tmp_path, {"w": np.zeros(1, np.float32)}, b"", card)
    with pytest.raises(BadPlan, match="do not accept sigma"):
        restore(Image(noisy), Plan((Step("restora", "", str(made.onnx), knobs={"sigma": 0.1}),), ""))


def test_bf16_is_another_computation_and_close(photo, noisy):
    """On torch, which computes in bf16 everywhere, if slowly; OpenVINO does where the processor can."""
    results = [restore(Image(noisy), replace(FLAGSHIP, precision=p), engine="torch")[0] for p in ("f32", "bf16")]
    exact, coarse = (score(image.pixels, photo) for image in results)
    assert 0 < abs(exact - coarse) <= 0.02  # one picture; the mean over a set is on the card


@pytest.mark.parametrize(
    ("native", "loss", "chosen"), [(1, 0.01, "bf16"), (1, 0.011, "f32"), (1, None, "f32"), (0, 0, "f32")]
)
def test_bf16_is_chosen_only_where_it_is_native_and_was_measured_to_cost_little(monkeypatch, native, loss, chosen):
    monkeypatch.setattr("restora.work.plan.computes_in_bf16", lambda: bool(native))
    monkeypatch.setattr("restora.work.plan.gains_from_int8", lambda: True)
    card = {"bf16_loss_db": loss}
    monkeypatch.setattr("restora.work.plan.find", lambda name: Weights(name, Path(), card, {}))
    assert best_precision(["any"]) == chosen


@pytest.mark.parametrize(
    ("gains", "passed", "chosen"), [(1, (1, 1), "int8"), (1, (1, 0), "f32"), (0, (1, 1), "f32"), (1, (), "f32")]
)
def test_int8_is_chosen_only_where_it_gains_and_all_weights_passed(monkeypatch, tmp_path, gains, passed, chosen):
    monkeypatch.setattr("restora.work.plan.computes_in_bf16", lambda: False)
    monkeypatch.setattr("restora.work.plan.gains_from_int8", lambda: bool(gains))
    cards = {str(number): {"int8": {"passed": bool(each)}} for number, each in enumerate(passed)}
    monkeypatch.setattr("restora.work.plan.find", lambda name: Weights(name, tmp_path, cards[name], {"int8": ""}))
    assert best_precision(cards) == chosen


def test_strength_mixes_the_result_with_the_picture(noisy):
    half = Plan((Step("restora", "", "restora.noise", strength=0.5),), "")
    full, mixed = restore(Image(noisy), FLAGSHIP)[0].pixels, restore(Image(noisy), half)[0].pixels
    assert np.abs(mixed - (noisy + full) / 2).max() < 1e-6


def test_alpha_and_meta_pass_through(noisy):
    veil = noisy[:, :, 0]
    image = Image(noisy, veil, Meta(16, icc=b"profile"))
    restored, _ = restore(image, MEDIAN)
    assert restored.alpha is veil and restored.meta is image.meta


def test_a_file_is_restored_as_its_pixels_are(tmp_path, noisy):
    rgba = Image(np.clip(np.tile(noisy, (2, 2, 1)), 0, 1), np.tile(noisy[:, :, 0], (2, 2)).clip(0, 1), meta=Meta(16))
    write(rgba, tmp_path / "a.png")
    source = read(tmp_path / "a.png")
    expected = restore(source, FLAGSHIP)[0].pixels
    for number, memory in enumerate((10**10, 420 * 10**6)):
        report = restore_file(tmp_path / "a.png", tmp_path / f"b{number}.tif", FLAGSHIP, Options(limits=Limits(memory)))
        result = read(tmp_path / f"b{number}.tif")
        assert np.abs(result.pixels - np.clip(expected, 0, 1)).max() <= 0.6 / 65535 + 1e-5
        assert np.array_equal(result.alpha, source.alpha) and result.meta.bits == 16
        assert (report.tiles > 2) == (number > 0) and len(report.output_sha256) == len(report.input_sha256) == 64


def test_an_empty_plan_copies_the_file(tmp_path, photo):
    write(Image(photo), tmp_path / "a.jpg")
    report = restore_file(tmp_path / "a.jpg", tmp_path / "b.jpg", Plan((), "left alone"))
    assert report.input_sha256 == report.output_sha256
    restore_file(tmp_path / "a.jpg", tmp_path / "b.png", Plan((), "left alone"))
    assert np.array_equal(read(tmp_path / "b.png").pixels, read(tmp_path / "a.jpg").pixels)


def test_what_cannot_be_done_is_said_before_work_begins(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")

    def attempt(plan, **options):
        restore_file(tmp_path / "a.png", tmp_path / options.pop("to", "b.png"), plan, **options)

    with pytest.raises(OutputExists):
        attempt(MEDIAN, to="a.png")
    with pytest.raises(BadImage, match="--max-memory"):
        attempt(FLAGSHIP, options=Options(limits=Limits(3 * 10**8)))
    with pytest.raises(BadImage, match="--max-memory"):
        attempt(Plan((Step("tv", "", knobs={"sigma": 0.1}),), ""), options=Options(limits=Limits(321 * 10**6)))
    with pytest.raises(BadPlan, match="no engine is called 'gpu'"):
        attempt(FLAGSHIP, options=Options(engine="gpu"))
    with pytest.raises(NoWeights):
        attempt(Plan((Step("restora", "", "restora.none"),), ""))
    with pytest.raises(BadPlan, match="are for dncnn"):
        attempt(Plan((Step("restora", "", "dncnn.gray-s25"),), ""))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (16, 16), (64, 80), (128, 128), (300, 1)])
def test_small_files_are_restored_too(tmp_path, size):
    write(Image(np.random.default_rng(0).random((*size, 3), dtype=np.float32)), tmp_path / "a.png")
    for plan in (MEDIAN, FLAGSHIP):
        restore_file(tmp_path / "a.png", tmp_path / f"{plan.id}.png", plan)
        assert read(tmp_path / f"{plan.id}.png").shape == (*size, 3)


def test_an_output_may_replace_its_input_when_forced(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    restore_file(tmp_path / "a.png", tmp_path / "b.png", MEDIAN)
    restore_file(tmp_path / "a.png", tmp_path / "a.png", MEDIAN, Options(force=True))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_with_nan_is_refused(tmp_path):
    values = np.zeros((20, 20, 3), np.float32)
    values[3, 4] = np.nan
    pyvips.Image.new_from_array(values, interpretation="scrgb").tiffsave(str(tmp_path / "a.tif"))
    with pytest.raises(BadImage, match="NaN"):
        restore_file(tmp_path / "a.tif", tmp_path / "b.tif", MEDIAN)


PEAK = """
import json, sys
from pathlib import Path
from restora.core.plan import Plan, Step
from restora.work.restore import Limits, Options, restore_file
plan = Plan((Step("restora", "", "restora.noise"),), "")
report = restore_file(Path(sys.argv[1]), Path(sys.argv[2]), plan, Options(limits=Limits(int(sys.argv[3]))))
print(json.dumps([report.peak_megabytes, report.tiles]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("allowed", "size"), [(520, (1400, 900)), pytest.param(1000, (2500, 1200), marks=pytest.mark.exhaustive)]
)
def test_memory_stays_within_what_is_allowed(tmp_path, allowed, size):
    """Whole, the pictures would take 560 and 1200 MB."""
    row = pyvips.Image.gaussnoise(*size, mean=128, sigma=30).cast("uchar")
    row.bandjoin([row, row]).copy(interpretation="srgb").pngsave(str(tmp_path / "a.png"), compression=1)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "a.png", tmp_path / "b.png", str(allowed * 10**6)],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    peak, tiles = json.loads(done.stdout)
    assert peak <= allowed and tiles > 1
