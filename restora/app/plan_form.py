"""The plan on the page: every step with its reason, and a form made from the knob declarations to change it."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from restora.app import form_fields, phrases
from restora.app.form_fields import Value
from restora.app.guard import ODD
from restora.app.kernel_form import kernel_form, read_kernel
from restora.app.review import Edit, Sight, alternatives, as_shown, edited, exchangeable, with_steps
from restora.core.errors import BadPlan
from restora.core.knobs import Knob, Setting
from restora.core.plan import Plan, Step
from restora.methods.table import method_named
from restora.work.jobs import Jobs
from restora.work.plan import FLAGSHIP, TRANSLATING, learned_step, usable_knobs
from restora.work.purpose import sharpens

OFFERED = (FLAGSHIP, TRANSLATING)
"""Methods of which a step can be added."""
WIDEST = 10_000
"""Number of values up to which a whole number has a slider."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan being edited, and the step whose form is open. By the key, a form in a browser belongs to a draft."""

    plan: Plan
    opened: int = -1
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Sent:
    """What a browser sends of a form: the key of its draft, the values, and the method of a step that was asked for."""

    key: str = ""
    values: Sequence[Value] = ()
    more: str = ""


def sent(text: str) -> Sent:
    """A form as sent by a browser, JSON; empty if there is none on the page. Raises BadPlan."""
    if not text:
        return Sent()
    try:
        told = json.loads(text)
        key, values, more = told["draft"], told["values"], told["more"]
        if not all(each is None or isinstance(each, str | float | int) for each in [key, more, *values]):
            raise TypeError("a value is neither text nor a number")
        if any(isinstance(each, str) and ODD.search(each) for each in values):
            raise ValueError("a text has characters that no file name has")
        return Sent(str(key), values, more if more in OFFERED else "")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadPlan(f"this is not the form of a plan: {error}") from error


def has_work(draft: Draft | None, sights: list[Sight]) -> bool:
    """Whether there is something to restore: a plan with steps, a truncated file, or several pictures with plans."""
    return draft is None or bool(draft.plan.steps) or any(sight.salvage for sight in sights)


def form(draft: Draft, sights: list[Sight], jobs: Jobs) -> str:
    """The steps of a draft with their fields, as HTML; `read_form` takes the values of the fields, in order."""
    work = "yes" if has_work(draft, sights) else "no"
    parts = [f'<form class="restora-form" data-draft="{draft.key}" data-work="{work}">']
    if not draft.plan.steps:
        parts.append(phrases.NO_STEPS)
    for index, step in enumerate(draft.plan.steps):
        parts.append(phrases.step(index + 1, step))
        if not exchangeable(step):
            continue
        if sharpens(step):
            parts.append(kernel_form(step, jobs))
        parts.append(f'<details class="restora-change"{" open" * (index == draft.opened)}>')
        parts.append(f"<summary>Change this step</summary>{_step_form(step, index)}</details>")
    used = {step.method for step in draft.plan.steps}
    offers = {
        FLAGSHIP: "Remove noise first" if used else "Remove noise anyway",
        TRANSLATING: "Treat it as an old print",
    }
    parts += [
        f'<button type="button" class="restora-button" data-more="{name}">{words}</button>'
        for name, words in offers.items()
        if name not in used
    ]
    return "".join([*parts, "</form>"])


def _step_form(step: Step, index: int) -> str:
    """What the step is good for, whether and how much; everything else is for experts."""
    shown, others, chosen = as_shown(step), alternatives(step), method_named(step.method)
    names = [method.name for method in others]
    usual = {name: words for name, words in phrases.GOOD_FOR.items() if name in names}
    groups: dict[str, list[str]] = {}
    for method in others:
        kind = "fitted to the picture, takes minutes" if method.minutes else method.kind
        groups.setdefault(kind.capitalize(), []).append(method.name)
    knobs = "".join(_number(knob, shown.knobs[knob.name]) for knob in usable_knobs(step))
    return "".join(
        [
            form_fields.method(step.method),
            form_fields.purposes(usual, step.method, str(index)),
            form_fields.switch("Use this step"),
            form_fields.number("Strength", "share of the change to apply", step.strength, (0, 1), 0.05),
            form_fields.expert(groups, step.method, chosen.about, knobs, step.method not in usual),
        ]
    )


def _number(knob: Knob, value: Setting) -> str:
    slides = knob.kind is not int or knob.high - knob.low <= WIDEST
    fineness = 1 if knob.kind is int else 0.00001 if knob.high <= 2 else 0.1
    about = f"{knob.help} ({knob.unit})"
    return form_fields.number(knob.name.capitalize(), about, value, (knob.low, knob.high), fineness, slides)


def read_form(draft: Draft, values: Sequence[Any], sight: Sight) -> Plan:
    """The plan of the form's values. Raises BadKnob or BadPlan for invalid values."""
    rest = iter(values)
    edits: list[Edit | None] = []
    try:
        for step in draft.plan.steps:
            if not exchangeable(step):
                edits.append(as_shown(step))
                continue
            inputs, other = read_kernel(step, rest) if sharpens(step) else (step.inputs, None)
            method, keep, strength = next(rest), next(rest), next(rest)
            if method not in [step.method, *(each.name for each in alternatives(step))]:
                raise BadPlan(f"{method!r} cannot replace {step.method}")
            knobs = {knob.name: next(rest) for knob in usable_knobs(step)}
            edits.append(Edit(other or method, strength, knobs, inputs) if keep else None)
    except StopIteration as end:
        raise BadPlan("a value of the form is missing") from end
    return edited(draft.plan, edits, sight.diagnosis)


def current(draft: Draft, form: Sent, sight: Sight) -> Plan:
    """The plan of a draft with the values of its form; if the form is another draft's, the plan as it is.

    The form of an older draft cannot be edited any more when a newer one is being made. Raises BadKnob or BadPlan.
    """
    return read_form(draft, form.values, sight) if form.key == draft.key else draft.plan


def changed(draft: Draft, form: Sent, sight: Sight) -> Draft:
    """The draft with another method or kind of kernel for a step, whose form then differs, or one more step.

    Raises BadKnob or BadPlan.
    """
    plan = current(draft, form, sight)
    if form.more and form.key == draft.key:
        step = learned_step(method_named(form.more), "you asked for it")
        steps = [step, *plan.steps] if form.more == FLAGSHIP else [*plan.steps, step]
        return Draft(with_steps(plan, steps), steps.index(step))
    old, new = ([step.method for step in one.steps] for one in (draft.plan, plan))
    differs = [index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    return Draft(plan, differs[0] if differs else draft.opened)
