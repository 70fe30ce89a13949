import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restora.core.errors import BadDamage
from restora.damage.chain import Chain, Linear
from restora.damage.hole import Hole
from restora.damage.noise import GaussianNoise
from restora.damage.words import KINDS, draw, parse

EXAMPLES = [
    "noise(sigma=0.1)",
    "noise(poisson, peak=30.0)",
    "noise(salt-and-pepper, amount=0.05)",
    "noise(camera, sigma=0.05, grain=0.8, colour=0.3)",
    "noise(speckle, sigma=0.2)",
    "blur(sigma=1.5)",
    "blur(motion, length=15.0, angle=30.0)",
    "blur(disk, radius=3.0)",
    "blur(shake, length=12.0)",
    "blur(moving, length=9.0, camera=3.0)",
    "jpeg(quality=30)",
    "jpeg(quality=30, chroma=444, down=3, right=5, larger=1.25)",
    "shrink(scale=2)",
    "shrink(scale=3)",
    "enlarge(scale=2)",
    "hole(top=5, left=7, height=20, width=10)",
    "hole(pixels, share=0.5)",
    "hole(scratches, count=5, width=3)",
    "hole(strokes, count=2, width=9)",
    "hole(blobs, share=0.2, size=12.0)",
    "regions(most=6, least=3)",
    'regions(most=3, least=1, only="blotch")',
    'hole(text, size=20, words="a | (b), \\"c\\"")',
    "fade(red=0.5, green=0.3, blue=0.4)",
    "fade(contrast, black=0.2, white=0.9)",
    "sepia(amount=0.7)",
    "yellow(amount=0.3)",
    "stain(count=3, size=0.5, density=0.4)",
    "marks(mixed)",
    "marks(scratches, count=3, width=2.0)",
    "marks(film, count=2, width=1.0)",
    "marks(creases, count=1, width=3.0)",
    "marks(dust, count=9, size=5.0)",
    "marks(blotches, count=2, size=20.0)",
    "marks(tears, count=2, size=30.0)",
    "marks(letters, count=2, size=12.0)",
    "marks(pixels, count=5)",
    "scene(print, size=9.0, part=0.5)",
    "scene(wires, count=2, width=1.0)",
    "scene(hair, count=9, width=1.0)",
    "scene(grid, size=9.0, width=1.0)",
    "scene(stars, count=9)",
    "blur(motion, length=9.0, angle=10.0) | noise(sigma=0.02) | jpeg(quality=60)",
]
SEEDED = (
    "noise", "pixels", "scratches", "text", "strokes", "blobs", "shake", "moving", "stain", "marks", "scene", "regions",
)  # fmt: skip
"""Parts of the words that draw from the random numbers."""
FILES = ['blur(kernel, file="{}/k.npy")', 'hole(mask, file="{}/m.png")']


@pytest.fixture
def all_examples(tmp_path):
    np.save(tmp_path / "k.npy", np.random.default_rng(0).random((5, 7)))
    import cv2

    cv2.imwrite(str(tmp_path / "m.png"), (np.random.default_rng(1).random((64, 48)) < 0.5).astype(np.uint8) * 255)
    return EXAMPLES + [words.format(tmp_path) for words in FILES]


@pytest.fixture
def x():
    return np.random.default_rng(2).random((64, 48, 3), dtype=np.float32)


def test_text_and_back_is_the_same_damage(all_examples):
    for text in all_examples:
        assert parse(str(parse(text))) == parse(text)
        assert str(parse(text)) == text


def test_every_kind_has_an_example(all_examples):
    parsed = [parse(text) for text in all_examples]
    assert {kind for kinds in KINDS.values() for kind in kinds} <= {type(damage) for damage in parsed}


@given(st.floats(0, 10), st.integers(1, 100), st.text(max_size=20).filter(str.strip))
@settings(deadline=None, max_examples=50)
def test_any_values_survive_text(sigma, quality, words):
    if "\n" in words or "\r" in words:
        words = words.split()[0]
    from restora.damage.hole import TextHole
    from restora.damage.jpeg import Jpeg

    chain = Chain((GaussianNoise(sigma), Jpeg(quality), TextHole(words=words)))
    assert parse(str(chain)) == chain


def test_the_same_seed_gives_the_same_damage_and_another_seed_another(all_examples, x):
    for text in all_examples:
        once, again, other = (parse(text).apply(x, np.random.default_rng(seed)) for seed in (3, 3, 4))
        assert np.array_equal(once, again) and once.dtype == np.float32
        seeded = any(word in text for word in SEEDED)
        assert np.array_equal(once, other) != seeded, text


def test_linear_damages_pass_the_adjoint_test(all_examples, x):
    tested = 0
    for text in all_examples:
        damage = parse(text)
        if not isinstance(damage, Linear):
            continue
        tested += 1
        ax = damage.apply(x, np.random.default_rng(5)).astype(np.float64)
        y = np.random.default_rng(6).random(ax.shape, dtype=np.float32)
        aty = damage.adjoint(y, x.shape, np.random.default_rng(5)).astype(np.float64)
        assert np.sum(ax * y) == pytest.approx(np.sum(x * aty), rel=1e-5), text
    assert tested == 16


def test_noise_has_the_level_it_says():
    flat, rng = np.full((400, 400, 1), 0.4, np.float32), np.random.default_rng(7)
    assert parse("noise(sigma=0.1)").apply(flat, rng).std() == pytest.approx(0.1, rel=0.02)
    assert parse("noise(speckle, sigma=0.1)").apply(flat, rng).std() == pytest.approx(0.04, rel=0.02)
    assert parse("noise(poisson, peak=50)").apply(flat, rng).var() == pytest.approx(0.4 / 50, rel=0.03)
    dots = parse("noise(salt-and-pepper, amount=0.1)").apply(flat, rng)
    assert [(dots == value).mean() for value in (0, 1)] == pytest.approx([0.05, 0.05], rel=0.1)


def test_camera_noise_is_as_measured_on_cameras():
    """Nam et al.'s Nikon D600 at ISO 3200: 3.5 in green, 5.5 in red, correlations 0.63 and 0.79 between neighbours."""
    x = np.full((600, 600, 3), 0.5, np.float32)
    n = parse("noise(camera, sigma=0.05)").apply(x, np.random.default_rng(9)) - x
    assert n.std((0, 1)) * 20 == pytest.approx([1.45, 1, 1.45], rel=0.05)
    shared = (n[:, 1:] * n[:, :-1]).mean((0, 1)) / n.var((0, 1))
    assert shared == pytest.approx([0.79, 0.6, 0.79], abs=0.05)
    assert np.corrcoef(n.reshape(-1, 3).T)[0, 1] == pytest.approx(0.35, abs=0.06)
    sharp = parse("noise(camera, sigma=0.05, grain=0)").apply(x[..., :1], np.random.default_rng(9)) - x[..., :1]
    assert sharp.std() == pytest.approx(0.05, rel=0.03) and abs((sharp[:, 1:] * sharp[:, :-1]).mean()) < 1e-4


def test_motion_follows_its_angle():
    level, up = (parse(f"blur(motion, length=15, angle={angle})").kernel() for angle in (0, 90))
    assert np.allclose(level, up.T, atol=1e-9)
    assert (level.sum(1) > 0.5).sum() == 1 and level.sum() == pytest.approx(1)


def test_blur_keeps_a_flat_picture_flat_to_its_borders(all_examples):
    flat = np.full((64, 48, 3), 0.3, np.float32)
    for text in all_examples:
        if text.startswith("blur") and "|" not in text:
            assert np.allclose(parse(text).apply(flat, np.random.default_rng(0)), 0.3, atol=1e-6)


def test_shrink_is_antialiased_and_keeps_the_mean(x):
    small = parse("shrink(scale=4)").apply(x, np.random.default_rng(0))
    assert small.shape == (16, 12, 3) and small.mean() == pytest.approx(x.mean(), abs=0.01)


def test_holes_are_black_and_masks_say_where(x):
    rectangle = "hole(top=5, left=7, height=20, width=10)"
    for text in (rectangle, "hole(scratches, count=3)", "hole(text)", "hole(strokes)", "hole(blobs)"):
        damage = parse(text)
        assert isinstance(damage, Hole)
        m = damage.mask(64, 48, np.random.default_rng(8))
        y = damage.apply(x, np.random.default_rng(8))
        assert np.array_equal(y[m], x[m]) and not y[~m].any() and 0 < (~m).sum() < m.size


def test_fading_lifts_black_and_keeps_white(x):
    ends = np.array([0, 1], np.float32)[:, None, None] * np.ones(3, np.float32)
    for text in ("fade(red=0.5, green=0.3, blue=0.4)", "fade(contrast, black=0.2)"):
        black, white = parse(text).apply(ends, np.random.default_rng(0))
        assert (black > 0.08).all() and np.allclose(white, 1, atol=1e-6)
    lost = parse("fade(red=0.5, green=0.3, blue=0)").apply(ends, np.random.default_rng(0))[0, 0]
    assert lost[0] > lost[1] > lost[2] == pytest.approx(0, abs=1e-6), "each channel by its own share"
    for text in ("fade(red=0, green=0, blue=0)", "fade(contrast, black=0)", "sepia(amount=0)", "yellow(amount=0)"):
        assert np.allclose(parse(text).apply(x, np.random.default_rng(0)), x, atol=1e-6)


def test_fading_twice_is_one_fading_of_the_density_left(x):
    once = parse("fade(red=0.44, green=0.44, blue=0.44)").apply(x, np.random.default_rng(0))
    twice = parse("fade(red=0.2, green=0.2, blue=0.2) | fade(red=0.3, green=0.3, blue=0.3)")
    assert np.allclose(twice.apply(x, np.random.default_rng(0)), once, atol=1e-5)


def test_sepia_leaves_one_hue_and_yellowing_takes_blue(x):
    toned = parse("sepia()").apply(x, np.random.default_rng(0))
    assert (toned[..., 0] >= toned[..., 1]).all() and (toned[..., 1] >= toned[..., 2]).all()
    grey = np.full((4, 4, 3), 0.5, np.float32)
    red, green, blue = parse("yellow(amount=0.4)").apply(grey, np.random.default_rng(0))[0, 0]
    assert 0.5 > red > green > blue == pytest.approx(0.3)
    assert np.array_equal(parse("sepia()").apply(grey[..., :1], np.random.default_rng(0)), grey[..., :1])


def test_stains_darken_a_part_and_blue_most():
    x = np.full((120, 160, 3), 0.8, np.float32)
    y = parse("stain(count=1, size=0.5)").apply(x, np.random.default_rng(1))
    assert (y <= x).all() and 0.02 < (y < x).any(2).mean() < 0.8
    assert (y[..., 0] >= y[..., 2]).all() and y[..., 2].min() < 0.7


def test_ranges_are_drawn():
    levels = [draw("noise(sigma=0.1..0.2) | jpeg(quality=30)", np.random.default_rng(seed)) for seed in range(20)]
    sigmas = [chain.damages[0].sigma for chain in levels]
    assert 0.1 <= min(sigmas) < max(sigmas) <= 0.2 and len(set(sigmas)) == 20


def test_ranges_are_read_as_their_knob_is():
    drawn = {draw("jpeg(quality=10..12)", np.random.default_rng(seed)).quality for seed in range(40)}
    assert drawn == {10, 11, 12}
    assert 1e-3 <= draw("noise(sigma=1e-3 .. 1e-1)", np.random.default_rng(0)).sigma <= 0.1
    assert draw('hole(mask, file="a1..2.png")', np.random.default_rng(0)).file == "a1..2.png"
    with pytest.raises(BadDamage, match="needs a float"):
        parse("noise(sigma=0..1)")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nose(sigma=1)", "did you mean noise"),
        ("noise(sgima=1)", "did you mean sigma"),
        ("noise(pepper, amount=1)", "has no kind"),
        ("noise(sigma=a)", "needs a float for sigma"),
        ("noise(sigma=-1)", "from 0 to 10"),
        ("noise(sigma=nan)", "from 0 to 10"),
        ("noise()", "needs sigma"),
        ("noise(sigma=1, sigma=2)", "twice"),
        ("noise(gaussian, 3)", "knob=value"),
        ("noise(sigma=1) blur(sigma=1)", r"expected '\|'"),
        ("noise(sigma=1) |", "cannot read"),
        ("", "cannot read"),
        ("jpeg(quality=0)", "from 1 to 100"),
        ("jpeg(quality=1.5)", "needs a int"),
        ('blur(kernel, file="absent.npy")', "cannot read a blur kernel"),
    ],
)
def test_wrong_words_are_named(text, says, x):
    with pytest.raises(BadDamage, match=says):
        parse(text).apply(x, np.random.default_rng(0))
