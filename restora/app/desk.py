"""What the page and the API do with pictures: look, plan, change the plan, put away, score; nothing about how it looks."""

import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage, RestoraError
from restora.core.image import Image, Meta
from restora.core.knobs import Setting, settle
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.files.picture import Picture, open_picture, read
from restora.files.save import write
from restora.methods.table import METHODS, method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import Scores, measure
from restora.work.diagnose import diagnose
from restora.work.jobs import Job, Jobs
from restora.work.plan import best_precision, plan_for, plan_of_method, plan_to_enlarge_as_found
from restora.work.restore import Limits

SHOWN = 8_000_000
"""Pixels up to which a picture is shown whole; a larger one is shown smaller."""
SCORED = 4_000_000
"""Pixels up to which a picture is scored against a reference: SSIM needs 200 bytes for each."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A picture that was looked at: where it lies, what it is, and what was found; each looking is its own."""

    path: Path
    shape: tuple[int, int, int]
    ending: str
    diagnosis: Diagnosis


@dataclass(frozen=True)
class Edit:
    """A step as a person wants it."""

    method: str
    strength: float
    knobs: dict[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a picture: files, and what was noticed."""

    picture: Path
    report: Path


def admitted(path: Path, limits: Limits, name: str) -> Picture:
    """An open picture, which sentences call `name`: where it lies is nobody's business. Raises BadImage."""
    try:
        return open_picture(path, limits.pixels)
    except BadImage as error:
        raise BadImage(str(error).replace(str(path), name)) from error


def look(path: Path, limits: Limits, name: str) -> Sight:
    """What is wrong with a picture file. Raises BadImage."""
    picture = admitted(path, limits, name)
    return Sight(path, picture.shape, picture.format, diagnose(picture))


def plan_as_found(sight: Sight, scale: float = 1) -> Plan:
    """The plan by what was found, which makes the picture so many times larger. Raises BadPlan."""
    height, width = sight.shape[:2]
    if scale == 1:
        return plan_for(sight.diagnosis)
    return plan_to_enlarge_as_found(sight.diagnosis, sight.shape, (round(height * scale), round(width * scale)))


def exchangeable(step: Step) -> bool:
    """Whether another method can take a step's place: those that change the size belong to the size wished for."""
    return "shrink" not in method_named(step.method).treats


def alternatives() -> list[Method]:
    """The methods that leave the size as it is."""
    return [method for method in METHODS.values() if "shrink" not in method.treats]


def as_shown(step: Step) -> Edit:
    """A step as it is shown before anybody changes it."""
    return Edit(step.method, step.strength, settle(method_named(step.method).knobs, step.knobs, step.method))


def edited(plan: Plan, edits: Sequence[Edit | None], diagnosis: Diagnosis) -> Plan:
    """The plan with each step as wanted, None to leave it out; untouched steps stay as they are. Raises BadKnob."""
    steps = []
    for step, edit in zip(plan.steps, edits, strict=True):
        if edit is None:
            continue
        if edit == as_shown(step):
            steps.append(step)
        elif edit.method == step.method:
            wanted = _step(edit, edit.knobs, diagnosis, step.weights)
            steps.append(replace(wanted, because=step.because))
        else:  # the knobs are those of the method it had
            steps.append(_step(edit, {}, diagnosis, None))
    return with_steps(plan, steps)


def with_steps(plan: Plan, steps: Sequence[Step]) -> Plan:
    """The plan with other steps, and the precision that goes with them."""
    if tuple(steps) == plan.steps:
        return plan
    return replace(plan, steps=tuple(steps), precision=best_precision(step.weights for step in steps))


def _step(edit: Edit, knobs: dict[str, Setting], diagnosis: Diagnosis, weights: str | None) -> Step:
    return plan_of_method(edit.method, knobs, diagnosis, strength=edit.strength, weights=weights).steps[0]


def preview(picture: Picture, target: Path) -> int:
    """Write a picture to look at, 8-bit PNG in its own colours, at most SHOWN pixels; by how much it is smaller."""
    height, width = picture.shape[:2]
    factor = ceil(sqrt(height * width / SHOWN))
    plain = Meta(icc=picture.meta.icc)
    if factor == 1:
        write(replace(picture.load(), meta=plain), target, force=True)
        return 1
    rows = []
    for top in range(0, height - height % factor, factor * 64):
        band = picture.window(top, 0, min(factor * 64, height - height % factor - top), width - width % factor)
        rows.append(band.reshape(band.shape[0] // factor, factor, width // factor, factor, -1).mean((1, 3)))
    write(Image(np.concatenate(rows), meta=plain), target, force=True)
    return factor


def put_away(jobs: Jobs, job: Job, sight: Sight, folder: Path) -> Outcome:
    """The files of a job that is done under names for people, in a new folder below `folder`; the job is removed."""
    own = folder / uuid.uuid4().hex
    own.mkdir(parents=True)
    picture = own / f"{sight.path.stem}.restored.{job.ending}"
    report = picture.with_name(f"{picture.name}.json")
    shutil.move(jobs.output(job), picture)
    told = json.loads(jobs.report(job.id).read_text())
    told |= {"input": sight.path.name, "output": picture.name, "diagnosis": sight.diagnosis.as_dict()}
    report.write_text(json.dumps(told, indent=2) + "\n")
    jobs.cancel(job.id)
    return Outcome(picture, report)


def scores(path: Path, reference: Path, limits: Limits) -> Scores:
    """How near a picture is to its reference. Raises RestoraError if it is too large, or another size."""
    x_hat, x = (admitted(file, limits, name) for file, name in ((path, "the picture"), (reference, "the reference")))
    if x.shape[0] * x.shape[1] > SCORED:
        raise RestoraError(f"pictures are compared up to {SCORED / 1e6:g} megapixels on the page; use restora measure")
    return measure(read(x_hat.path).pixels, read(x.path).pixels, PROTOCOLS["denoise"])
