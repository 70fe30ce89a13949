import numpy as np
import pytest

from restora.core.errors import BadDamage
from restora.damage.regions import CLASSES, Regions
from restora.damage.words import parse


def outside(boxes, shape):
    """Where no box is, (H, W) bool."""
    free = np.ones(shape[:2], bool)
    for top, left, height, width in boxes:
        free[top : top + height, left : left + width] = False
    return free


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("only", ["", *CLASSES])
def test_only_pixels_in_the_boxes_change_and_the_boxes_are_tight(photo, only, channels):
    x, made = photo[:, :, :channels], []
    for seed in range(12):
        y, regions = Regions(3, 1, only).marked(x, np.random.default_rng(seed))
        assert y.shape == x.shape and y.dtype == np.float32 and np.isfinite(y).all()
        free = outside(regions[:, :4], x.shape)
        assert np.abs(y - x).max(2)[free].max() <= 0.0201  # the faint rim of a soft mark
        for top, left, height, width, _ in regions:
            change = np.abs(y - x).max(2)[top : top + height, left : left + width] > 0.02
            assert change[0].any() and change[-1].any() and change[:, 0].any() and change[:, -1].any()
        made += regions[:, 4].tolist()
    assert made and set(made) == ({CLASSES.index(only)} if only else set(range(len(CLASSES))))


def test_the_same_generator_gives_the_same_regions(photo):
    damage = Regions(4, 2)
    one, other = (damage.marked(photo, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
    assert np.array_equal(damage.apply(photo, np.random.default_rng(7)), one[0])


def test_no_regions_leave_the_picture_and_tiny_pictures_have_none(photo):
    assert np.array_equal(Regions(0).apply(photo, np.random.default_rng(0)), photo)
    y, regions = Regions(5, 5).marked(photo[:20, :300], np.random.default_rng(0))
    assert np.array_equal(y, photo[:20, :300]) and regions.shape == (0, 5)


@pytest.mark.parametrize("words", ['regions(only="dust")', "regions(most=2, least=3)", "regions(most=101)"])
def test_wrong_values_are_refused(words):
    with pytest.raises(BadDamage, match="must be"):
        parse(words)
