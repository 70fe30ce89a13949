"""Deconvolution with a known kernel: identities of the model, and gains over the blurred picture."""

import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
from scipy.ndimage import convolve

import restora
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.damage.blur import DiskBlur, GaussianBlur, MotionBlur
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.files.save import write
from restora.learn.weights import find
from restora.methods.plug_and_play import plug_and_play
from restora.methods.table import METHODS, TASKS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.nets.deconvolution import bordered, forward, gradient_power, inverse, transfer
from restora.stages.net import DENOISER, denoiser
from restora.stages.pipeline import Means, Source, prepare
from restora.stages.stage import Setup
from restora.stages.whole import needed

KERNELS = {
    "disk": DiskBlur(3).kernel(),
    "gaussian": GaussianBlur(1.6).kernel(),
    "motion": MotionBlur(11, 30).kernel(),
    "lopsided": np.eye(9)[[0, 0, 0, 1, 2, 3, 4, 5, 6]] / 9,  # neither symmetric nor separable
}
kernels = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
KNOWN = [row for row in TASKS["deblur"] if row.inputs]
GAINS = {"plug-and-play": 3, "tv-deconvolution": 3, "wiener-deconvolution": 1.5, "richardson-lucy": 1.5}
"""Decibels that a method gains at least over the blurred picture, with noise of 2.55 of 255."""


def psnr(x_hat, x):
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr


def blurred(x, kernel, sigma=2.55 / 255):
    y = np.dstack([convolve(plane, kernel, mode="nearest") for plane in np.moveaxis(x, 2, 0)])
    return (y + sigma * np.random.default_rng(0).standard_normal(y.shape)).astype(np.float32)


@kernels
def test_the_transfer_function_is_that_of_convolution(kernel):
    x = np.random.default_rng(0).random((40, 54))
    by_fft = inverse(transfer(kernel, x.shape) * forward(x), x.shape)
    assert np.abs(by_fft - convolve(x, kernel, mode="wrap")).max() < 1e-5
    power = inverse(gradient_power(x.shape) * forward(x), x.shape)
    laplacian = 4 * x - sum(np.roll(x, step, axis) for step in (-1, 1) for axis in (0, 1))
    assert np.abs(power - laplacian).max() < 1e-5


@kernels
def test_a_continued_picture_holds_the_picture_and_wraps_without_a_jump(photo, kernel):
    plane = photo[:101, :77, 1]
    whole = bordered(plane, kernel)
    assert np.array_equal(whole.inside(whole.plane), plane)
    assert all(a >= b + 2 * k for a, b, k in zip(whole.plane.shape, plane.shape, kernel.shape, strict=True))
    jumps = [np.abs(np.diff(np.concatenate([whole.plane] * 2, axis), axis=axis)).max() for axis in (0, 1)]
    inside = [np.abs(np.diff(plane, axis=axis)).max() for axis in (0, 1)]
    assert max(jumps) <= 1.05 * max(inside) and plane.min() - 0.1 <= whole.plane.min() <= whole.plane.max() <= 1.1


def test_a_continuation_that_is_blurred_as_the_picture_is_leaves_less_ringing_at_the_borders(photo, monkeypatch):
    x, kernel = photo[:240, :240], KERNELS["motion"]
    y = blurred(x, kernel)[30:-30, 30:-30]  # what is outside is not a mirror image
    inside = x[30:-30, 30:-30]

    def wrong() -> float:
        x_hat = restora.deblur(y, kernel, 2.55 / 255, method="tv-deconvolution").image
        ring = np.ones(inside.shape[:2], bool)
        ring[15:-15, 15:-15] = False
        return float(np.sqrt(np.mean((x_hat - inside)[ring] ** 2)))

    agreeing = wrong()
    monkeypatch.setattr("restora.nets.deconvolution.AGREEING", 0)
    assert agreeing < 0.9 * wrong()


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.name)
def test_a_blurred_picture_is_sharpened(row, photo):
    x = photo[:200, :240]
    for name, kernel in KERNELS.items():
        y = blurred(x, kernel)
        knobs = {"threshold": 0.3} if row.name == "inverse-filter" else {}
        sigma = 2.55 / 255 if any(knob.name == "sigma" for knob in row.knobs) else None
        result = restora.deblur(y, kernel, sigma, method=row.name, knobs=knobs)
        assert result.image.shape == y.shape and np.isfinite(result.image).all(), name
        if name != "gaussian":  # which leaves little to be found again
            assert psnr(result.image, x) > psnr(y, x) + GAINS.get(row.name, 0.5), name
        assert f"within {max(kernel.shape) // 2} pixels of the borders" in " ".join(result.report.warnings)


@pytest.mark.parametrize("method", ["plug-and-play", "wiener-deconvolution", "tv-deconvolution", "richardson-lucy"])
def test_a_picture_of_8_bits_without_noise_gains_with_the_level_that_is_measured(method, photo):
    """Clipped pixels and the unknown beyond the borders must not ring through the result."""
    x = np.rint(photo[:160, :200] * 255).astype(np.uint8)
    y = restora.degrade(x, "blur(motion, length=9, angle=30)", seed=0)
    inside = np.s_[16:-16, 16:-16]
    result = restora.deblur(y, "motion(length=9, angle=30)", method=method)
    assert psnr(result.image[inside] / 255, x[inside] / 255) > psnr(y[inside] / 255, x[inside] / 255) + 4


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.name)
@pytest.mark.parametrize("shape", [(9, 9, 1), (9, 40, 3), (33, 21, 2), (24, 30, 4)])
def test_small_pictures_flat_ones_and_alpha_are_no_trouble(row, shape):
    y = np.full(shape, 0.6, np.float32)
    knobs = {"sigma": 0.01} if any(knob.name == "sigma" for knob in row.knobs) else {}
    x_hat = restora.deblur(y, KERNELS["lopsided"].astype(float), method=row.name, knobs=knobs).image
    assert x_hat.shape == shape and np.abs(x_hat - 0.6).max() < (0.03 if row.denoiser else 0.02)


def test_what_was_not_blurred_stays_as_it_is(photo):
    """A kernel of a single pixel, and a denoiser that does nothing."""
    y, point = photo[:50, :60], np.pad(np.ones((1, 1)), 2)
    for method in ("inverse-filter", "wiener-deconvolution", "tv-deconvolution", "richardson-lucy"):
        knobs = {"sigma": 0.0} if method != "inverse-filter" else {}
        assert np.abs(restora.deblur(y, point, method=method, knobs=knobs).image - y).max() < 0.01, method
    assert np.abs(plug_and_play(y, point, 0.01, 8, denoise=lambda picture, level: None).x_hat - y).max() < 1e-5


def test_plug_and_play_needs_no_more_memory_than_its_row_says():
    """Of arrays: the picture, which is not copied, and what is made. A part remains while the denoiser runs."""
    y, kernel, held = np.random.default_rng(0).random((480, 640, 3), np.float32), KERNELS["disk"], []
    pixels = bordered(y[:, :, 0], kernel).plane.size
    tracemalloc.start()
    try:
        plug_and_play(y, kernel, 0.01, 2, denoise=lambda z, level: held.append(tracemalloc.get_traced_memory()[0]))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    row = METHODS["plug-and-play"]
    assert needed(replace(row, denoiser=""), {}, (1, pixels)) >= y.nbytes + most > 24 * pixels
    assert needed(row, {}, (1, pixels)) - DENOISER >= y.nbytes + max(held) > 24 * pixels


@pytest.mark.exhaustive
def test_plug_and_play_on_twelve_megapixels_fits_a_gigabyte(tmp_path):
    noise = pyvips.Image.gaussnoise(4000, 3000, mean=128, sigma=25).cast("uchar")
    noise.bandjoin([noise, noise]).copy(interpretation="srgb").tiffsave(str(tmp_path / "y.tif"))
    words = "--kernel", "disk(4)", "--sigma", "0.01", "--set", "rounds=2", "-o", "x.tif", "--json"
    done = subprocess.run(
        [sys.executable, "-m", "restora", "deblur", "y.tif", *words],
        capture_output=True, check=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout)["peak_megabytes"] <= 1000


def setup_of(weights):
    plan = Plan((Step("plug-and-play", "", weights),), "")
    return Setup(
        plan.steps[0], METHODS["plug-and-play"], {}, (8, 8), 3, None, (8, 8), Report(plan), Backend("openvino")
    )  # fmt: skip


def test_the_denoiser_in_place_by_tiles_is_the_net_whole(photo, monkeypatch):
    x = photo[:200, :250]
    tiles = [x.copy(), x.copy()]
    for side, picture in zip((64, 1024), tiles, strict=True):
        monkeypatch.setattr("restora.stages.net.TILE", side)
        denoiser(setup_of(None))(picture, 0.1)
    apart = np.abs(tiles[0] - tiles[1])  # rounding is larger at some edges; a wrong halo shows along all tiles
    assert np.quantile(apart, 0.999) <= 1e-5 and apart.max() <= 1e-4 and np.abs(tiles[0] - x).max() > 0.01


def test_the_prior_obeys_its_sigma(photo):
    """Told less than there is, it leaves noise; told more, it removes detail. The flagship goes by what it sees."""
    x = photo[:160, :160]
    y = x + 0.06 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)

    def change(weights, level):
        picture = y.copy()
        denoiser(setup_of(weights))(picture, level)
        return float(np.std(picture - y))

    obeys = [change("restora.prior", level) for level in (0, 0.02, 0.06, 0.15)]
    assert obeys == sorted(obeys) and obeys[0] < 0.01 and obeys[1] < 0.6 * obeys[2] < 0.6 * obeys[3]
    ignores = [change("restora.noise", level) for level in (0.02, 0.15)]
    assert ignores[0] > 0.8 * ignores[1]


def test_the_command_takes_words_and_files_and_refuses_others(photo, tmp_path, monkeypatch, capsys):
    from tests.app.conftest import call

    monkeypatch.chdir(tmp_path)
    write(Image(blurred(photo[:120, :160], KERNELS["disk"])), Path("y.png"))
    write(Image((KERNELS["disk"] / KERNELS["disk"].max())[:, :, None].astype(np.float32)), Path("k.png"))
    write(Image(np.ones((4, 5, 1), np.float32)), Path("even.png"))
    write(Image(np.zeros((5, 5, 1), np.float32)), Path("black.png"))

    def deblur(kernel, *words):
        return call(monkeypatch, capsys, "deblur", "y.png", "--kernel", kernel, "-o", "x.png", "--force", *words)

    wiener = "--method", "wiener-deconvolution"
    assert deblur("disk(3)", *wiener)[0] == 0
    by_words = read(Path("x.png")).pixels
    assert deblur("k.png", *wiener)[0] == 0
    assert np.abs(read(Path("x.png")).pixels - by_words).max() < 0.1
    for given in ("gauss(1.6)", "motion(length=15, angle=30)", "motion(9)"):
        assert deblur(given, *wiener)[0] == 0
    for given, says in {
        "even.png": "must have odd sides",
        "black.png": "positive sum",
        "disk(99)": "must be no larger than the picture, 160x120, not 199x199",
        "dsk(3)": "did you mean disk",
        "three": "must be a file, or words such as motion",
    }.items():
        status, _, said = deblur(given, *wiener)
        assert status == 2 and says in said and len(said.splitlines()) == 1
    status, _, said = deblur("disk(3)", "--method", "median")
    assert status == 2 and "median does not sharpen; these do: plug-and-play" in said
    status, _, said = call(monkeypatch, capsys, "deblur", "y.png", "--method", "plug-and-play")
    assert status == 2 and "plug-and-play needs a kernel; give it with --kernel" in said


def test_weights_that_cannot_be_told_are_refused(photo):
    with pytest.raises(BadPlan, match="no sigma"):
        restora.deblur(photo[:40, :40], "disk(2)", 0.01, weights="unet.gray-s25")
    plan = Plan((Step("plug-and-play", "", "restora.sharp"),), "", precision="int8")
    with pytest.raises(BadPlan, match="the weights restora.sharp have no int8 model: "):
        denoiser(replace(setup_of("restora.sharp"), report=Report(plan)))
    with pytest.raises(BadImage, match="needs about"):
        plan = Plan((Step("plug-and-play", "", knobs={"sigma": 0.01}, inputs={"kernel": {"value": "disk(2)"}}),), "")
        prepare(plan, Source(None, (9000, 9000, 3)), Report(plan), Means(Backend("openvino"), 10**9))


def test_plug_and_play_needs_a_prior_that_was_always_told():
    assert find("restora.prior").recipe["data"]["told_share"] == 1 and find("restora.prior").takes("sigma")
