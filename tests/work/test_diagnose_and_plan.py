import numpy as np
import pytest

from restora.core.errors import BadPlan, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.methods.table import METHODS
from restora.stages.check import check
from restora.work.decide import to_denoise
from restora.work.diagnose import Several, diagnose, spread
from restora.work.plan import plan_for, plan_of_method
from restora.work.restore import restore


def damaged(x, words):
    y = parse(words).apply(x, np.random.default_rng(0))
    return Image(np.rint(np.clip(y, 0, 1) * 255).astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("words", "methods"),
    [
        ("noise(sigma=0.098)", ["restora"]),
        ("noise(salt-and-pepper, amount=0.1)", ["adaptive-median"]),
        ("noise(sigma=0.05) | noise(salt-and-pepper, amount=0.1)", ["restora", "restora"]),
        ("noise(camera, sigma=0.03)", ["restora"]),
        ("noise(speckle, sigma=0.2)", ["restora"]),
        ("noise(poisson, peak=40)", ["restora"]),
        ("noise(sigma=0)", []),
        ("jpeg(quality=20)", ["restora"]),
    ],
)
def test_the_plan_follows_the_damage(photo, words, methods):
    plan = plan_for(diagnose(damaged(photo, words)))
    assert [step.method for step in plan.steps] == methods
    assert plan.because and all(step.because for step in plan.steps)
    assert ("left alone" in plan.because) == (not methods)


@pytest.mark.parametrize(
    ("words", "weights"),
    [
        ("noise(sigma=0.04)", "restora.prior"),
        ("noise(sigma=0.098)", "restora.noise"),
        ("noise(sigma=0.25)", "restora.noise"),
        ("noise(poisson, peak=60)", "restora.noise"),
        ("noise(sigma=0.06) | noise(salt-and-pepper, amount=0.05)", "restora.noise"),
        ("noise(camera, sigma=0.04)", "restora.noise"),
        ("noise(camera, sigma=0.067, grain=0.0, colour=0.0)", "restora.photo"),
    ],
)
def test_the_weights_follow_the_kind_of_noise(photo, words, weights):
    assert plan_for(diagnose(damaged(photo, words))).steps[0].weights == weights


def test_the_reasons_name_all_that_was_found(photo):
    plan = plan_for(diagnose(damaged(photo, "noise(speckle, sigma=0.2)")))
    assert "proportional to brightness" in plan.because and "standard deviation" in plan.because


def test_a_knob_not_given_is_measured(photo):
    diagnosis = diagnose(damaged(photo, "noise(sigma=0.098)"))
    assert plan_of_method("nlm", {}, diagnosis).steps[0].knobs["sigma"] == pytest.approx(0.098, rel=0.1)
    assert plan_of_method("nlm", {"sigma": 0.2}, None).steps[0].knobs["sigma"] == 0.2


def test_weights_that_need_the_noise_level_get_what_is_measured_and_no_plan_runs_without_it(photo):
    y = damaged(photo, "noise(sigma=0.04)")
    found, plan = to_denoise(y, {}, weights="restora.prior")
    assert found and plan.steps[0].knobs["sigma"] == pytest.approx(0.04, rel=0.1)
    assert plan_for(diagnose(y)).steps[0].knobs == plan.steps[0].knobs
    found, told = to_denoise(y, {"sigma": 0.05}, weights="restora.prior")
    assert found is None and told.steps[0].knobs["sigma"] == 0.05
    assert to_denoise(y, {}, weights="restora.noise")[0] is None, "it estimates the level itself"
    with pytest.raises(BadPlan, match=r"restora.prior need sigma"):
        restore(y, Plan((Step("restora", "", "restora.prior"),), ""))


@pytest.mark.parametrize(
    ("name", "wishes", "options", "says"),
    [
        ("nlm", {}, {}, "needs sigma"),
        ("nlm", {"sigma": 5}, {}, "from 0 to 1"),
        ("dncnn", {"sigma": 0.1}, {}, "trained without it"),
        ("restora", {"sgima": 0.1}, {}, "did you mean sigma"),
        ("restora", {"sigma": 25}, {}, "from 0 to 1 .0..1 scale"),
        ("median", {"radius": 1}, {"strength": 2}, "strength"),
        ("restora", {}, {"precision": "f16"}, "precision must be f32, bf16, int8"),
    ],
)
def test_wishes_that_cannot_be_met_are_named(name, wishes, options, says):
    with pytest.raises(RestoraError, match=says):
        plan_of_method(name, wishes, None, **options)


def test_plans_are_checked_against_the_table():
    with pytest.raises(BadPlan, match="must set sigma of nlm"):
        check(Plan((Step("nlm", ""),), ""))
    with pytest.raises(BadPlan, match="neither weights nor a precision"):
        plan_of_method("median", {}, None, weights="restora.noise")
    assert check(Plan((Step("median", ""),), "")) == [{"radius": METHODS["median"].knobs[0].default}]


@pytest.mark.parametrize(
    "size", [(1, 1), (100, 5000), (9000, 40), (300, 300), (768, 768), (4000, 3000), (20000, 20000)]
)
def test_crops_lie_inside_on_the_grid_and_stay_small(size):
    rectangles = spread(*size)
    assert 1 <= len(rectangles) <= 9
    for top, left, height, width in rectangles:
        assert top % 8 == left % 8 == 0 and top + height <= size[0] and left + width <= size[1]
    assert sum(height * width for _, _, height, width in rectangles) <= 9 * 256**2


def test_several_pictures_are_diagnosed_by_their_majority_and_median(grey_photo):
    rng = np.random.default_rng(0)
    levels = (0.0, 0.03, 0.06, 0.05, 0.0)

    def noisy(sigma):
        return Image((grey_photo + sigma * rng.standard_normal(grey_photo.shape)).clip(0, 1).astype(np.float32))

    pictures = [noisy(sigma) for sigma in levels]
    found = diagnose(Several(pictures[0], lambda: iter(pictures))).findings["noise_level"]
    assert found.present and "(in 3 of 5 frames)" in found.says and abs(np.mean(found.value) - 0.05) < 0.01
    fewer = [*pictures[:2], noisy(0.0), pictures[4]]
    found = diagnose(Several(fewer[0], lambda: iter(fewer))).findings["noise_level"]
    assert not found.present and "(in 1 of 4 frames)" in found.says
    quiet = [noisy(0.0), noisy(0.0)]
    assert "frames" not in diagnose(Several(quiet[0], lambda: iter(quiet))).findings["noise_level"].says
