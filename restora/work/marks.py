"""Marks that the diagnosis found: the step that fills them, before everything else."""

from dataclasses import replace

from restora.core.diagnosis import Diagnosis
from restora.core.inputs import FOUND
from restora.core.plan import Plan, Step
from restora.methods.table import method_named
from restora.work.plan import FILLING, best_precision

SIGN = "marks"


def without_marks(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis without its finding about marks, for the table of rules."""
    return Diagnosis({name: finding for name, finding in diagnosis.findings.items() if name != SIGN})


def with_marks_filled(plan: Plan, diagnosis: Diagnosis) -> Plan:
    """The plan with a first step that fills the marks, if the diagnosis found any.

    Marks are filled before noise is removed, which would smear them.
    """
    if SIGN not in diagnosis.present:
        return plan
    says = diagnosis.present[SIGN].says
    row = method_named(FILLING)
    knobs = {knob.name: knob.default for knob in row.knobs if knob.default is not None}
    grain = {"grain": 1.0} if "grain" in knobs else {}  # what is filled should be as rough as what is around it
    inputs = {each.name: {"value": FOUND, "weights": each.finder} for each in row.inputs if each.finder}
    step = Step(FILLING, says, row.weights[0] if row.learned else None, knobs | grain, inputs=inputs)
    because = f"{says}; {plan.because}" if plan.steps else says
    steps = (step, *plan.steps)
    return replace(plan, steps=steps, because=because, precision=best_precision(each.weights for each in steps))


def with_marks_left(plan: Plan, diagnosis: Diagnosis) -> Plan:
    """The plan for a clip: it says that marks are left, if the diagnosis found any.

    What is taken for a mark in frame after frame is mostly a highlight or an edge of the scene.
    """
    if SIGN not in diagnosis.present:
        return plan
    left = f"{diagnosis.present[SIGN].says}; they are left: restora inpaint --mask found fills them"
    return replace(plan, because=f"{plan.because}; {left}" if plan.steps else left)
