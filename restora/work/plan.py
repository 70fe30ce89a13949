"""Plan: from a diagnosis or the user's wishes to the steps to run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob, BadPlan
from restora.core.knobs import Knob, Setting, settle
from restora.core.method import Method
from restora.core.names import nearest
from restora.core.plan import Plan, Step
from restora.core.processor import gains_from_int8
from restora.engines.choice import computes_in_bf16
from restora.learn.weights import find
from restora.methods.table import INPUTS, METHODS, method_named
from restora.signs.table import SIGNS
from restora.stages.check import weights_for
from restora.stages.inputs import entry_of
from restora.stages.load import BF16_LOSS
from restora.stages.whole import needed
from restora.work.purpose import corrects, fills, sharpening
from restora.work.rules import Treatment, kinds_of, treatments_for

FLAGSHIP = "restora"
DEBLURRING = "plug-and-play"
"""The default method to sharpen with a known kernel."""
FILLING = "partial-unet"
"""The default method to fill holes: in PSNR the best of the fast ones."""
TRANSLATING = "pix2pix"
"""The default method to translate pictures: its weights are for aged prints."""
LARGER = "edsr"
"""The default method to make a picture larger."""
AS_FOUND = "-real"
"""Suffix of the tags of weights trained on real small pictures: soft, noisy, JPEG."""
Given = Mapping[str, str | PathLike[str]]
"""Inputs of methods by name: files, or words if their kind allows it."""
GREATEST = 8
"""Limit on the scale."""
KNOBS: dict[str, dict[str, Setting]] = {"adaptive-median": {"radius": 5}}
"""Knobs of the classical methods in the table of rules; the median is for dense dots."""


def plan_for(diagnosis: Diagnosis) -> Plan:
    """The plan for a picture with this diagnosis; empty if nothing was found that can be repaired."""
    return plans_for(diagnosis)[0]


def plans_for(diagnosis: Diagnosis) -> list[Plan]:
    """The plans of the table of rules for a picture with this diagnosis, best first; at least one."""
    because = "; ".join(finding.says for finding in diagnosis.present.values())
    plans = [plan_of_treatment(treatment, because, diagnosis) for treatment in treatments_for(kinds_of(diagnosis))]
    if plans:
        return plans
    if because:
        return [Plan((), f"left alone: the table of rules does not treat this: {because}")]
    return [Plan((), f"left alone: found none of: {', '.join(sign.called for sign in SIGNS.values())}")]


def plan_of_treatment(treatment: Treatment, because: str, diagnosis: Diagnosis | None = None) -> Plan:
    """The plan of a treatment of the table of rules; weights that need the noise level get that of the diagnosis."""
    steps = [_step_of(name, because, diagnosis) for name in treatment]
    return Plan(tuple(steps), because, precision=best_precision(step.weights for step in steps))


def _step_of(name: str, because: str, diagnosis: Diagnosis | None) -> Step:
    """A step of a treatment; the name is a method that is not a trained net, or weights.

    A method that sharpens is told the least noise level, as a step before it has removed the noise.
    """
    if name in METHODS:
        row = method_named(name)
        knobs = settle(row.knobs, KNOBS.get(name, {}), name)
        if "blur" in row.treats:
            knobs |= {knob.name: knob.least for knob in row.knobs if knob.default is None}
        else:
            knobs |= _measurements(row, None, {}, (), diagnosis)
        return Step(name, because, row.denoiser or None, knobs)
    method = method_named(method_for(name))
    return learned_step(method, because, name, knobs=_measurements(method, name, {}, (), diagnosis))


def plan_of_method(
    name: str,
    wishes: Mapping[str, Any],
    diagnosis: Diagnosis | None,
    *,
    strength: float = 1.0,
    weights: str | None = None,
    precision: str | None = None,
    inputs: Given | None = None,
) -> Plan:
    """The plan of one method. Knobs without a wish and without a default are taken from the diagnosis.

    inputs: of the method, by name. Raises BadKnob or BadPlan for values that do not fit.
    """
    method, because = method_named(name), f"{name} was asked for"
    if method.learned:
        if wishes and not method.knobs:
            raise BadKnob(f"{name} has no knob {', '.join(wishes)}: it was trained without it; use --strength")
        knobs = settle(method.knobs, wishes, name)
        knobs |= _measurements(method, weights_for(method, weights), wishes, inputs or (), diagnosis)
        step = learned_step(method, "asked for", weights, strength, knobs)
        plan = Plan((_with_planes(step, method, wishes, inputs or {}),), because)
        return replace(plan, precision=precision or best_precision([plan.steps[0].weights]))
    chosen = (weights or method.denoiser) if method.denoiser else None
    if (weights or precision) and not chosen:
        raise BadPlan(f"{name} is not a trained net, so it has neither weights nor a precision")
    knobs = settle(method.knobs, wishes, name) | _measurements(method, chosen, wishes, (), diagnosis)
    step = Step(name, "asked for", chosen, knobs, strength, _entries(method, inputs or {}))
    return Plan((step,), because, precision=precision or best_precision([chosen]))


def _with_planes(step: Step, method: Method, wishes: Mapping[str, Any], inputs: Given) -> Step:
    """The step of a net with inputs, and weights that accept them."""
    entries = _entries(method, inputs)
    for each in method.inputs:
        if each.name in entries:
            if wishes.get(each.plane):
                raise BadPlan(f"give either {each.plane} or a {each.called}, not both")
            chosen, because = _told(method, step.weights or "", step.because, each.plane or each.name)
            step = replace(step, weights=chosen, because=because)
    return replace(step, inputs=entries)


def _entries(method: Method, inputs: Given) -> dict[str, dict[str, str]]:
    """The entries of a step for the given inputs. Raises BadPlan for an input that the method does not have."""
    known = {each.name: each for each in method.inputs}
    for name in inputs:
        if name not in known:
            raise BadPlan(f"{method.name} has no input {name.replace('_', ' ')}")
    return {name: entry_of(known[name], given) for name, given in inputs.items()}


def plan_to_fill(inputs: Given, wishes: Mapping[str, Any], name: str = FILLING) -> Plan:
    """The plan that fills what the input `mask` or `box` marks. Raises BadKnob or BadPlan for bad values."""
    if not fills(Step(name, "")):
        known = ", ".join(row.name for row in METHODS.values() if "hole" in row.treats)
        raise BadPlan(f"{name} does not fill holes; these do: {known}")
    marked = f"the {' and the '.join(inputs)} mark{'s' * (len(inputs) < 2)} a hole"
    return replace(plan_of_method(name, wishes, None, inputs=inputs), because=marked)


def with_inputs(plan: Plan, inputs: Given) -> Plan:
    """The plan with each input in all steps that read it; if there is none, a first step is added for some inputs.

    Raises BadPlan for an input that no step reads.
    """
    for name, given in inputs.items():
        if name not in INPUTS:
            raise BadPlan(f"no method has an input {name!r}; {nearest(name, INPUTS)}")
        readers = {
            step.method for step in plan.steps if any(each.name == name for each in method_named(step.method).inputs)
        }
        if not readers and INPUTS[name].default:
            plan, readers = with_first(plan, INPUTS[name].default), {INPUTS[name].default}
        if not readers:
            raise BadPlan(f"no step of the plan has an input {INPUTS[name].called}")
        entry = entry_of(INPUTS[name], given)
        steps = [replace(s, inputs={**s.inputs, name: entry}) if s.method in readers else s for s in plan.steps]
        plan = replace(plan, steps=tuple(steps))
    return plan


def with_filling(plan: Plan) -> Plan:
    """The plan with a first step that fills, unless it already has one; the mask must be added later."""
    return plan if any(map(fills, plan.steps)) else with_first(plan, FILLING)


def with_first(plan: Plan, name: str) -> Plan:
    """The plan with a method as its first step; the inputs of the method must be added later.

    The precision stays as it is, unless the plan had no net that it was for.
    """
    method, because = method_named(name), "the mask marks a hole"
    knobs = settle(method.knobs, {}, name)
    first = learned_step(method, because, knobs=knobs) if method.learned else Step(name, because, knobs=knobs)
    had_nets = any(step.weights for step in plan.steps)
    precision = plan.precision if had_nets else best_precision([first.weights])
    return replace(plan, steps=(first, *plan.steps), precision=precision)


def fits(plan: Plan, shape: tuple[int, int, int], memory: int) -> bool:
    """Whether no step needs the whole of a picture (H, W, C) and more than `memory` bytes for it."""
    rows = [(method_named(step.method), step.knobs) for step in plan.steps]
    return all(needed(row, knobs, shape[:2]) <= memory for row, knobs in rows if row.stage == "whole")


def finders() -> list[str]:
    """The methods that sharpen without a kernel."""
    rows = [method for method in METHODS.values() if "blur" in method.treats and method.available]
    return [method.name for method in rows if not any(each.required for each in method.inputs)]


def method_to_deblur(known: bool, weights: str | None = None) -> str:
    """The default method to sharpen: that of weights which sharpen, else by whether the kernel is known."""
    if sharpening(weights):
        return method_for(weights)
    return DEBLURRING if known else finders()[0]


def plan_to_enlarge_as_found(
    diagnosis: Diagnosis,
    shape: tuple[int, int, int],
    size: tuple[int, int],
    *,
    treated: Plan | None = None,
    ensemble: bool = False,
) -> Plan:
    """The plan that makes a picture with this diagnosis as large as `size`; see plan_to_enlarge.

    For JPEG blocks, weights trained on them, and on noise below them, are used; else what was found is treated first,
    with the plan `treated` or with that of the table of rules.
    """
    blocks = [finding.says for name, finding in diagnosis.present.items() if name == "jpeg_quality"]
    first = treated or plan_for(diagnosis)
    steps = [step for step in first.steps if fills(step) or not blocks]
    larger = plan_to_enlarge(LARGER, shape, size, ensemble=ensemble, as_found=bool(blocks))
    if not larger.steps:
        return larger
    because = "; ".join([*blocks, *([first.because] if steps else []), larger.because])
    colours = [step for step in first.steps if corrects(step)]
    both = (*(step for step in steps if step not in colours), *larger.steps, *colours)
    return Plan(both, because, precision=best_precision(step.weights for step in both))


def plan_to_enlarge(
    name: str,
    shape: tuple[int, int, int],
    size: tuple[int, int],
    *,
    weights: str | None = None,
    precision: str | None = None,
    ensemble: bool = False,
    back_project: bool = False,
    as_found: bool = False,
) -> Plan:
    """The plan that makes a picture of `shape` (H, W, C) as large as `size` (height, width).

    It runs a net of the next larger scale, or two in a row beyond the largest scale; then bicubic interpolation down to
    the size if needed; then, if requested, back-projection. as_found: use weights for pictures that are not clean; of
    two nets in a row, the second gets a clean one. Raises BadPlan for a size that is smaller than the picture or more
    than GREATEST times as large.
    """
    method = method_named(name)
    if "shrink" not in method.treats:
        known = ", ".join(row.name for row in METHODS.values() if "shrink" in row.treats)
        raise BadPlan(f"{name} does not make pictures larger; these do: {known}")
    needed = max(side / old for side, old in zip(size, shape[:2], strict=True))
    if min(side / old for side, old in zip(size, shape[:2], strict=True)) < 1 or needed > GREATEST:
        raise BadPlan(
            f"{shape[1]}x{shape[0]} can be enlarged 1 to {GREATEST} times, not to {size[1]}x{size[0]}"
            f" ({needed:.3g} times)"
        )
    if size == shape[:2]:
        return Plan((), "it already has this size")
    because = f"to {size[1]}x{size[0]}"
    if not method.learned and (weights or precision or ensemble):
        raise BadPlan(f"{name} is not a trained net, so it has no weights, precision or ensemble")
    if method.learned:
        weights_for(method, weights)
        for_clean = [weights] if weights else [each for each in method.weights if not each.endswith(AS_FOUND)]
        first = [each for each in method.weights if each.endswith(AS_FOUND)] if as_found else for_clean
        steps = _by_nets(method, because, shape[:2], size, (first, for_clean), {"ensemble": 1} if ensemble else {})
    else:
        steps = [_resize(name if method.stage == "resize" else "bicubic", because, size)]
    if back_project or method.stage == "correct":
        steps.append(Step("back-projection", because, knobs=settle(method_named("back-projection").knobs, {}, name)))
    return Plan(tuple(steps), f"{name} {because}", precision=precision or best_precision(s.weights for s in steps))


def _by_nets(
    method: Method,
    because: str,
    now: tuple[int, int],
    size: tuple[int, int],
    choice: tuple[Sequence[str], Sequence[str]],  # weights for the first net, and for later ones
    knobs: Mapping[str, Setting],
) -> list[Step]:
    steps: list[Step] = []
    while any(side < wish for side, wish in zip(now, size, strict=True)):
        needed = max(wish / side for side, wish in zip(now, size, strict=True))
        chosen, scale = _weights_for(choice[1] if steps else choice[0], needed)
        now = now[0] * scale, now[1] * scale
        if find(chosen).card["scale"] == 1:  # it sharpens pictures that were enlarged before
            steps.append(_resize("bicubic", f"{method.name} needs an enlarged picture", now))
        steps.append(Step(method.name, because, chosen, knobs))
    return steps if now == size else [*steps, _resize("bicubic", because, size)]


def _resize(name: str, because: str, size: tuple[int, int]) -> Step:
    return Step(name, because, knobs={"height": size[0], "width": size[1]})


def _weights_for(names: Sequence[str], needed: float) -> tuple[str, int]:
    """The weights with the smallest sufficient scale, else with the largest; and that scale."""
    scales = {scale: name for name in names for scale in find(name).card.get("scales", [])}
    if not scales:
        raise BadPlan(f"the weights {names[0]} do not make pictures larger")
    scale = min((scale for scale in scales if scale >= needed), default=max(scales))
    return scales[scale], scale


def learned_step(
    method: Method,
    because: str,
    weights: str | None = None,
    strength: float = 1.0,
    knobs: Mapping[str, Setting] | None = None,
) -> Step:
    """A step of a learned method, with its own weights unless others are named.

    If sigma is given and the weights do not accept it, other weights of the method that accept it are used.
    """
    chosen = weights_for(method, weights)
    if knobs and knobs.get("sigma"):
        chosen, because = _told(method, chosen, because, "sigma")
    step = Step(method.name, because, chosen, {}, strength)
    usable = {knob.name for knob in usable_knobs(step)}
    return replace(step, knobs={name: value for name, value in (knobs or {}).items() if name in usable})


def _told(method: Method, weights: str, because: str, plane: str) -> tuple[str, str]:
    """Weights that accept a plane, these or others of the method, and the reason, which mentions the change."""
    able = weights if find(weights).takes(plane) else next((n for n in method.weights if find(n).takes(plane)), weights)
    return able, because + (f"; {able}, as {weights} does not accept {plane}" if able != weights else "")


def usable_knobs(step: Step) -> tuple[Knob, ...]:
    """The knobs of a step's method that its weights support: some do not accept sigma."""
    knobs = method_named(step.method).knobs
    deaf = step.weights is not None and not find(step.weights).takes("sigma")
    return tuple(knob for knob in knobs if not (deaf and knob.name == "sigma"))


def method_for(weights: str | None) -> str:
    """The method of some weights; without weights the flagship. Raises NoWeights."""
    return find(weights).card["method"] if weights else FLAGSHIP


def best_precision(weights: Iterable[str | None]) -> str:
    """The fastest precision that the processor supports and the cards of all weights allow; f32 if there is none.

    int8 if all passed the gate; bf16 if it costs each at most BF16_LOSS.
    """
    known = [find(name) for name in weights if name]
    if known and gains_from_int8() and all(each.int8 for each in known):
        return "int8"
    losses = [each.card.get("bf16_loss_db") for each in known]
    fits = all(loss is not None and loss <= BF16_LOSS for loss in losses)
    return "bf16" if known and fits and computes_in_bf16() else "f32"


def to_measure(
    method: Method, weights: str | None, wishes: Mapping[str, Any], inputs: Iterable[str] = ()
) -> tuple[Knob, ...]:
    """The knobs that nobody gives: those without a default, and those that weights cannot do without."""
    planes = {each.plane for each in method.inputs if each.name in inputs}
    net = find(weights_for(method, weights)) if method.stage == "net" else None

    def missing(knob: Knob) -> bool:
        if net and net.needs(knob.name):
            return not wishes.get(knob.name) and knob.name not in planes
        return knob.default is None and wishes.get(knob.name) is None

    return tuple(filter(missing, method.knobs))


def _measurements(
    method: Method,
    weights: str | None,
    wishes: Mapping[str, Any],
    inputs: Iterable[str],
    diagnosis: Diagnosis | None,
) -> dict[str, Setting]:
    """The knobs that are taken from the diagnosis."""
    missing = to_measure(method, weights, wishes, inputs)
    return {knob.name: _measured(knob, method.name, diagnosis) for knob in missing}


def _measured(knob: Knob, method: str, diagnosis: Diagnosis | None) -> float:
    if diagnosis is None:
        raise BadKnob(f"{method} needs {knob.name}")
    found = diagnosis.findings[knob.sign]
    value = found.facts.get(knob.name, found.value)  # a fact that is named as the knob, else the value of the sign
    measured = round(float(np.sqrt(np.mean(np.square(value)))), 5)
    return max(measured, knob.least)
