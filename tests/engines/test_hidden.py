"""Colour that nobody sees reaches no visible pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.engines.hidden import REACH, without_hidden
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.work.diagnose import diagnose
from restora.work.plan import plan_to_enlarge
from restora.work.restore import Limits, Options, restore, restore_file
from restora.work.view import view_of


def part_of(values):
    return lambda top, left, height, width: values[top : top + height, left : left + width]


def plan_of(method, weights=None, **knobs):
    return Plan((Step(method, "", weights, knobs=knobs),), "")


PLANS = {
    "gaussian": plan_of("gaussian", width=2.0),
    "median": plan_of("median", radius=2),
    "nlm": plan_of("nlm", sigma=0.1),
    "tv": plan_of("tv", sigma=0.1),
    "wavelet": plan_of("wavelet", sigma=0.1),
    "flagship": plan_of("restora", "restora.noise"),
    "two steps": Plan((*plan_of("median", radius=1).steps, *plan_of("gaussian", width=1.0).steps), ""),
    "bicubic": plan_to_enlarge("bicubic", (60, 80, 3), (130, 170)),
    "lanczos": plan_to_enlarge("lanczos", (60, 80, 3), (120, 160)),
    "edsr": plan_to_enlarge("edsr", (60, 80, 3), (150, 200), back_project=True),
}


def hidden_somewhere(rng, shape, share=0.5):
    """Alpha (H, W) that is zero in blocks and at single pixels, and partly one and in between elsewhere."""
    blocks = rng.random((-(-shape[0] // 20), -(-shape[1] // 20))).repeat(20, 0).repeat(20, 1)[: shape[0], : shape[1]]
    veil = rng.choice(np.float32([1 / 255, 0.5, 1, 1]), shape)
    return np.where((blocks < share) | (rng.random(shape) < 0.05), np.float32(0), veil)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(1, 90),
    st.integers(1, 90) | st.integers(500, 560),
    st.sampled_from([0.0, 0.5, 0.97, 1.0]),
)
def test_a_window_is_that_part_of_the_whole_to_the_bit(seed, height, width, share):
    rng = np.random.default_rng(seed)
    y, alpha = rng.random((height, width, 3), np.float32), hidden_somewhere(rng, (height, width), share)
    visible = without_hidden(part_of(y), part_of(alpha), (height, width))
    whole = visible(0, 0, height, width)
    assert np.array_equal(whole[alpha > 0], y[alpha > 0]) and np.isfinite(whole).all()
    for _ in range(4):
        top, left = rng.integers(0, height), rng.integers(0, width)
        tall, wide = rng.integers(1, height - top + 1), rng.integers(1, width - left + 1)
        assert np.array_equal(visible(top, left, tall, wide), whole[top : top + tall, left : left + wide])
    other = np.where(alpha[:, :, None] > 0, y, rng.random(y.shape, np.float32))
    assert np.array_equal(without_hidden(part_of(other), part_of(alpha), alpha.shape)(0, 0, height, width), whole)


def test_visible_colours_are_continued_as_far_as_the_reach():
    y, alpha = np.zeros((1, 200, 3), np.float32), np.zeros((1, 200), np.float32)
    y[:, :100], y[:, 100:], alpha[:, :100] = (1, 0, 0), (0, 1, 0), 1
    filled = without_hidden(part_of(y), part_of(alpha), (1, 200))(0, 0, 1, 200)
    assert (filled[:, : 100 + REACH] == (1, 0, 0)).all() and (filled[:, 100 + REACH :] == 0.5).all()
    alpha[:, 99], y[:, 99] = 1 / 255, (0, 0, 1)  # hardly visible: of little weight
    y, alpha = y.repeat(3, 0), alpha.repeat(3, 0)
    y[1, 99], alpha[1, 99] = (1, 0, 0), 1
    filled = without_hidden(part_of(y), part_of(alpha), (3, 200))(0, 0, 3, 200)
    assert filled[1, 100, 0] > 0.99


@pytest.mark.parametrize("name", PLANS)
def test_what_is_hidden_changes_no_pixel_of_any_method(photo, name):
    rng = np.random.default_rng(1)
    alpha = hidden_somewhere(rng, (60, 80))
    one, other = (np.where(alpha[:, :, None] > 0, photo[:60, :80], rng.random((60, 80, 3), np.float32)) for _ in "ab")
    first, second = (restore(Image(y, alpha), PLANS[name])[0] for y in (one, other))
    assert np.array_equal(first.pixels, second.pixels) and np.array_equal(first.alpha, second.alpha)
    assert (first.alpha == 0).any() and (first.alpha > 0).any()


@pytest.mark.parametrize("name", PLANS)
def test_a_picture_without_hidden_pixels_is_restored_as_one_without_alpha(photo, name):
    y = photo[:60, :80]
    plain, faint = (restore(Image(y, veil), PLANS[name])[0] for veil in (None, np.full((60, 80), 1 / 255, np.float32)))
    assert np.array_equal(plain.pixels, faint.pixels)


@pytest.mark.parametrize("name", ["gaussian", "median", "bicubic", "lanczos", "edsr"])
@pytest.mark.parametrize("bits", [8, 16])
def test_pure_red_beside_hidden_green_stays_pure_red(tmp_path, name, bits):
    y, alpha = np.zeros((60, 80, 3), np.float32), np.zeros((60, 80), np.float32)
    y[:, :40], y[:, 40:], alpha[:, :40] = (1, 0, 0), (0, 1, 0), 1
    write(Image(y, alpha, meta=Meta(bits)), tmp_path / "a.png")
    restore_file(tmp_path / "a.png", tmp_path / "b.png", PLANS[name])
    result = read(tmp_path / "b.png")
    near = 0.05 if name == "edsr" else 1e-6  # a net is never exact
    assert np.abs(result.pixels - (1, 0, 0))[result.alpha > 0].max() <= near
    assert 0 < (result.alpha > 0).mean() < 0.6


@pytest.mark.parametrize("method", ["median", "restora"])
def test_in_pieces_it_is_as_in_one_piece(tmp_path, photo, method, monkeypatch):
    plan = PLANS["median" if method == "median" else "flagship"]
    y = np.tile(photo, (2, 2, 1))[:420, :600]
    alpha = hidden_somewhere(np.random.default_rng(2), y.shape[:2])
    write(Image(y, alpha), tmp_path / "a.png")
    whole = restore(read(tmp_path / "a.png"), plan)[0]
    for name, memory in (("b.tif", 10**10), ("c.tif", 330 * 10**6 if method == "median" else 400 * 10**6)):
        report = restore_file(tmp_path / "a.png", tmp_path / name, plan, Options(limits=Limits(memory)))
        assert name == "b.tif" or report.tiles > 2
    one, other = read(tmp_path / "b.tif"), read(tmp_path / "c.tif")
    assert np.array_equal(one.pixels, other.pixels) and np.array_equal(one.alpha, other.alpha)
    assert np.abs(one.pixels - whole.pixels.clip(0, 1)).max() < 0.51 / 255


def test_reading_and_writing_keep_what_is_hidden(tmp_path, photo):
    y, alpha = photo[:60, :80], hidden_somewhere(np.random.default_rng(3), (60, 80))
    write(Image(y, alpha), tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").pixels, y)


def test_diagnosis_goes_by_what_is_seen(tmp_path, photo):
    rng = np.random.default_rng(4)
    alpha = np.zeros(photo.shape[:2], np.float32)
    alpha[:128] = 1
    noisy = photo + 0.1 * rng.standard_normal(photo.shape, np.float32)
    hidden_noise = np.where(alpha[:, :, None] > 0, photo, noisy)
    hidden_calm = np.where(alpha[:, :, None] > 0, noisy, 0.5)
    for y, present in ((hidden_noise, False), (hidden_calm, True)):
        write(Image(y, alpha), tmp_path / "a.png", force=True)
        for pixels in (Image(y, alpha), open_picture(tmp_path / "a.png")):
            assert diagnose(view_of(pixels)).findings["noise_level"].present is present
    assert not diagnose(Image(hidden_calm)).findings["noise_level"].present  # the grey would be taken for a flat place
