"""How a picture is blurred, on the page: a choice of kernels with their sliders, and a preview of the kernel."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from restora.app import form_fields, phrases
from restora.app.page_jobs import own_file
from restora.app.review import admit_input, exchangeable, needs, with_steps
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadDamage, BadPlan, RestoraError
from restora.core.knobs import Knob
from restora.core.plan import Plan, Step
from restora.damage.blur import KernelBlur
from restora.files.picture import read
from restora.methods.table import method_named
from restora.stages.inputs import blur_in
from restora.work.jobs import Jobs
from restora.work.plan import finders, method_to_deblur, plan_of_method
from restora.work.purpose import fills, sharpens
from restora.work.rules import MOTION, SOFT, STRONG, WHITE, kinds_of

FIND, OWN = "find", "own"
"""Kinds of kernels besides those with sliders: the method finds it, or it is in a file."""
SLIDERS: dict[str, tuple[Knob, ...]] = {
    "motion": (
        Knob("length", float, 15, 1, 100, "pixels", "of the motion"),
        Knob("angle", float, 0, -90, 90, "degrees", "0: level, 90: upright; anticlockwise"),
    ),
    "disk": (Knob("radius", float, 4, 0.5, 30, "pixels", "of the disk that a point of light becomes"),),
    "gaussian": (Knob("sigma", float, 2, 0.3, 15, "pixels", "standard deviation of the blur"),),
}
"""The values of each kind of kernel."""
FINENESS = {"length": 0.5, "angle": 1, "radius": 0.25, "sigma": 0.1}
NAMES = {FIND: "Find it"} | {
    "motion": "Straight motion",
    "disk": "Out of focus",
    "gaussian": "Soft",
    OWN: "My own kernel",
}
SIDE = 160
"""Sides of the preview of a kernel in pixels."""
ENLARGED = (1, 2, 4, 8)
"""How many times larger it shows a kernel: as large as fits. Few steps, so that a larger blur looks larger."""


def with_sharpening(plan: Plan, diagnosis: Diagnosis, step: Step | None = None) -> Plan:
    """The plan with a step that sharpens, before the picture is enlarged; without `step`, the default one.

    Steps that remove white noise are left out before deconvolution, which removes it too and must be told its level. A
    plan that sharpens already gets only `step`, in place of its own.
    """
    if any(map(sharpens, plan.steps)):
        return plan if step is None else with_steps(plan, [step if sharpens(each) else each for each in plan.steps])
    if step is None:
        kind = FIND if finders() else "motion"
        first = plan_of_method(method_to_deblur(kind != FIND), {}, diagnosis).steps[0]
        step = replace(first, because="you said that it is blurred", inputs=entries(kind))
    sizes = [index for index, each in enumerate(plan.steps) if not exchangeable(each)]
    place = min(sizes, default=len(plan.steps))
    divides = not method_named(step.method).learned and kinds_of(diagnosis) - {SOFT, MOTION} <= {WHITE, STRONG}
    before = [each for each in plan.steps[:place] if fills(each) or not divides]
    return with_steps(plan, [*before, step, *plan.steps[place:]])


def kind_of(step: Step) -> str:
    """The kind of the kernel of a step that sharpens: FIND, OWN, or one with sliders."""
    if "kernel" not in needs(method_named(step.method)):
        return FIND
    return blur_in(step.inputs["kernel"]["value"]).kind if "value" in step.inputs.get("kernel", {}) else OWN


def entries(kind: str, values: Sequence[Any] = ()) -> dict[str, dict[str, str]]:
    """The inputs of a step with a kernel of a kind; without values the default ones. Raises BadKnob.

    The entry of a file lacks its checksum, which the job computes: a form is read often.
    """
    if kind == OWN:
        return {"kernel": {"file": str(values[0]), "sha256": ""}} if values and values[0] else {}
    if kind not in SLIDERS:
        return {}
    knobs = SLIDERS[kind]
    chosen = [knob.check(value) for knob, value in zip(knobs, values or [knob.default for knob in knobs], strict=True)]
    words = ", ".join(f"{knob.name}={value:g}" for knob, value in zip(knobs, chosen, strict=True))
    return {"kernel": {"value": f"{kind}({words})"}}


def kernel_form(step: Step, jobs: Jobs) -> str:
    """The choice, the fields of the chosen kind and the preview, as HTML; `read_kernel` takes their values."""
    kind = kind_of(step)
    choices = [(words, name) for name, words in NAMES.items() if name != FIND or finders()]
    parts = [form_fields.kinds("How it is blurred", choices, kind)]
    if kind == OWN:
        parts.append(form_fields.path(step.inputs.get("kernel", {}).get("file")))
    if kind in SLIDERS:
        now = blur_in(step.inputs["kernel"]["value"])
        fields = "".join(_number(knob, getattr(now, knob.name)) for knob in SLIDERS[kind])
        parts.append(f"<div data-kernel>{fields}</div>")
    if kind != FIND:
        parts.append(f'<div id="kernel-preview">{preview_of(step, jobs)}</div>')
    return "".join(parts)


def _number(knob: Knob, value: float) -> str:
    about = f"{knob.help} ({knob.unit})"
    return form_fields.number(knob.name.capitalize(), about, value, (knob.low, knob.high), FINENESS[knob.name])


def reads_a_file(plan: Plan) -> bool:
    """Whether a step of the plan sharpens with a kernel in a file, which may not be chosen yet."""
    return any(sharpens(step) and kind_of(step) == OWN for step in plan.steps)


def with_kernel(plan: Plan, path: str | None) -> Plan:
    """The plan with another file, or none, for the steps that sharpen with a kernel in a file."""
    own = entries(OWN, [path])
    steps = [replace(s, inputs=own) if sharpens(s) and kind_of(s) == OWN else s for s in plan.steps]
    return with_steps(plan, steps)


def read_kernel(step: Step, rest: Iterator[Any]) -> tuple[dict[str, dict[str, str]], str | None]:
    """The inputs of the form's values, and another method if the step's own does not fit the kind that was chosen."""
    old, kind = kind_of(step), next(rest)
    if kind not in NAMES:
        raise BadPlan(f"{kind!r} is no kind of blur")
    values = [next(rest) for _ in range(1 if old == OWN else len(SLIDERS.get(old, ())))]
    fits = (kind == FIND) == (old == FIND)
    return entries(kind, values if kind == old else ()), None if fits else method_to_deblur(kind != FIND)


def preview_of(step: Step, jobs: Jobs) -> str:
    """The preview of the kernel of a step that sharpens; empty if the method finds it."""
    kind, entry = kind_of(step), step.inputs.get("kernel", {})
    if kind in SLIDERS:
        blur = blur_in(entry["value"])
        return preview(kind, jobs, *(getattr(blur, knob.name) for knob in SLIDERS[kind]))
    return preview(kind, jobs, entry.get("file")) if kind == OWN else ""


def preview(kind: str, jobs: Jobs, *values: Any) -> str:
    """A picture of the kernel of a form, as HTML, or a sentence why there is none."""
    try:
        entry = entries(kind, values).get("kernel")
        if not entry:
            return ""
        if "value" in entry:
            return picture_of(blur_in(entry["value"]).kernel())
        path = own_file(Path(entry["file"]), jobs)
        admit_input("kernel", path, jobs.limits)
        return picture_of(KernelBlur(str(path)).kernel())
    except BadDamage as error:
        return phrases.trouble(str(error).replace(str(values[0]), "this file"))
    except RestoraError as error:
        return phrases.trouble(jobs.public(str(error)))


def picture_of(kernel: np.ndarray, words: str = "") -> str:
    """A kernel (kh, kw) as HTML, on a field of one size: its maximum is white, each of its pixels a square."""
    times = max([each for each in ENLARGED if each * max(kernel.shape) <= SIDE], default=1)
    grey = np.rint(255 * np.clip(kernel / max(kernel.max(), 1e-12), 0, 1)).astype(np.uint8)
    large = cv2.resize(grey, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    down, right = (max(0, SIDE - side) for side in large.shape)
    field = np.pad(large, ((down // 2, down - down // 2), (right // 2, right - right // 2)))
    data = base64.b64encode(cv2.imencode(".png", field)[1].tobytes()).decode()
    return phrases.kernel(data, kernel.shape, times, words)


def found(products: Mapping[str, Path]) -> str:
    """The picture of a kernel that a method found, as HTML; empty if there is none."""
    return (
        picture_of(read(products["kernel"]).pixels[:, :, 0], "The blur that was found") if "kernel" in products else ""
    )
