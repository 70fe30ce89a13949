import numpy as np
import pytest
from scipy.fft import dctn, idctn

from restora.core.image import Image
from restora.damage.quantiser import steps
from restora.damage.words import parse
from restora.data.sets import test_set as named_set
from restora.files.picture import read
from restora.methods.shifted_jpeg import shifted_jpeg
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.diagnose import diagnose
from restora.work.plan import plan_of_method
from restora.work.restore import restore


def jpeg(x, quality, **where):
    knobs = "".join(f", {name}={value}" for name, value in where.items())
    return parse(f"jpeg(quality={quality}{knobs})").apply(x, np.random.default_rng(0))


def block_by_block(y, quality):
    """Every 8x8 block of the mirrored picture, wherever it lies, rounded; the mean of the 64 that hold a pixel."""
    padded = np.pad(y[:, :, 0].astype(np.float64) * 255, 8, "symmetric")
    total = np.zeros_like(padded)
    for top in range(padded.shape[0] - 7):
        for left in range(padded.shape[1] - 7):
            here = np.s_[top : top + 8, left : left + 8]
            c = dctn(padded[here], norm="ortho")
            rounded = np.rint(c / steps(quality) * (1 - 1e-4)) * steps(quality)  # what lies between goes down
            rounded[0, 0] = c[0, 0]
            total[here] += idctn(rounded, norm="ortho")
    return total[8:-8, 8:-8, None] / 64 / 255


def test_it_equals_a_second_implementation():
    y = np.random.default_rng(0).random((19, 27, 1), dtype=np.float32)
    for quality in (10, 60):
        assert shifted_jpeg(y, quality) == pytest.approx(block_by_block(y, quality), abs=1e-6)


def test_it_need_not_know_where_the_grid_is(photo):
    whole = shifted_jpeg(jpeg(photo, 20), 20)
    part = shifted_jpeg(jpeg(photo, 20)[3:, 5:], 20)
    assert np.abs(whole[3:, 5:] - part)[7:, 7:].max() < 1e-6


def test_grey_in_three_channels_is_treated_as_grey(grey_photo):
    y = jpeg(grey_photo, 20)
    in_colour = shifted_jpeg(np.repeat(y, 3, 2), 20)
    assert np.abs(in_colour - shifted_jpeg(y, 20)).max() < 1e-4


def test_colour_gains_in_its_chroma_too(photo):
    y = jpeg(photo, 10)
    x_hat = shifted_jpeg(y, 10)
    turned = [pixels @ np.array([[-0.169, 0.5], [-0.331, -0.419], [0.5, -0.081]]) for pixels in (photo, y, x_hat)]
    errors = [np.square(turned[0] - other).mean((0, 1)) for other in turned[1:]]
    assert (errors[1] < 0.95 * errors[0]).all()


def test_quality_100_leaves_the_picture_as_it_is(photo):
    assert np.array_equal(shifted_jpeg(photo, 100), photo)


@pytest.mark.parametrize("where", [{}, {"down": 4, "right": 4}])
def test_the_quality_is_measured_if_it_is_not_given(photo, where):
    y = Image(jpeg(photo, 30, **where))
    plan = plan_of_method("shifted-jpeg", {}, diagnose(y))
    assert 28 <= plan.steps[0].knobs["quality"] <= 32
    x_hat = restore(y, plan)[0].pixels
    gain = measure(x_hat, photo, PROTOCOLS["jpeg-y"]).psnr - measure(y.pixels, photo, PROTOCOLS["jpeg-y"]).psnr
    assert gain > 0.5


@pytest.mark.shared
@pytest.mark.parametrize("quality", [10, 40])
def test_it_beats_doing_nothing_on_every_picture_of_classic5(shared, quality):
    gains = []
    for path in named_set("Classic5").paths:
        x = read(path).pixels
        y = jpeg(x, quality)
        before, after = (measure(pixels, x, PROTOCOLS["jpeg-y"]) for pixels in (y, shifted_jpeg(y, quality)))
        gains.append(after.psnr - before.psnr)
        assert after.psnr_b > before.psnr_b + 1.5
    assert min(gains) > 0.3 and np.mean(gains) > 0.7
