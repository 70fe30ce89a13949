from dataclasses import replace

import numpy as np
import pytest

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.methods.table import called
from restora.work import fix
from restora.work.decide import to_deblur
from restora.work.fix import ROOM, plan_to_sharpen
from restora.work.plan import fits, plan_of_treatment
from restora.work.rules import SHAKEN, SHARP, STEADY

MOVED = Finding("blur", 15.0, "pixels", 0.9, True, "motion blur", {"length": 15.0, "angle": 30.0}, "motion blur")


def names(plan: Plan) -> list[str]:
    return [called(step) for step in plan.steps]


@pytest.mark.parametrize("words", ["blur(sigma=1.6)", "blur(disk, radius=3)", "noise(sigma=0)"])
def test_softness_defocus_and_sharp_pictures_are_for_the_net_that_leaves_sharp_pictures_alone(photo, words):
    y = Image(np.rint(parse(words).apply(photo, np.random.default_rng(0)).clip(0, 1) * 255).astype(np.float32) / 255)
    found, plan = to_deblur(y, {}, {})
    assert names(plan) == list(SHARP) and found.findings["blur"].says in plan.because
    assert to_deblur(y, {}, {}, precision="f32")[1] == replace(plan, precision="f32")


def test_motion_is_for_an_estimated_kernel_unless_the_trial_shows_harm(photo, monkeypatch):
    monkeypatch.setattr(fix, "diagnose", lambda picture: Diagnosis({"blur": MOVED}))
    monkeypatch.setattr(fix, "restore", lambda image, plan: (image, None))
    monkeypatch.setattr(fix, "what_is_left", lambda before, after, diagnosis: {"blur": 0.1})
    harm = {"blind-deconvolution": ""}
    tried = []

    def harmful(before, after, left, diagnosis):
        tried.append(before[0].shape)
        return list(harm.values())[len(tried) - 1]

    monkeypatch.setattr(fix, "harm_of_sharpening", harmful)
    assert names(plan_to_sharpen(Image(photo))[1]) == list(SHAKEN)
    assert tried == [photo.shape]  # all of a small picture: a kernel is found from many edges
    tried.clear()
    harm = {"blind-deconvolution": "it rings", "motion.photo": ""}
    plan = plan_to_sharpen(Image(photo))[1]
    assert names(plan) == list(STEADY) and "blind-deconvolution was not used: it rings" in plan.because
    tried.clear()
    harm = {"blind-deconvolution": "it rings", "motion.photo": "it blurs"}
    plan = plan_to_sharpen(Image(photo))[1]
    assert names(plan) == list(SHARP) and "it rings" in plan.because


def test_a_picture_too_small_for_a_kernel_is_for_the_net(photo, monkeypatch):
    monkeypatch.setattr(fix, "diagnose", lambda picture: Diagnosis({"blur": MOVED}))
    monkeypatch.setattr(fix, "harm_of_sharpening", lambda *given: "")
    plan = plan_to_sharpen(Image(photo[:60, :60]))[1]
    assert names(plan) == list(STEADY) and "a picture must be at least" in plan.because


def test_a_method_that_needs_the_whole_of_a_large_picture_is_not_tried():
    shaken, steady = (plan_of_treatment(each, "") for each in (SHAKEN, STEADY))
    assert fits(shaken, (3024, 4032, 3), ROOM) and not fits(shaken, (3400, 4200, 3), ROOM)
    assert fits(steady, (60000, 90000, 3), ROOM)


def test_a_step_is_called_by_its_weights_unless_they_are_those_of_a_denoiser_that_it_calls():
    assert called(Step("plug-and-play", "", "restora.prior")) == "plug-and-play"
    assert called(Step("restora", "", "restora.sharp")) == "restora.sharp" and called(Step("nlm", "")) == "nlm"
