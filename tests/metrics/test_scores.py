import math

import numpy as np
import pytest
from scipy.signal import fftconvolve
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from restora.core.errors import RestoraError
from restora.core.resample import imresize
from restora.data.sets import test_set as named_set
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS, luma, protocol_named
from restora.metrics.scores import measure, psnr, ssim


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    a = rng.random((60, 50, 3)) * 255
    return a, np.clip(a + rng.normal(0, 20, a.shape), 0, 255)


def wang(a, b):
    """ssim_index.m (Wang et al., 2004), line by line, for one channel."""
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2

    def mean(v):
        return fftconvolve(v, window, mode="valid")

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mu_a, mu_b = mean(a), mean(b)
    var_a, var_b, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
    top = (2 * mu_a * mu_b + c1) * (2 * cov + c2)
    return (top / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))).mean()


def test_psnr_equals_a_second_implementation(pair):
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(*pair, data_range=255), abs=1e-6)


def test_ssim_equals_the_authors_formula(pair):
    a, b = pair
    expected = np.mean([wang(a[:, :, c], b[:, :, c]) for c in range(3)])
    assert ssim(a, b) == pytest.approx(expected, abs=1e-6)


def test_uniform_ssim_is_scikit_images_default(pair):
    assert ssim(*pair, "uniform") == structural_similarity(*pair, channel_axis=2, data_range=255) != ssim(*pair)


def test_luma_is_matlabs():
    white, black, red = np.eye(3)[None, :1] * 0 + 255, np.zeros((1, 1, 3)), np.array([[[255.0, 0, 0]]])
    assert [luma(v)[0, 0, 0] for v in (white, black, red)] == pytest.approx([235, 16, 81.481])


def test_a_narrower_range_gains_1_32_db(photo):
    """The studio range of Y is 219 wide but its peak stays 255: 20 log10(255 / 219)."""
    y = np.clip(photo + np.random.default_rng(0).normal(0, 0.02, (*photo.shape[:2], 1)), 0, 1)
    full = measure(y, photo, PROTOCOLS["denoise"]).psnr
    studio = measure(y, photo, PROTOCOLS["jpeg-y"]).psnr
    assert studio - full == pytest.approx(20 * math.log10(255 / 219), abs=0.05)


def test_protocols_crop_round_and_clip(photo):
    y = photo.copy()
    y[:2] = 0
    assert measure(y, photo, PROTOCOLS["sr-y"], scale=2).psnr == math.inf
    assert measure(photo + 0.001, photo, PROTOCOLS["denoise"]).psnr == math.inf  # rounds to the same 8 bits
    assert measure(photo + 0.001, photo, PROTOCOLS["float"]).psnr == pytest.approx(60, abs=0.01)


def test_what_cannot_be_compared_is_refused(photo):
    with pytest.raises(RestoraError, match="the same size"):
        measure(photo, photo[:-1], PROTOCOLS["denoise"])
    with pytest.raises(RestoraError, match="no pixels left"):
        measure(photo, photo, PROTOCOLS["sr-y"], scale=200)
    with pytest.raises(RestoraError, match="did you mean sr-y"):
        protocol_named("sr_y")


@pytest.mark.shared
@pytest.mark.parametrize(("scale", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_on_set5_gives_the_published_number(shared, scale, published):
    """The field's convention: luma first, in floating point, then shrunk and enlarged (VDSR's code)."""
    scores = []
    for path in named_set("Set5").paths:
        x = read(path).pixels
        height, width = (side // scale * scale for side in x.shape[:2])
        y = luma(x[:height, :width] * 255.0) / 255
        up = imresize(imresize(y, height // scale, width // scale), height, width)
        scores.append(measure(up, y, PROTOCOLS["sr-y"], scale).psnr)
    assert np.mean(scores) == pytest.approx(published, abs=0.006)
