"""Run the plan of the page as a job, wait for it, and make the files for download."""

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from restora.app.review import Sight, admit_input, admitted, needs
from restora.core.errors import BadImage, BadPlan, RestoraError
from restora.core.image import Image, Meta, means
from restora.core.plan import Plan
from restora.files.canvas import kept_pixels
from restora.files.picture import Picture
from restora.files.save import write
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import Scores, measure
from restora.work.job_files import Job
from restora.work.jobs import PICTURE, Jobs
from restora.work.restore import Limits

SHOWN = 8_000_000
"""Number of pixels up to which a picture to paint on is displayed in full size."""
SCORED = 4_000_000
"""Number of pixels up to which a picture is scored against a reference: SSIM needs 200 bytes per pixel."""


@dataclass(frozen=True)
class Outcome:
    """The result of a picture: files with readable names.

    pixels: those of the picture, not encoded, if anything was changed.
    """

    picture: Path
    report: Path
    products: Mapping[str, Path] = field(default_factory=dict)
    pixels: Path | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """A restoration that was carried out: of what, with which result and plan, and the mask of what was filled, if any.

    plan: of normal strength.
    """

    sight: Sight
    outcome: Outcome
    plan: Plan
    mask: Path | None = None


async def carried_out(
    jobs: Jobs, sight: Sight, plan: Plan, mask: Path | None = None, earlier: Sequence[Done] = ()
) -> AsyncIterator[Job | Outcome]:
    """The state of a picture's job, repeatedly, then its outcome; no outcome if it was cancelled.

    mask: of the hole that the plan fills. earlier: the restorations whose last result the picture is.

    The job is cancelled if the visitor disconnects. Raises RestoraError if it fails, Full if the queue is full.
    """
    job = await asyncio.to_thread(_add, jobs, sight, plan, mask)
    try:
        now = jobs.find(job.id)
        while now and now.state in ("queued", "running"):
            yield now
            await asyncio.sleep(0.25)
            now = jobs.find(job.id)
        if now and now.state == "failed":
            raise RestoraError(now.error.replace(PICTURE, sight.path.name, 1))
        if now and now.state == "done":
            yield await asyncio.to_thread(_put_away, jobs, now, sight, earlier)
    finally:
        jobs.cancel(job.id)


def _add(jobs: Jobs, sight: Sight, plan: Plan, mask: Path | None) -> Job:
    if not sight.path.exists():
        raise BadImage(f"{sight.path.name} was deleted after {jobs.keep_seconds / 60:g} minutes; choose it again")
    inputs = ({"mask": mask} if mask else {}) | _kernel_of(plan, jobs)
    files = {"": sight.path, **inputs}
    copies = {name: jobs.page / uuid.uuid4().hex for name in files}
    try:
        for name, path in files.items():
            shutil.copyfile(path, copies[name])
        beside = {name: copies[name] for name in inputs}
        return jobs.add(copies[""], sight.ending, json.dumps(plan.as_dict()), beside, sight.salvage, keep_pixels=True)
    finally:
        for path in copies.values():
            path.unlink(missing_ok=True)


def _kernel_of(plan: Plan, jobs: Jobs) -> dict[str, Path]:
    """The uploaded kernel of a plan's step, if any. Raises BadPlan if it is missing, BadImage if it is no picture."""
    for step in plan.steps:
        if "kernel" not in needs(method_named(step.method)):
            continue
        if "kernel" not in step.inputs:
            raise BadPlan("choose the file of your kernel, or another kind of blur")
        if "file" in step.inputs["kernel"]:
            path = own_file(Path(step.inputs["kernel"]["file"]), jobs)
            admit_input("kernel", path, jobs.limits)
            return {"kernel": path}
    return {}


def _put_away(jobs: Jobs, job: Job, sight: Sight, earlier: Sequence[Done]) -> Outcome:
    """The files of a finished job, in a folder of the page; its report names the visitor's files."""
    stem = (earlier[0].sight if earlier else sight).path.stem
    picture = own_folder(jobs) / f"{stem}.restored{f'-{len(earlier) + 1}' if earlier else ''}.{job.ending}"
    report = picture.with_name(f"{picture.name}.json")
    shutil.move(jobs.output(job), picture)
    pixels = kept_pixels(picture) if jobs.pixels(job).exists() else None
    if pixels:
        shutil.move(jobs.pixels(job), pixels)
    told = json.loads(jobs.report(job.id).read_text())
    products = {}
    for name, facts in jobs.products(job).items():
        products[name] = picture.with_name(f"{picture.name}.{facts['file']}")
        shutil.move(jobs.product(job, facts["file"]), products[name])
        told["products"][name]["file"] = products[name].name
    told |= {"input": sight.path.name, "output": picture.name, "diagnosis": sight.diagnosis.as_dict()}
    if earlier:
        told["earlier"] = [_in_short(done.outcome.report) for done in earlier]
    report.write_text(json.dumps(told, indent=2) + "\n")
    return Outcome(picture, report, products, pixels)


def _in_short(report: Path) -> dict[str, object]:
    """What a report says of an earlier restoration: the names of its files, and its plan."""
    told = json.loads(report.read_text())
    return {name: told[name] for name in ("input", "output", "plan")}


def own_file(path: Path, jobs: Jobs) -> Path:
    """A file that a visitor uploaded. Raises BadImage for one outside the upload folder."""
    if not path.resolve().is_relative_to(jobs.page.resolve()):
        raise BadImage("the file must be one that was uploaded here")
    return path


def own_folder(jobs: Jobs) -> Path:
    """A new folder for files of the page."""
    folder = jobs.page / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def shrinks(shape: tuple[int, ...], most: int) -> int:
    """By which factor a picture of a shape (H, W, C) is displayed smaller, if at most so many pixels are shown."""
    return ceil(sqrt(shape[0] * shape[1] / most))


def preview(picture: Picture, target: Path, most: int = SHOWN) -> int:
    """Write a preview in 8 bits, with its colour profile, of limited size; returns how many times smaller it is."""
    height, width = picture.shape[:2]
    factor = shrinks(picture.shape, most)
    plain = Meta(icc=picture.meta.icc, colour=picture.meta.colour)
    if factor == 1:
        write(replace(picture.load(), meta=plain), target, force=True)
        return 1
    rows, veils = [], []
    for top in range(0, height - height % factor, factor * 64):
        rectangle = top, 0, min(factor * 64, height - height % factor - top), width - width % factor
        band, veil = picture.window(*rectangle), picture.alpha_window(*rectangle)
        if veil is None:
            rows.append(means(band, factor))
            continue
        veils.append(means(veil[:, :, None], factor))
        rows.append(means(band * veil[:, :, None], factor) / np.maximum(veils[-1], 1e-6))  # hidden colours stay hidden
    alpha = np.concatenate(veils)[:, :, 0] if veils else None
    write(Image(np.concatenate(rows), alpha, meta=plain), target, force=True)
    return factor


def scores(path: Path, reference: Path, limits: Limits) -> Scores:
    """Scores of a picture against its reference. Raises RestoraError if it is too large, or the sizes differ."""
    x_hat, x = (admitted(file, limits, name) for file, name in ((path, "the picture"), (reference, "the reference")))
    if x.shape[0] * x.shape[1] > SCORED:
        raise RestoraError(f"the page compares pictures up to {SCORED / 1e6:g} megapixels; use restora measure")
    return measure(x_hat.load().pixels, x.load().pixels, PROTOCOLS["denoise"])
