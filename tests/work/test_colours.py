"""Faded pictures are found and corrected, undamaged ones are left, and a toned print keeps its tone."""

import numpy as np
import pytest

from restora.core.errors import BadPlan
from restora.core.image import Image
from restora.damage.words import parse
from restora.signs.fading import fading
from restora.signs.yellowing import yellowing
from restora.work.colours import plan_to_correct, with_colours
from restora.work.diagnose import diagnose
from restora.work.fix import plan_to_fix
from restora.work.restore import restore

FADED = "fade(red=0.5, green=0.5, blue=0.5)"


def damaged(x, words):
    y = parse(words).apply(x, np.random.default_rng(0))
    return (np.rint(y.clip(0, 1) * 255) / np.float32(255)).astype(np.float32)


def distance(a, b):
    return float(np.mean((a - b) ** 2))


def test_an_undamaged_photograph_is_not_faded(photo):
    assert not fading([photo]).present and not yellowing([photo]).present


def test_a_faded_photograph_is_found_and_comes_nearer_to_what_it_was(photo):
    y = damaged(photo, FADED)
    diagnosis, plan = plan_to_fix(Image(y))
    assert "fading" in diagnosis.present and "faded" in plan.because
    assert [step.method for step in plan.steps][-1] == "levels"
    x_hat = restore(Image(y), plan)[0].pixels
    assert distance(x_hat, photo) < 0.3 * distance(y, photo)


def test_light_treatment_corrects_half_as_much(photo):
    y = damaged(photo, FADED)
    normal, light = (plan_to_fix(Image(y), strength=name)[1].steps[-1] for name in ("normal", "light"))
    assert light.strength == normal.strength / 2 and light.knobs == normal.knobs


def test_yellow_is_removed_from_a_faded_picture(photo):
    y = damaged(photo, f"{FADED} | yellow(amount=0.3)")
    x_hat = restore(Image(y), plan_to_correct({}, diagnose(Image(y))))[0].pixels
    bright = photo.mean(2) > 0.8
    blue = [float((each[bright][:, 2] - each[bright][:, 0]).mean()) for each in (photo, y, x_hat)]
    assert blue[1] < blue[0] - 0.05 and abs(blue[2] - blue[0]) < abs(blue[1] - blue[0])


def test_a_sepia_print_keeps_its_tone(photo):
    y = damaged(photo, "sepia(amount=1.0)")
    found = yellowing([y])
    whites = [found.facts[f"white_{colour}"] for colour in ("red", "green", "blue")]
    assert found.facts["toned"] == 1 and len(set(whites)) == 1 and not found.present


def test_what_was_not_found_changes_nothing(photo):
    diagnosis = diagnose(Image(photo))
    plan = plan_to_fix(Image(photo))[1]
    assert with_colours(plan, diagnosis) == plan


def test_a_method_that_corrects_no_colours_is_refused(photo):
    with pytest.raises(BadPlan, match="median does not correct colours; these do: levels"):
        plan_to_correct({}, None, "median")
