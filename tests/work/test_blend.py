"""A finished result is blended with the given picture as the plan would be, without computing it again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from restora.core.image import Image, Meta
from restora.core.plan import Blend, Plan, Step
from restora.files.canvas import kept_pixels
from restora.files.picture import read
from restora.files.save import write
from restora.work.blend import Blendable, blend_file, noise_removed
from restora.work.restore import Limits, Options, restore_file

PLAN = Plan((Step("gaussian", "", knobs={"width": 1.5}),), "")


@pytest.fixture(params=[8, 16])
def noisy(photo, tmp_path, request):
    y = photo + 0.05 * np.random.default_rng(0).standard_normal(photo.shape).astype(np.float32)
    alpha = np.ones(photo.shape[:2], np.float32)
    alpha[:50, :50] = 0
    write(Image(y, alpha, Meta(bits=request.param)), tmp_path / "y.png")
    return tmp_path / "y.png"


def test_a_blended_file_is_what_the_plan_with_the_blend_gives(noisy, tmp_path):
    full, blended, same = (tmp_path / f"{name}.png" for name in ("full", "blended", "same"))
    restore_file(noisy, full, PLAN, Options(keep_pixels=True))
    files = Blendable(noisy, kept_pixels(full))
    noise = noise_removed(files, Limits())
    assert 0.03 < noise[0] < 0.06 and noise[1] < noise[0]
    blend = Blend(0.6, 0.5, noise)
    assert blend_file(files, blended, blend, Limits(), "png") == []
    restore_file(noisy, same, replace(PLAN, blend=blend))
    one, other = read(blended), read(same)
    most = 1.01 / (2**one.meta.bits - 1)  # the full result was rounded once
    assert np.abs(one.pixels - other.pixels).max() <= most and np.array_equal(one.alpha, other.alpha)
    assert np.abs(one.pixels - read(full).pixels).mean() > 0.005


def test_pixels_are_kept_only_if_asked_for_and_are_those_of_the_result(noisy, tmp_path):
    restore_file(noisy, tmp_path / "a.png", PLAN)
    restore_file(noisy, tmp_path / "b.png", PLAN, Options(keep_pixels=True))
    restore_file(noisy, tmp_path / "c.png", Plan((), "nothing"), Options(keep_pixels=True))
    assert [path.name for path in tmp_path.glob("*.tif")] == ["b.png.pixels.tif"]
    assert np.array_equal(read(tmp_path / "b.png.pixels.tif").pixels, read(tmp_path / "a.png").pixels)


def test_the_report_of_a_blend_is_a_plan(noisy, tmp_path):
    report = restore_file(noisy, tmp_path / "a.png", replace(PLAN, blend=Blend(0.5)))
    assert json.loads(report.to_json())["plan"]["blend"] == {"strength": 0.5, "texture": 0.0, "noise": [0.0, 0.0]}
