import cv2
import numpy as np
import pytest
import skimage.data

from restora.damage.quantiser import steps
from restora.damage.words import parse
from restora.data.sets import test_set as named_set
from restora.files.picture import read
from restora.signs.impulse import LEAST
from restora.signs.jpeg_quality import EDGES
from restora.signs.table import SIGNS, absent, findings


def eight_bit(x):
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.float32) / 255


def look(x, grain=False):
    """What is found in a picture; coarse grain, for which a net is run, only if it is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        if not grain:
            patch.delitem(SIGNS, "camera_noise")
        return findings([x])


PHOTOS = {
    name: getattr(skimage.data, name)()[:320, :320].reshape(320, 320, -1).astype(np.float32) / 255
    for name in ("astronaut", "camera", "chelsea", "coffee")
    if getattr(skimage.data, name)().shape[0] >= 320
} | {"cat": skimage.data.chelsea()[:296, 50:346].astype(np.float32) / 255}


def drawn(kind):
    """A page (400, 600, 3) that nobody photographed."""
    page = np.full((400, 600, 3), 255, np.uint8)
    y, x = np.mgrid[:400, :600]
    edge = cv2.LINE_8 if "one bit" in kind else cv2.LINE_AA
    if "text" in kind:
        for row in range(20):
            words = "Pack my box with five dozen liquor jugs; 0123456789 [x + y] = z"
            cv2.putText(page, words[row:], (10, 20 + 19 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, edge)
    elif kind == "screen":
        page[:], page[:40], page[40:, :120] = 244, (40, 44, 60), (226, 226, 232)
        for row in range(15):
            cv2.putText(page, f"Entry {row}", (8, 60 + 22 * row), cv2.FONT_HERSHEY_PLAIN, 1, (30, 30, 30), 1, edge)
            cv2.putText(page, f"y = f({row})", (140, 60 + 22 * row), cv2.FONT_HERSHEY_PLAIN, 1, (0, 0, 0), 1, edge)
        page[200:350, 300:560] = 255
    elif kind == "lines":
        for row in range(60):
            cv2.line(page, (10 * row, 0), ((397 * row) % 600, 399), (0, 0, 0), 1 + row % 2, edge)
    elif kind == "checkers":
        page[(x // 2 + y // 2) % 2 == 0] = 0
    elif kind == "halftone":
        page[x / 600 < np.random.default_rng(0).random(x.shape)] = 0
    else:
        page = np.rint(np.stack([x / 4, y / 3, (x + y) / 5], 2)).astype(np.uint8)
    page = 255 - page if "dark" in kind else page
    return page.astype(np.float32) / 255


DRAWN = ("text", "text dark", "text one bit", "screen", "lines", "checkers", "halftone", "gradient")


@pytest.mark.parametrize("kind", DRAWN)
def test_what_was_drawn_clean_is_found_clean(kind):
    assert [finding.says for finding in look(drawn(kind), grain=True).values() if finding.present] == []


@pytest.mark.parametrize("kind", ["text", "screen", "lines", "gradient"])
@pytest.mark.parametrize(
    ("words", "sign"), [("noise(sigma=0.1)", "noise_level"), ("noise(salt-and-pepper, amount=0.2)", "impulse")]
)
def test_damage_is_found_on_what_was_drawn(kind, words, sign):
    assert look(eight_bit(parse(words).apply(drawn(kind), np.random.default_rng(2))))[sign].present


@pytest.fixture(params=PHOTOS)
def clean(request):
    return PHOTOS[request.param]


def test_a_clean_picture_shows_no_noise(clean):
    found = look(clean, grain=True)
    assert not found["noise_level"].present and not found["impulse"].present and not found["camera_noise"].present


def test_a_clean_thumbnail_shows_no_noise(clean):
    """All of it is texture."""
    small = eight_bit(cv2.resize(clean, (64, 64), interpolation=cv2.INTER_AREA).reshape(64, 64, -1))
    assert not look(small)["noise_level"].present


def test_that_a_picture_is_too_small_is_said():
    found = look(np.random.default_rng(0).random((24, 24, 3), np.float32))["noise_level"]
    assert not found.present and found.confidence == 0 and "too small" in found.says


def test_rare_impulses_are_found_beside_print():
    page = np.pad(drawn("text"), ((100, 100), (100, 100), (0, 0)), constant_values=1)
    damaged = parse("noise(salt-and-pepper, amount=0.03)").apply(page, np.random.default_rng(2))
    assert look(eight_bit(damaged))["impulse"].present and not look(page)["impulse"].present


@pytest.mark.parametrize("grain", [0.6, 0.9])
def test_coarse_noise_is_found_where_white_noise_is_not(clean, grain):
    y = eight_bit(parse(f"noise(camera, sigma=0.03, grain={grain})").apply(clean, np.random.default_rng(8)))
    assert look(y, grain=True)["camera_noise"].present


@pytest.mark.parametrize("words", ["noise(sigma=0.05)", "jpeg(quality=60)", "blur(sigma=1.5)"])
def test_other_damage_is_not_taken_for_coarse_noise(clean, words):
    y = eight_bit(parse(words).apply(clean, np.random.default_rng(9)))
    assert not look(y, grain=True)["camera_noise"].present


@pytest.mark.shared
def test_real_noise_is_told_from_the_mean_of_many_shots(shared):
    """At ISO 3200 on these cameras; weaker noise may be missed, and then the picture is left alone."""
    pairs = named_set("CC15")
    noisy = [look(read(path).pixels, grain=True)["camera_noise"].present for path in pairs.noisy]
    clean = [look(read(path).pixels, grain=True)["camera_noise"].present for path in pairs.paths]
    assert sum(noisy) >= len(noisy) / 2 and not any(clean)


@pytest.mark.parametrize("level", [5, 10, 25, 50])
def test_the_noise_level_is_found(clean, level):
    y = eight_bit(parse(f"noise(sigma={level / 255})").apply(clean, np.random.default_rng(1)))
    found = look(y)
    assert found["noise_level"].present and not found["impulse"].present
    # A busy or clipped picture hides some noise: within 15 % and one grey level.
    assert np.array(found["noise_level"].value) * 255 == pytest.approx(level, rel=0.15, abs=1)


def test_channels_are_told_apart():
    x = PHOTOS["astronaut"]
    y = eight_bit(x + np.array([2, 10, 25]) / 255 * np.random.default_rng(2).standard_normal(x.shape))
    found = np.array(look(y)["noise_level"].value) * 255
    assert found == pytest.approx([2, 10, 25], rel=0.2, abs=1)


@pytest.mark.parametrize("amount", [0.02, 0.1, 0.3, 0.5])
def test_impulses_are_found_and_not_taken_for_gaussian_noise(clean, amount):
    y = eight_bit(parse(f"noise(salt-and-pepper, amount={amount})").apply(clean, np.random.default_rng(3)))
    found = look(y)
    assert found["impulse"].present and found["impulse"].value == pytest.approx(amount, rel=0.25)
    assert found["noise_level"].value[0] < 0.02


def test_dots_of_one_thing_in_the_picture_are_no_impulse_noise():
    """As saturated grains of maize in the sun."""
    x = PHOTOS["astronaut"]
    dotted = parse("noise(salt-and-pepper, amount=0.08)").apply(x, np.random.default_rng(3))
    part = x.copy()
    part[80:240, 80:240] = dotted[80:240, 80:240]
    assert look(dotted)["impulse"].present
    found = look(part)["impulse"]
    assert found.value > LEAST and not found.present and "only in a part of the picture" in found.says


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.4])
def test_speckle_is_found_with_its_level(sigma):
    y = eight_bit(parse(f"noise(speckle, sigma={sigma})").apply(PHOTOS["astronaut"], np.random.default_rng(5)))
    found = look(y)["speckle"]
    assert found.present and found.value == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("words", ["noise(sigma=0.04)", "noise(sigma=0.1)", "noise(sigma=0.2)", "noise(sigma=0)"])
def test_other_noise_is_not_taken_for_speckle(clean, words):
    found = look(eight_bit(parse(words).apply(clean, np.random.default_rng(6))))["speckle"]
    assert not found.present and "does not grow" in found.says


def test_photon_noise_is_named():
    y = eight_bit(parse("noise(poisson, peak=100)").apply(PHOTOS["astronaut"], np.random.default_rng(7)))
    found = look(y)["speckle"]
    assert not found.present and "photons" in found.says


@pytest.mark.parametrize("quality", [10, 30, 50, 75])
def test_the_jpeg_quality_is_found(clean, quality):
    y = parse(f"jpeg(quality={quality})").apply(clean, np.random.default_rng(0))
    found = look(y)["jpeg_quality"]
    assert found.value == pytest.approx(quality, abs=2) and found.present


@pytest.mark.parametrize("later", ["", " | jpeg(quality=90)"])
def test_the_grid_of_a_cropped_jpeg_is_found(later):
    """Whatever it was saved as since."""
    y = parse(f"jpeg(quality=25, down=3, right=5){later}").apply(PHOTOS["astronaut"], np.random.default_rng(0))
    found = look(y)["jpeg_quality"]
    assert found.present and found.value == pytest.approx(25, abs=2) and "cropped" in found.says
    assert (found.facts["down"], found.facts["right"]) == (3, 5)


def test_of_two_compressions_the_worse_is_told():
    for first, second in ((20, 80), (80, 20)):
        y = parse(f"jpeg(quality={first}) | jpeg(quality={second})").apply(PHOTOS["coffee"], np.random.default_rng(0))
        assert look(y)["jpeg_quality"].value == pytest.approx(20, abs=2)


@pytest.mark.parametrize("quality", [85, 90, 95])
def test_a_cropped_jpeg_of_good_quality_is_left_alone(clean, quality):
    y = parse(f"jpeg(quality={quality}, down=3, right=5)").apply(clean, np.random.default_rng(0))
    assert not look(y)["jpeg_quality"].present


def test_noise_beneath_which_jpeg_lies_shows_block_edges():
    y = eight_bit(parse("jpeg(quality=15) | noise(sigma=0.03)").apply(PHOTOS["astronaut"], np.random.default_rng(0)))
    assert look(y)["jpeg_quality"].facts["edges"] > EDGES and look(y)["noise_level"].present


def test_strong_noise_beneath_jpeg_blocks_is_named_and_weak_noise_is_not_denied():
    x = PHOTOS["astronaut"]
    strong, none = (
        look(eight_bit(parse(words).apply(x, np.random.default_rng(0))), grain=True)
        for words in ("noise(sigma=0.047) | jpeg(quality=75)", "jpeg(quality=60)")
    )
    others = ["black and white dots", "blur", "scratches and spots", "faded colours", "yellowing"]
    assert "beneath the blocks" in strong["camera_noise"].plain and strong["jpeg_quality"].present
    assert absent(strong) == (others, [], [])
    assert not any(none[name].present for name in ("noise_level", "speckle", "camera_noise"))
    assert absent(none) == (
        others,
        ["fine noise", "speckle", "coarse grain"],
        [],
    )
    assert (
        none["noise_level"].says == "fine noise cannot be detected beneath JPEG blocks"
        and not none["noise_level"].confidence
    )


def test_no_jpeg_is_seen_where_there_is_none(clean):
    y = eight_bit(parse("noise(sigma=0.05)").apply(clean, np.random.default_rng(4)))
    assert look(y)["jpeg_quality"].value == 100


def test_quantiser_steps_are_those_of_the_standard():
    assert steps(50)[0, 0] == 16 and steps(100).max() == 1 and steps(25)[0, 0] == 32


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 9, 3), (16, 16, 1)])
def test_tiny_pictures_do_not_break_it(shape):
    for finding in look(np.full(shape, 0.5, np.float32), grain=True).values():
        assert not finding.present
