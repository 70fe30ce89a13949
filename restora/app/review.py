"""What the page and the API do before a restoration: diagnose a picture, plan, edit the plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from restora.core.diagnosis import Diagnosis
from restora.core.knobs import Setting, settle
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.files.picture import Picture, open_picture
from restora.files.save import written_as
from restora.methods.table import INPUTS, METHODS, method_named
from restora.work.fix import plan_to_fix
from restora.work.plan import best_precision, plan_of_method, plan_to_enlarge_as_found, usable_knobs
from restora.work.purpose import corrects, sharpens, translates
from restora.work.restore import Limits
from restora.work.rules import PHOTO
from restora.work.view import view_of

JPEG_ALONE = ("jpeg",)
"""Damage treated by methods for JPEG only."""
KERNEL_PIXELS = 1_000_000
"""Limit on the pixels of a blur kernel."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A diagnosed picture: its path, its format, and what was found; two diagnoses are never equal.

    ending: file name extension of the result.
    """

    path: Path
    shape: tuple[int, int, int]
    ending: str
    diagnosis: Diagnosis
    plan: Plan  # treats what was found, without a change of size
    salvage: bool = False  # the file is truncated, and its existing part is to be restored


@dataclass(frozen=True)
class Edit:
    """A step as edited by the user."""

    method: str
    strength: float
    knobs: dict[str, Setting] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def admitted(path: Path, limits: Limits, name: str, salvage: bool = False) -> Picture:
    """An open picture; messages call it `name` and never show its path. Raises BadImage."""
    return open_picture(path, limits.pixels, name=name, salvage=salvage)


def admit_input(name: str, path: Path, limits: Limits) -> None:
    """Raise BadImage for an input of a method that is too large, or not a picture."""
    kind = INPUTS[name].kind
    if kind != "boxes":
        most = min(limits.pixels, KERNEL_PIXELS) if kind == "kernel" else limits.pixels
        admitted(path, replace(limits, pixels=most), f"the {INPUTS[name].called}")


def look(
    path: Path, limits: Limits, name: str, salvage: bool = False, tell: Callable[[str], None] | None = None
) -> Sight:
    """Diagnose a picture file, or the existing part of a truncated one. Raises BadImage, or Truncated.

    tell: called with what is done next, in words.
    """
    picture = admitted(path, limits, name, salvage)
    ending, truncated = written_as(picture.format), picture.salvaged_rows > 0
    return Sight(path, picture.shape, ending, *plan_to_fix(view_of(picture), tell=tell), truncated)


def plan_as_found(sight: Sight, scale: float = 1) -> Plan:
    """The plan that treats what was found and enlarges the picture `scale` times. Raises BadPlan."""
    height, width = sight.shape[:2]
    if scale == 1:
        return sight.plan
    size = round(height * scale), round(width * scale)
    return plan_to_enlarge_as_found(sight.diagnosis, sight.shape, size, treated=sight.plan)


def exchangeable(step: Step) -> bool:
    """Whether another method can replace a step: steps that change the size cannot be replaced."""
    return "shrink" not in method_named(step.method).treats


def needs(method: Method) -> set[str]:
    """The inputs that a method cannot do without, by name."""
    return {each.name for each in method.inputs if each.required}


def has_weights(method: Method) -> bool:
    """Whether a method needs no weights, or has its own."""
    return not method.learned or bool(method.weights)


def alternatives(step: Step) -> list[Method]:
    """The methods that can replace a step: those that fill a hole, sharpen, remove noise, and so on, as it does."""
    others = {"shrink", "marks", "regions", "clips"}  # which change the size, find something, repair boxes, see frames
    usual = [
        method
        for method in METHODS.values()
        if others.isdisjoint(method.treats) and method.available and has_weights(method)
    ]
    jpeg = step.weights in PHOTO or method_named(step.method).treats == JPEG_ALONE
    alike = [method for method in usual if ("blur" in method.treats) == sharpens(step)]
    alike = [method for method in alike if ("fading" in method.treats) == corrects(step)]
    alike = [method for method in alike if ("translation" in method.treats) == translates(step)]
    same = [method for method in alike if needs(method) == needs(method_named(step.method))]
    return [method for method in same if jpeg or method.treats != JPEG_ALONE]


def as_shown(step: Step) -> Edit:
    """A step before it is edited."""
    return Edit(step.method, step.strength, settle(usable_knobs(step), step.knobs, step.method), step.inputs)


def edited(plan: Plan, edits: Sequence[Edit | None], diagnosis: Diagnosis) -> Plan:
    """The plan with each step as edited, None to remove it; unedited steps do not change. Raises BadKnob."""
    steps = []
    for step, edit in zip(plan.steps, edits, strict=True):
        if edit is None:
            continue
        if edit == as_shown(step):
            steps.append(step)
        elif edit.method == step.method:
            wanted = _step(edit, edit.knobs, diagnosis, step.weights)
            steps.append(replace(wanted, because=step.because))
        else:  # the knobs belong to the previous method
            steps.append(replace(_step(edit, {}, diagnosis, None), because="you chose it"))
    return with_steps(plan, steps)


def with_steps(plan: Plan, steps: Sequence[Step]) -> Plan:
    """The plan with other steps, and the precision for them."""
    if tuple(steps) == plan.steps:
        return plan
    return replace(plan, steps=tuple(steps), precision=best_precision(step.weights for step in steps))


def _step(edit: Edit, knobs: dict[str, Setting], diagnosis: Diagnosis, weights: str | None) -> Step:
    step = plan_of_method(edit.method, knobs, diagnosis, strength=edit.strength, weights=weights).steps[0]
    return replace(step, inputs=edit.inputs)
