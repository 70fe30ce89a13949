import numpy as np
import pytest

from restora.core.errors import BadDamage
from restora.damage.marks import Mark, marked
from restora.damage.words import KINDS, parse


@pytest.fixture(params=list(KINDS["marks"]), ids=lambda kind: kind.kind)
def mark(request):
    return request.param()


@pytest.fixture
def x():
    """A grey ramp with a little noise, in colour."""
    ramp = np.linspace(0.1, 0.7, 160, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 0.02, (120, 160, 3)).astype(np.float32)
    return np.broadcast_to(ramp, (120, 160, 3)) + noise


def test_the_mask_is_exactly_what_was_changed(mark, x):
    seen = 0
    for seed in range(6):
        y, mask = mark.marked(x, np.random.default_rng(seed))
        assert y.dtype == np.float32 and y.shape == x.shape and mask.shape == x.shape[:2] and mask.dtype == bool
        assert np.array_equal(mask, (y != x).any(2))
        assert np.array_equal(y, mark.apply(x, np.random.default_rng(seed)))
        seen += int(mask.sum())
        assert mask.mean() < 0.9
    assert seen > 0


def test_the_mask_of_a_chain_is_that_of_its_marks(x):
    words = parse("noise(sigma=0.1) | marks(letters, size=30) | blur(sigma=0.5) | marks(dust) | jpeg(quality=50)")
    y, mask = marked(words, x, np.random.default_rng(4))
    assert np.array_equal(y, words.apply(x, np.random.default_rng(4))) and 0 < mask.mean() < 0.5
    y, mask = marked(parse("noise(sigma=0.1)"), x, np.random.default_rng(4))
    assert not mask.any() and not np.array_equal(x, y)


def test_what_was_changed_can_be_seen(mark, x):
    for seed in range(6):
        y, mask = mark.marked(x, np.random.default_rng(seed))
        assert not mask.any() or np.abs(y - x).max(2)[mask].min() > 0.02


def test_a_grey_picture_stays_grey(mark, x):
    y, _ = mark.marked(x[:, :, :1], np.random.default_rng(1))
    assert y.shape == (120, 160, 1)


def test_values_stay_within_the_range_of_pictures(mark, x):
    for seed in range(6):
        y, mask = mark.marked(x, np.random.default_rng(seed))
        assert not mask.any() or (y[mask].min() > -0.1 and y[mask].max() < 1.1)


def test_lines_are_as_thin_as_they_say(x):
    flat = np.full((200, 200, 1), 0.4, np.float32)
    thin, wide = (parse(f"marks(scratches, count=8, width={width})") for width in (1, 8))
    areas = [[mark.marked(flat, np.random.default_rng(seed))[1].sum() for seed in range(5)] for mark in (thin, wide)]
    assert sum(areas[1]) > 2 * sum(areas[0])


def test_a_tear_touches_the_border_and_letters_stay_inside(x):
    for seed in range(6):
        _, torn = parse("marks(tears)").marked(x, np.random.default_rng(seed))
        assert torn[[0, -1]].any() or torn[:, [0, -1]].any()


def test_more_is_more(x):
    few, many = (parse(f"marks(dust, count={count})").marked(x, np.random.default_rng(2))[1] for count in (10, 200))
    assert many.sum() > few.sum()


@pytest.mark.parametrize("kind", list(KINDS["marks"]), ids=lambda kind: kind.kind)
def test_impossible_knobs_are_refused(kind):
    assert issubclass(kind, Mark)
    knob = "amount" if kind.kind == "mixed" else "count"
    with pytest.raises(BadDamage, match="must be"):
        parse(f"marks({kind.kind}, {knob}=0)")
