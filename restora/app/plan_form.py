"""The plan on the page: every step with its reason, and a form made from the knob declarations to change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.kernel_form import kernel_form, read_kernel
from restora.app.review import Edit, Sight, alternatives, as_shown, edited, exchangeable, with_steps
from restora.core.knobs import Knob, Setting
from restora.core.plan import Plan, Step
from restora.methods.table import method_named
from restora.work.jobs import Jobs
from restora.work.plan import FLAGSHIP, learned_step, sharpens, usable_knobs

WIDEST = 10_000
"""Number of values up to which a whole number has a slider."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan being edited, and the step whose form is open. Two drafts are never equal, so each is rendered again."""

    plan: Plan
    opened: int = -1


Kept = tuple[Draft | None, Plan | None]
"""The draft whose form is on the page, and the plan of the values in it."""


def newest(draft: Draft, kept: Kept) -> Plan:
    """The plan of a draft, with the values of its form if they were kept."""
    return kept[1] if kept[0] is draft and kept[1] else draft.plan


def has_work(draft: Draft | None, sights: list[Sight]) -> bool:
    """Whether there is something to restore: a plan with steps, a truncated file, or several pictures with plans."""
    return draft is None or bool(draft.plan.steps) or any(sight.salvage for sight in sights)


def form(draft: Draft, jobs: Jobs) -> list[gr.components.Component]:
    """Render the steps of a draft; returns the components whose values `read_form` takes, in order."""
    parts: list[gr.components.Component] = []
    if not draft.plan.steps:
        gr.HTML(phrases.NO_STEPS)
    for index, step in enumerate(draft.plan.steps):
        gr.HTML(phrases.step(index + 1, step))
        if not exchangeable(step):
            continue
        if sharpens(step):
            parts += kernel_form(step, jobs)
        with gr.Accordion("Change this step", open=index == draft.opened, elem_classes="restora-change"):
            parts += _step_form(step)
    return parts


def _step_form(step: Step) -> list[gr.components.Component]:
    shown = as_shown(step)
    names = [method.name for method in alternatives(step)]
    about = method_named(step.method).about
    method = gr.Dropdown(names, value=step.method, label="Method", info=about, filterable=False, interactive=True)
    keep = gr.Checkbox(True, label="Use this step", interactive=True)
    strength = gr.Slider(
        *(0, 1, step.strength), step=0.05, label="Strength", info="share of the change to apply", interactive=True
    )
    return [method, keep, strength, *(_slider(knob, shown.knobs[knob.name]) for knob in usable_knobs(step))]


def _slider(knob: Knob, value: Setting) -> gr.components.Component:
    words = {"label": knob.name.capitalize(), "info": f"{knob.help} ({knob.unit})"}
    if knob.kind is int and knob.high - knob.low > WIDEST:
        return gr.Number(value, precision=0, minimum=knob.low, maximum=knob.high, interactive=True, **words)
    # Fine enough that displaying a measured value does not change it.
    fineness = 1 if knob.kind is int else 0.00001 if knob.high <= 2 else 0.1
    return gr.Slider(knob.low, knob.high, value, step=fineness, interactive=True, **words)


def read_form(draft: Draft, values: Sequence[Any], sight: Sight) -> Plan:
    """The plan of the form's values. Raises BadKnob or BadPlan for invalid values."""
    rest = iter(values)
    edits: list[Edit | None] = []
    for step in draft.plan.steps:
        if not exchangeable(step):
            edits.append(as_shown(step))
            continue
        inputs, other = read_kernel(step, rest) if sharpens(step) else (step.inputs, None)
        method, keep, strength = next(rest), next(rest), next(rest)
        knobs = {knob.name: next(rest) for knob in usable_knobs(step)}
        edits.append(Edit(other or method, strength, knobs, inputs) if keep else None)
    return edited(draft.plan, edits, sight.diagnosis)


def changed(draft: Draft, sights: list[Sight], *values: Any) -> Draft:
    """The draft with another method for a step, whose form then shows other knobs."""
    plan = read_form(draft, values, sights[0])
    old, new = ([step.method for step in one.steps] for one in (draft.plan, plan))
    differs = [index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    return Draft(plan, differs[0] if differs else -1)


def blurred_otherwise(draft: Draft, sights: list[Sight], *values: Any) -> Draft:
    """The draft with another kind of kernel, whose form then has other sliders."""
    return Draft(read_form(draft, values, sights[0]), draft.opened)


def with_one_more(draft: Draft, sights: list[Sight], *values: Any) -> Draft:
    """The draft with the flagship as a first step."""
    plan = read_form(draft, values, sights[0])
    first = learned_step(method_named(FLAGSHIP), "you asked for it")
    return Draft(with_steps(plan, [first, *plan.steps]), 0)
