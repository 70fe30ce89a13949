"""Colours: the step that corrects faded and yellowed pictures, and its place in a plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadPlan
from restora.core.plan import Plan, Step
from restora.methods.table import METHODS, method_named
from restora.work.plan import plan_of_method
from restora.work.purpose import corrects

CORRECTING = "levels"
"""The default method to correct colours."""
SIGNS = ("fading", "yellowing")
"""The signs of damage that it treats."""


def without_colours(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis of everything else, which is treated first."""
    return Diagnosis({name: finding for name, finding in diagnosis.findings.items() if name not in SIGNS})


def with_colours(plan: Plan, diagnosis: Diagnosis, strength: float = 1.0) -> Plan:
    """The plan with a last step that corrects faded or yellowed colours, if they were found.

    It is the last one because noise, blocks and blur are measured on the values of the picture as it is, nets were
    trained on such, and a curve would amplify what they have not removed yet. A curve changes no shape, so what was
    filled or sharpened before stays right.
    """
    found = [diagnosis.present[name] for name in SIGNS if name in diagnosis.present]
    if not found:
        return plan
    because = "; ".join(f"the picture is {finding.plain}: {finding.says}" for finding in found)
    step = Step(CORRECTING, because, knobs=_points(diagnosis), strength=strength)
    return replace(
        plan, steps=(*plan.steps, step), because="; ".join([plan.because, because] if plan.steps else [because])
    )


def _points(diagnosis: Diagnosis) -> dict[str, float]:
    """The knobs; what was not found keeps black at 0, or one white for all channels."""
    facts = {name: finding.facts for name in SIGNS for finding in (diagnosis.findings[name],)}
    black = {name: value for name, value in facts["fading"].items() if name.startswith("black")}
    white = {name: value for name, value in facts["yellowing"].items() if name.startswith("white")}
    if "fading" not in diagnosis.present:
        black = dict.fromkeys(black, 0.0)
    if "yellowing" not in diagnosis.present:
        white = dict.fromkeys(white, max(white.values()))
    return black | white


def plan_to_correct(
    wishes: Mapping[str, Any], diagnosis: Diagnosis | None, method: str | None = None, *, strength: float = 1.0
) -> Plan:
    """The plan of a method that corrects colours, with what was measured for knobs without a wish. Raises BadPlan."""
    name = method or CORRECTING
    if not corrects(Step(name, "")):
        known = ", ".join(row.name for row in METHODS.values() if "fading" in row.treats)
        raise BadPlan(f"{method_named(name).name} does not correct colours; these do: {known}")
    return plan_of_method(name, wishes, diagnosis, strength=strength)
