"""The blend after all steps: a share of the change, and the texture that was removed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from restora.core.errors import BadPlan
from restora.core.image import Image
from restora.core.plan import Blend, Plan, Step, plan_from_json
from restora.engines.tiling import cores
from restora.stages.blend import BANDS, REACH, Blending, bands_of, blending, noise_of, texture_of
from restora.work.plan import plan_to_enlarge
from restora.work.restore import restore

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal((128, 128, 1)).astype(np.float32)


def test_bands_have_no_mean_and_the_known_levels_for_white_noise(noise):
    """0.89 and 0.20: Starck and Murtagh, Astronomical Image and Data Analysis, table 2.1."""
    bands = bands_of(noise[:, :, 0])
    assert len(bands) == BANDS and all(abs(band.mean()) < 0.01 for band in bands)
    assert [band.std() for band in bands] == pytest.approx([0.89, 0.20], abs=0.02)
    assert noise_of([noise]) == pytest.approx([0.89, 0.20], abs=0.03)


def test_texture_is_hardly_noise_and_mostly_structure(noise):
    stripes = np.zeros_like(noise)
    stripes[32:96:2, 32:96] = 1
    removed = 0.1 * noise + 0.3 * (stripes - 0.5 * (stripes.sum() > 0))
    levels = noise_of([0.1 * noise])
    flat, both = texture_of(0.1 * noise, levels), texture_of(removed, levels)
    assert np.square(flat).mean() < 0.1 * np.square(0.1 * noise).mean()
    inside = both[40:88, 40:88, 0]
    assert np.corrcoef(inside.ravel(), stripes[40:88, 40:88, 0].ravel())[0, 1] > 0.8


def test_a_texture_in_windows_equals_the_whole(photo):
    y, x_hat = photo, photo[::-1].copy()
    stage = Blending(Blend(0.7, 0.6, (0.02, 0.01)), Image(y).window, y.shape[:2])
    whole = stage.run(Image(x_hat).window, (0, 0, *y.shape[:2]))
    assert REACH == 8
    for window in cores(*y.shape[:2], (64, 96)):
        top, left, height, width = window
        part = stage.run(Image(x_hat).window, window)
        assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_a_blend_is_a_share_of_the_change(photo):
    y = Image(photo)
    full = restore(y, MEDIAN)[0].pixels
    half = restore(y, replace(MEDIAN, blend=Blend(0.5)))[0].pixels
    none = restore(y, replace(MEDIAN, blend=Blend(0)))[0].pixels
    assert np.allclose(half, (photo + full) / 2, atol=1e-6) and np.array_equal(none, photo)
    levels = noise_of([photo - full])
    textured = restore(y, replace(MEDIAN, blend=Blend(1, 0.5, levels)))[0].pixels
    assert np.allclose(textured, full + 0.5 * texture_of(photo - full, levels), atol=1e-6)


def test_a_blend_is_a_part_of_the_plan(photo):
    plan = replace(MEDIAN, blend=Blend(0.5, 0.25, (0.1, 0.02)))
    assert plan_from_json(plan.to_json()) == plan and plan.id != MEDIAN.id
    assert "blend" not in MEDIAN.to_json()
    step = replace(MEDIAN.steps[0], strength=0.5)
    same = restore(Image(photo), replace(MEDIAN, steps=(step,)))[0].pixels
    assert np.array_equal(same, restore(Image(photo), replace(MEDIAN, blend=Blend(0.5)))[0].pixels)


@pytest.mark.parametrize(
    "values",
    [{"strength": 1.1}, {"texture": -1}, {"noise": [0.1]}, {"noise": "ab"}, {"noise": [0.1, "x"]}, {"strength": True},
     {"other": 1}, 7, "half"],
)  # fmt: skip
def test_what_is_no_blend_is_one_sentence(values):
    told = json.loads(MEDIAN.to_json()) | {"blend": values}
    with pytest.raises(BadPlan, match="blend"):
        plan_from_json(json.dumps(told))


def test_a_result_of_another_size_cannot_be_blended(photo):
    with pytest.raises(BadPlan, match="another size"):
        blending(Blend(0.5), Image(photo).window, photo.shape[:2], (9, 9))
    larger = replace(plan_to_enlarge("bicubic", photo.shape, (512, 608)), blend=Blend(0.5))
    with pytest.raises(BadPlan, match="another size"):
        restore(Image(photo), larger)
