"""Deconvolution with an unknown kernel: the kernel found, the gain over the blurred picture, and the messages."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import convolve, shift
from scipy.optimize import minimize

import restora
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.damage.blur import MotionBlur
from restora.files.picture import read
from restora.files.save import write
from restora.learn.games.self_deblur import fit
from restora.nets.blur_kernel import centred, correlation, of_side, textured

SHAKE = np.zeros((11, 11))
SHAKE[[1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9], [3, 3, 4, 5, 6, 6, 5, 5, 6, 7, 8]] = 1 / 11
"""A curved path, neither symmetric nor separable."""
SIGMA = 0.005


def blurred(x, kernel=SHAKE):
    y = np.dstack([convolve(plane, kernel, mode="nearest") for plane in np.moveaxis(x, 2, 0)])
    return (y + SIGMA * np.random.default_rng(0).standard_normal(y.shape)).clip(0, 1).astype(np.float32)


def psnr(x_hat, x):
    """At the best shift: that of a kernel cannot be known. Without the borders."""

    def error(by):
        return np.mean((shift(x_hat, (*by, 0), order=1, mode="nearest") - x)[15:-15, 15:-15] ** 2)

    corners = [(0, 0), (0.7, 0), (0, 0.7)]
    return -10 * np.log10(minimize(error, (0, 0), method="Nelder-Mead", options={"initial_simplex": corners}).fun)


@pytest.fixture(scope="module")
def found(grey_photo):
    """A picture in colour, the blurred one, and its result with the kernel."""
    x = grey_photo[:180, :180] * np.float32([1, 0.8, 0.5]) + np.float32([0, 0.1, 0.2])
    y = blurred(x)
    return x, y, restora.deblur(y, sigma=SIGMA, method="blind-deconvolution")


def test_the_kernel_is_found_and_the_picture_sharpened(found):
    x, y, result = found
    kernel = result.products["kernel"]
    assert correlation(kernel, SHAKE) > 0.75 > 0.7 > correlation(kernel, SHAKE[::-1])
    assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1)
    assert result.image.shape == y.shape and psnr(result.image, x) > psnr(y, x) + 4
    assert [step.method for step in result.report.plan.steps] == ["blind-deconvolution"]
    assert "pixels was estimated, with a correlation of 0.9" in " ".join(result.report.warnings)


def test_a_kernel_that_was_kept_gives_the_same_picture(found, tmp_path, monkeypatch, capsys):
    from tests.app.conftest import call

    monkeypatch.chdir(tmp_path)
    write(Image(found[1][:100, :100]), Path("y.png"))
    words = "deblur", "y.png", "--sigma", "0.01", "--set", "rounds=3"
    assert call(monkeypatch, capsys, *words, "--keep", "kernel", "-o", "a.png")[0] == 0
    assert call(monkeypatch, capsys, *words, "--kernel", "a.png.kernel.png", "-o", "b.png")[0] == 0
    a, b = (read(Path(name)).pixels for name in ("a.png", "b.png"))
    assert np.abs(a - b).max() <= 3 / 255 and np.abs(a - found[1][:100, :100]).max() > 0.05


def test_a_picture_too_small_for_the_kernel_is_refused(photo):
    with pytest.raises(BadImage, match="a kernel of 13x13 pixels, a picture must be at least 78 pixels wide and high"):
        restora.deblur(photo[:60, :200], sigma=SIGMA)
    with pytest.raises(BadImage, match="a kernel of 31x31 pixels, a picture must be at least 186 .*, not 200x150"):
        restora.deblur(photo[:150, :200], sigma=SIGMA, knobs={"size": 30})
    with pytest.raises(BadPlan, match="blind-deconvolution has no input kernel"):
        restora.deblur(photo[:150, :200], "disk(2)", SIGMA, method="blind-deconvolution")


def test_a_flat_picture_stays_flat():
    y = np.full((90, 90, 4), 0.6, np.float32)
    assert np.abs(restora.deblur(y, sigma=0.01).image - y).max() < 0.02


def test_a_straight_motion_is_found(grey_photo):
    kernel = MotionBlur(13, 30).kernel()
    y = blurred(grey_photo, kernel)
    assert correlation(of_side(y[:, :, 0], 19), kernel) > 0.8


def test_a_large_picture_is_judged_by_its_most_textured_window():
    y = np.full((1500, 1400, 3), 0.5, np.float32)
    y[800:1440, 640:1280] = np.random.default_rng(0).random((640, 640, 1), np.float32)
    part = textured(y)
    assert part.shape == (640, 640) and np.abs(part - y[800:1440, 640:1280, 0]).max() < 1e-6


def test_a_kernel_is_moved_to_the_middle_and_keeps_its_shape():
    k = np.zeros((9, 9))
    k[:3, :4] = np.random.default_rng(0).random((3, 4))
    moved = centred(k, 9)
    middle = [float(moved.sum(1 - axis) @ np.arange(9)) for axis in (0, 1)]
    assert np.abs(np.array(middle) - 4).max() <= 0.5 and correlation(k, moved) == pytest.approx(1)


def test_untrained_nets_fit_picture_and_kernel(grey_photo):
    """A few steps come nearer to y; an interruption keeps the result so far."""
    y, told = blurred(grey_photo[:51, :47])[:, :, 0], []

    def stop(done, total):
        told.append((done, total))
        if done == 30:
            raise KeyboardInterrupt

    x_hat, kernel, ended = fit(y, 7, 8, 100, 0.02, seed=0, tell=stop)
    assert told[-1] == (30, 100) and "interrupted after step 30" in ended
    assert x_hat.shape == y.shape and kernel.shape == (7, 7) and kernel.sum() == pytest.approx(1)
    again = convolve(x_hat, kernel, mode="nearest")
    assert np.mean((again - y) ** 2) < 0.7 * np.var(y)


def test_selfdeblur_runs_as_a_step_on_colour(photo):
    y = blurred(photo[:80, :90])
    result = restora.deblur(y, sigma=SIGMA, method="selfdeblur", knobs={"iterations": 4, "width": 8, "size": 11})
    assert result.image.shape == y.shape and result.products["kernel"].shape == (11, 11)
    assert "all 4 steps were taken" in " ".join(result.report.warnings)
