import pytest

from restora.core.errors import BadKnob, BadPlan
from restora.core.knobs import Knob, settle
from restora.core.plan import Plan, Step, plan_from_json
from restora.core.report import Report

PLAN = Plan(
    (Step("median", "dots", knobs={"radius": 1}), Step("restora", "noise", "restora.noise", strength=0.5)), "both"
)


def test_json_and_back_is_the_same_plan():
    assert plan_from_json(PLAN.to_json()) == PLAN


def test_a_report_holds_its_plan():
    assert plan_from_json(Report(PLAN).to_json()) == PLAN


def test_the_id_follows_what_determines_the_pixels_and_not_the_reasons():
    same = Plan((Step("median", "other words", knobs={"radius": 1}), PLAN.steps[1]), "because")
    other = Plan((Step("median", "dots", knobs={"radius": 2}), PLAN.steps[1]), "both")
    assert same.id == PLAN.id != other.id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither a plan nor a report"),
        ("[]", "a list of steps"),
        ("{}", "a list of steps"),
        ('{"steps": [{"method": "median"}], "because": ""}', "a step lacks 'because'"),
        ('{"steps": [], "because": "", "extra": 1}', "a plan has no 'extra'"),
        ('{"steps": [{"method": "median", "because": "", "strength": 2}], "because": ""}', "from 0 to 1"),
        ('{"steps": [{"method": "median", "because": "", "strength": "x"}], "because": ""}', "from 0 to 1"),
        ('{"steps": [{"method": "median", "because": "", "knobs": 3}], "because": ""}', "names with values"),
        ('{"steps": [], "because": "", "precision": "f16"}', "f32, bf16, int8"),
        ('{"steps": [{"method": 3, "because": ""}], "because": ""}', "must be texts"),
        ('{"steps": [], "because": "", "seed": "x"}', "whole number"),
        ('{"steps": 5, "because": ""}', "a list of steps"),
    ],
)
def test_what_is_no_plan_is_refused(text, says):
    with pytest.raises(BadPlan, match=says):
        plan_from_json(text)


RADIUS = Knob("radius", int, 2, 1, 5, "pixels", "half a side")


@pytest.mark.parametrize("value", [0, 6, 1.5, "x", None, float("nan"), float("inf")])
def test_a_knob_refuses_what_is_out_of_its_range(value):
    with pytest.raises(BadKnob, match="from 1 to 5"):
        RADIUS.check(value)


def test_settle_checks_fills_and_suggests():
    assert settle([RADIUS], {}, "median") == {"radius": 2}
    assert settle([RADIUS], {"radius": 3.0}, "median") == {"radius": 3}
    with pytest.raises(BadKnob, match="did you mean radius"):
        settle([RADIUS], {"raduis": 3}, "median")
