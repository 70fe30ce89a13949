import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.damage.words import parse
from restora.learn.noise_model import measure_noise


def lag(n, distance):
    return (n[:, distance:] * n[:, :-distance]).mean((0, 1)) / n.var((0, 1))


@pytest.fixture(scope="module")
def clean():
    """Soft shapes from dark to bright, (512, 512, 3)."""
    v, u = np.mgrid[0:1:512j, 0:1:512j]
    return np.repeat((0.1 + 0.7 * u + 0.05 * np.sin(9 * v))[:, :, None], 3, 2).astype(np.float32)


@pytest.mark.parametrize("words", ["noise(camera, sigma=0.02)", "noise(camera, sigma=0.04, grain=1.0, colour=0.2)"])
def test_the_noise_that_is_drawn_is_like_the_noise_that_was_measured(clean, words):
    true = parse(words).apply(clean, np.random.default_rng(0)) - clean
    model = measure_noise([clean + true])
    drawn = model.draw(clean, np.random.default_rng(1)) - clean
    assert drawn.std((0, 1)) == pytest.approx(true.std((0, 1)), rel=0.15)
    for distance in (1, 2):
        # Choosing the flattest squares favours those whose noise has little of the lowest frequencies.
        assert lag(drawn, distance) == pytest.approx(lag(true, distance), abs=0.12)
    channels = [np.corrcoef(n.reshape(-1, 3).T)[0, 1] for n in (drawn, true)]
    assert channels[0] == pytest.approx(channels[1], abs=0.1)


def test_noise_that_grows_with_brightness_does_so_when_drawn(clean):
    model = measure_noise([parse("noise(speckle, sigma=0.1)").apply(clean, np.random.default_rng(0))])
    drawn = model.draw(clean, np.random.default_rng(1)) - clean
    dark, bright = drawn[:, 50:150].std(), drawn[:, 350:450].std()
    assert bright / dark == pytest.approx(clean[:, 350:450].mean() / clean[:, 50:150].mean(), rel=0.25)


@pytest.mark.parametrize("shape", [(20, 20, 3), (100, 100, 3)])
def test_too_little_to_see_is_said(shape):
    with pytest.raises(BadImage, match="too few or too small"):
        measure_noise([np.full(shape, 0.5, np.float32)])
    with pytest.raises(BadImage, match="too few or too small"):
        measure_noise([])
    with pytest.raises(BadImage, match="black or white"):
        measure_noise([np.ones((600, 600, 3), np.float32)])
    with pytest.raises(BadImage, match="no noise in flat places"):
        measure_noise([np.full((600, 600, 3), 0.5, np.float32)])
