"""The sign of blur: its kinds and sizes, and pictures that are not blurred."""

import cv2
import numpy as np
import pytest
import skimage.data

from restora.damage.words import parse
from restora.signs.blur import blur
from restora.signs.cepstrum import apart
from restora.signs.edges import edges_of

PHOTOS = {
    name: getattr(skimage.data, name)()[top : top + 320, :320].astype(np.float32).reshape(320, 320, channels) / 255
    for name, channels, top in (("astronaut", 3, 0), ("camera", 1, 150), ("coffee", 3, 0))
}
LATER = ("", " | noise(sigma=0.008) | jpeg(quality=90)")


def damaged(x, words):
    y = parse(words).apply(x, np.random.default_rng(0))
    return np.rint(np.clip(y, 0, 1) * 255).astype(np.float32) / 255


@pytest.fixture(params=PHOTOS)
def sharp(request):
    return PHOTOS[request.param]


@pytest.mark.parametrize(
    "words",
    ["noise(sigma=0)", "jpeg(quality=75)", "jpeg(quality=30)", "noise(sigma=0.05)", "noise(camera, sigma=0.03)"],
)
def test_a_sharp_picture_is_not_blurred_whatever_else_it_has(sharp, words):
    found = blur([damaged(sharp, words)])
    assert not found.present and found.value == 0 and found.confidence > 0.5 and "sharp" in found.says


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("sigma", [1.2, 1.6, 2.5])
def test_softness_is_found_with_its_sigma(sharp, sigma, later):
    found = blur([damaged(sharp, f"blur(sigma={sigma}){later}")])
    assert found.present and found.plain in ("soft", "very soft", "out of focus")
    assert found.facts.get("sigma", sigma) == pytest.approx(sigma, rel=0.35)


@pytest.mark.parametrize("radius", [2, 3, 5])
def test_defocus_is_found_with_its_radius(sharp, radius):
    found = blur([damaged(sharp, f"blur(disk, radius={radius})")])
    assert found.present and found.plain == "out of focus" and found.value == pytest.approx(radius, rel=0.1)


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize(("length", "angle"), [(9, 30), (9, 90), (15, 120), (21, 0)])
def test_motion_is_found_with_its_length_and_angle(length, angle, later):
    found = blur([damaged(PHOTOS["astronaut"], f"blur(motion, length={length}, angle={angle}){later}")])
    assert found.present and found.plain == "motion blur" and found.value == pytest.approx(length, rel=0.2)
    assert apart(found.facts["angle"], angle) < 8


def test_noise_makes_a_soft_picture_no_sharper(sharp):
    assert blur([damaged(sharp, "blur(sigma=2) | noise(sigma=0.04)")]).present


def test_shallow_focus_fog_and_sky_are_left_alone(sharp):
    height, width, channels = sharp.shape
    soft = damaged(sharp, "blur(disk, radius=4)")
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 4, height // 3), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)[:, :, None]
    assert not blur([mask * sharp + (1 - mask) * soft]).present, "a sharp subject"
    assert not blur([damaged(0.6 + 0.35 * sharp, "noise(sigma=0)")]).present, "fog"
    sky = np.linspace(0.5, 0.9, height, dtype=np.float32)[:, None, None] * np.ones((1, width, channels), np.float32)
    found = blur([damaged(sky, "noise(sigma=0.004)")])
    assert not found.present and found.confidence == 0 and "too few clear edges" in found.says


def test_blur_cannot_be_measured_beneath_strong_noise(sharp):
    found = blur([damaged(sharp, "noise(sigma=0.1)")])
    assert not found.present and found.confidence == 0 and "strong noise" in found.says


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 300, 3), (40, 40, 3)])
def test_tiny_pictures_are_not_measured(shape):
    assert blur([np.full(shape, 0.5, np.float32)]).confidence == 0


@pytest.mark.parametrize("turn", [0.0, 25.0, 90.0, 140.0])
def test_the_width_and_the_direction_of_an_edge(turn):
    """A step blurred by a Gaussian has 2.56 sigma between 10 and 90 %."""
    v, u = np.mgrid[-60:60, -60:60].astype(np.float64)
    along = u * np.cos(np.deg2rad(turn)) - v * np.sin(np.deg2rad(turn))
    grey = cv2.GaussianBlur(np.clip(0.5 + along / 2, 0.2, 0.8).astype(np.float32), (0, 0), 2)
    edges = edges_of([grey], 0.0)
    assert len(edges.width) > 50 and np.median(edges.width) == pytest.approx(2.56 * 2.0, rel=0.1)
    assert max(apart(float(np.rad2deg(each)), turn) for each in edges.direction) < 5


def test_a_picture_in_several_crops_is_measured_as_one(sharp):
    soft = damaged(sharp, "blur(sigma=1.6)")
    crops = [soft[:160, :160], soft[:160, 160:], soft[160:, :160], soft[160:, 160:]]
    assert blur(crops).facts["width"] == pytest.approx(blur([soft]).facts["width"], rel=0.15)
