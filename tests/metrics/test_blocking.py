import math

import numpy as np
import pytest

from restora.damage.words import parse
from restora.data.sets import published
from restora.data.sets import test_set as named_set
from restora.files.picture import read
from restora.metrics.blocking import blocking, psnr_b
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure, psnr

QUALITIES = (10, 20, 30, 40)


def by_loops(x_hat, x):
    """The paper's equations, pixel by pixel, for blocks of 8."""
    height, width = x.shape[:2]
    sums, counts = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for i in range(height):
        for j in range(width):
            for below, right in ((1, 0), (0, 1)):
                if i + below < height and j + right < width:
                    edge = (i + 1) % 8 == 0 if below else (j + 1) % 8 == 0
                    sums[edge] += (x_hat[i, j, 0] - x_hat[i + below, j + right, 0]) ** 2
                    counts[edge] += 1
    d_b, d_n = (sums[edge] / counts[edge] for edge in (True, False))
    bef = math.log2(8) / math.log2(min(height, width)) * (d_b - d_n) if d_b > d_n else 0
    return 10 * math.log10(255**2 / (np.mean((x_hat - x) ** 2) + bef))


def random_pair(shape):
    rng = np.random.default_rng(0)
    return rng.random(shape) * 255, rng.random(shape) * 255


def in_blocks(height, width):
    """Even blocks of 8x8 of random brightness."""
    values = np.random.default_rng(1).random((-(-height // 8), -(-width // 8))) * 255
    return values.repeat(8, 0).repeat(8, 1)[:height, :width, None]


@pytest.mark.parametrize("shape", [(64, 40, 1), (37, 50, 1), (16, 17, 1)])
def test_it_equals_the_equations_pixel_by_pixel(shape):
    x = random_pair(shape)[0]
    for x_hat in (random_pair(shape)[1], in_blocks(*shape[:2]), 0.9 * x + 0.1 * in_blocks(*shape[:2])):
        assert psnr_b(x_hat, x) == pytest.approx(by_loops(x_hat, x), abs=1e-9)


def test_without_edges_of_blocks_it_is_psnr_and_with_them_less(photo):
    x = np.rint(photo[:, :, :1].astype(np.float64) * 255)
    ramp = np.broadcast_to(np.arange(64.0)[:, None, None], (64, 64, 1))
    assert blocking(ramp) == 0 and psnr_b(ramp, ramp + 3) == psnr(ramp, ramp + 3)
    noisy = x + np.random.default_rng(0).normal(0, 9, x.shape)
    y = np.rint(parse("jpeg(quality=10)").apply(photo[:, :, :1], np.random.default_rng(0)) * 255).astype(np.float64)
    assert psnr_b(noisy, x) > psnr(noisy, x) - 0.5 and psnr_b(y, x) < psnr(y, x) - 1
    assert psnr_b(y[4:, 4:], x[4:, 4:]) == psnr(y[4:, 4:], x[4:, 4:]), "the edges are not where the grid is"


def test_edges_count_in_what_was_restored_only():
    x = in_blocks(64, 64)
    even = np.full_like(x, x.mean())
    assert psnr_b(even, x) == psnr(even, x) and psnr_b(x, even) < psnr(x, even)
    assert psnr_b(x, x) < math.inf == psnr_b(even, even)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 1), (5, 7, 1), (8, 8, 1)])
def test_what_is_no_larger_than_a_block_has_no_edges(shape):
    a, b = random_pair(shape)
    expected = psnr(a, b) if shape != (1, 40, 1) else psnr_b(a, b)
    assert psnr_b(a, b) == expected and math.isfinite(expected)


def test_only_the_protocol_of_jpeg_measures_it(photo):
    y = parse("jpeg(quality=20)").apply(photo, np.random.default_rng(0))
    scores = measure(y, photo, PROTOCOLS["jpeg-y"])
    assert scores.psnr_b < scores.psnr and measure(y, photo, PROTOCOLS["denoise"]).psnr_b is None


@pytest.mark.shared
@pytest.mark.parametrize("quality", QUALITIES)
def test_jpeg_of_classic5_scores_as_published(shared, quality):
    """PSNR, SSIM and PSNR-B of the JPEG pictures themselves."""
    words = f"jpeg(quality={quality})"
    scores = []
    for path in named_set("Classic5").paths:
        x = read(path).pixels
        scores.append(measure(parse(words).apply(x, np.random.default_rng(0)), x, PROTOCOLS["jpeg-y"]))
    for key, within in (("psnr", 0.01), ("psnr_b", 0.01), ("ssim", 0.001)):
        expected = published(key)["Classic5", words, "nothing"]
        assert np.mean([getattr(score, key) for score in scores]) == pytest.approx(expected, abs=within), key
