"""Decide: the plan for a picture and the user's wishes, shared by the command line and the Python API."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob, BadPlan
from restora.core.plan import Plan
from restora.methods.table import METHODS, method_named
from restora.work.colours import CORRECTING, plan_to_correct
from restora.work.diagnose import Pixels, Several, diagnose
from restora.work.fix import plan_to_fix, plan_to_read_together, plan_to_sharpen
from restora.work.plan import (
    FILLING,
    FLAGSHIP,
    TRANSLATING,
    Given,
    method_for,
    method_to_deblur,
    plan_of_method,
    plan_to_enlarge,
    plan_to_enlarge_as_found,
    plan_to_fill,
    to_measure,
)
from restora.work.purpose import denoises, sharpening
from restora.work.rules import SHARP
from restora.work.view import view_of

FINDING = "faster-rcnn"
"""The method that finds damaged regions."""
REMOVING = ("exemplar", "tv-inpainting")
"""Methods for large holes, the best first; the first one needs a package."""


def as_planned(picture: Pixels, plan: Plan) -> tuple[Diagnosis | None, Plan]:
    """The given plan, whatever the picture is."""
    return None, plan


def to_fix(picture: Pixels, strength: str) -> tuple[Diagnosis | None, Plan]:
    """The plan of `plan_to_fix` for what is visible of a picture."""
    return plan_to_fix(view_of(picture), strength)


def to_denoise(
    picture: Pixels,
    wishes: Mapping[str, Any],
    method: str | None = None,
    *,
    strength: float = 1.0,
    weights: str | None = None,
    precision: str = "auto",
    inputs: Given | None = None,
) -> tuple[Diagnosis | None, Plan]:
    """The plan to remove noise with a method, default: that of the weights, or the flagship; see plan_of_method.

    The picture is diagnosed only if a knob of the method needs it and is not among the wishes. For a clip without
    wishes, noise is removed by a method that reads frames together, if one does; see plan_to_read_together.
    """
    diagnosis, exact = None, None if precision == "auto" else precision
    if isinstance(picture, Several) and not (method or weights or wishes or inputs) and precision != "int8":
        diagnosis, together = plan_to_read_together(picture)
        if together:
            step = replace(together.steps[0], strength=strength)
            return diagnosis, replace(together, steps=(step,), precision=exact or together.precision)
    chosen = method or method_for(weights)
    denoises(chosen, weights)
    if diagnosis is None and to_measure(method_named(chosen), weights, wishes, inputs or ()):
        diagnosis = diagnose(view_of(picture))
    return diagnosis, plan_of_method(
        chosen, wishes, diagnosis, strength=strength, weights=weights, precision=exact, inputs=inputs
    )


def to_deblur(
    picture: Pixels,
    wishes: Mapping[str, Any],
    inputs: Given,
    method: str | None = None,
    *,
    weights: str | None = None,
    precision: str = "auto",
) -> tuple[Diagnosis | None, Plan]:
    """The plan to sharpen a picture with a method; default: see plan_to_sharpen, or method_to_deblur with a kernel.

    The flagship needs no kernel; its weights for softness are used unless others are given.
    """
    if not (method or weights or inputs or wishes):
        diagnosis, plan = plan_to_sharpen(view_of(picture))
        return diagnosis, plan if precision == "auto" else replace(plan, precision=precision)
    method = method or method_to_deblur("kernel" in inputs, weights)
    if method == FLAGSHIP and weights is None:
        weights = SHARP[0]
    if "blur" not in method_named(method).treats and not sharpening(weights):
        known = ", ".join(row.name for row in METHODS.values() if "blur" in row.treats)
        raise BadPlan(f"{method} does not sharpen; these do: {known}")
    measured = to_measure(method_named(method), weights, wishes, inputs)
    found = diagnose(view_of(picture)) if measured else None
    chosen = None if precision == "auto" else precision
    return found, plan_of_method(method, wishes, found, weights=weights, precision=chosen, inputs=inputs)


def to_correct(
    picture: Pixels, wishes: Mapping[str, Any], method: str | None = None, *, strength: float = 1.0
) -> tuple[Diagnosis | None, Plan]:
    """The plan to correct colours; what is not among the wishes is measured, whether the picture looks faded or not."""
    measured = to_measure(method_named(method or CORRECTING), None, wishes)
    found = diagnose(view_of(picture)) if measured else None
    return found, plan_to_correct(wishes, found, method, strength=strength)


def to_translate(
    wishes: Mapping[str, Any],
    inputs: Given,
    method: str | None = None,
    *,
    weights: str | None = None,
    strength: float = 1.0,
    precision: str = "auto",
) -> Plan:
    """The plan to translate a picture into another kind; default: the method of the weights, or TRANSLATING.

    Raises BadPlan for a method that does not translate.
    """
    chosen = method or (method_for(weights) if weights else TRANSLATING)
    if "translation" not in method_named(chosen).treats:
        known = ", ".join(row.name for row in METHODS.values() if "translation" in row.treats)
        raise BadPlan(f"{chosen} does not translate pictures; these do: {known}")
    exact = None if precision == "auto" else precision
    return plan_of_method(chosen, wishes, None, strength=strength, weights=weights, precision=exact, inputs=inputs)


def to_fill(inputs: Given, wishes: Mapping[str, Any], method: str | None = None) -> Plan:
    """The plan to fill a hole; see plan_to_fill. By default a method whose result is smooth adds grain."""
    method = method or FILLING
    if any(knob.name == "grain" for knob in method_named(method).knobs):
        return plan_to_fill(inputs, {"grain": 1.0, **wishes}, method)
    unwanted = wishes.get("grain") == 0  # which needs no knob
    return plan_to_fill(inputs, {name: wishes[name] for name in wishes if not (unwanted and name == "grain")}, method)


def to_remove(inputs: Given, wishes: Mapping[str, Any], method: str | None = None) -> Plan:
    """The plan to fill the place of an object, by default with the best available method for large holes."""
    chosen = method or next(name for name in REMOVING if method_named(name).available)
    plan = to_fill(inputs, wishes, chosen)
    if method or chosen == REMOVING[0]:
        return plan
    better = f"{REMOVING[0]} suits large holes better; it needs: pip install pypatchmatch"
    return replace(plan, because=f"{plan.because}; {better}")


def to_repair(inputs: Given, wishes: Mapping[str, Any]) -> Plan:
    """The plan to find damaged regions, or to take those of the input `boxes`, and to repair only these."""
    because = "the regions of the boxes are repaired" if inputs else "damaged regions are found and repaired"
    return replace(plan_of_method(FINDING, wishes, None, inputs=inputs), because=because)


def to_upscale(
    picture: Pixels,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    method: str | None = None,
    *,
    weights: str | None = None,
    ensemble: bool = False,
    back_project: bool = False,
    precision: str = "auto",
) -> tuple[Diagnosis | None, Plan]:
    """The plan to make a picture `scale` times larger, or of a size (height, width); default: twice as large.

    With a method or weights only that method runs, see plan_to_enlarge; else what is found is treated too.
    """
    if scale is not None and (size or not math.isfinite(scale)):
        one = "give --scale or --size, not both"
        raise BadKnob(one if size else f"--scale must be a number from 1 to 8, not {scale}")
    height, width = picture.shape[:2]
    times = 2.0 if scale is None else scale
    target = size or (round(height * times), round(width * times))
    chosen = method or (method_for(weights) if weights else None)
    if chosen is None:
        if precision != "auto" or back_project:
            raise BadKnob("--precision and --back-project need --method or --weights")
        diagnosis, plan = plan_to_fix(view_of(picture))
        return diagnosis, plan_to_enlarge_as_found(diagnosis, picture.shape, target, treated=plan, ensemble=ensemble)
    return None, plan_to_enlarge(
        chosen,
        picture.shape,
        target,
        weights=weights,
        precision=None if precision == "auto" else precision,
        ensemble=ensemble,
        back_project=back_project,
    )
