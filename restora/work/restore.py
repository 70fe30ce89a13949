"""Restore: run a plan on a picture, piece by piece, in memory or from file to file."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.core.inputs import ALPHA
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.core.resample import bicubic_weights
from restora.engines.choice import CPU, backend_named
from restora.engines.hidden import Alpha, without_hidden
from restora.engines.openvino_ import rest
from restora.engines.tiling import Read
from restora.files.canvas import Kept, Unfinished, unfinished
from restora.files.picture import MAX_PIXELS, STDIO, Picture, open_picture
from restora.files.save import check_output, copy, write_by_tiles
from restora.methods.table import method_named
from restora.stages.check import check
from restora.stages.pipeline import Means, Pipeline, Source, prepare
from restora.stages.resize import resampled
from restora.stages.stage import Tell
from restora.work.diagnose import Pixels
from restora.work.products import facts_of, places_for, value_of, write_product
from restora.work.saving import quality_like, quality_of

MAX_MEMORY = 1_000_000_000
ALL: Literal["all"] = "all"
"""Stands for the names of all products that the steps of a plan make."""
PACKAGES = ("restora", "numpy", "openvino")
"""Packages whose versions may change a result."""


@dataclass(frozen=True)
class Limits:
    """Limits on the memory in bytes, the pixels of a picture or frame, minutes of a fit to it, and threads.

    The number of threads is one of the whole process, see `limit_threads`; 0: all cores. seconds, frames: of an
    uploaded clip.
    """

    memory: int = MAX_MEMORY
    pixels: int = MAX_PIXELS
    minutes: float = float("inf")  # of per-image methods, by the estimate of their row
    threads: int = 0
    seconds: float = float("inf")
    frames: float = float("inf")


@dataclass(frozen=True)
class Options:
    """Options for restoring a file into another one.

    engine, device: what runs the nets, see backend_named. keep: names of products to write, as TARGET.NAME.png, or ALL.
    quality: of JPEG, WebP and AVIF. like_input: a result in JPEG of a JPEG file has the quality of that file
    instead, and some more, see `quality_like`. salvage: restore the existing part of a truncated file.
    keep_unchanged: write a copy if the plan is empty. keep_pixels: keep also the pixels of the result, not encoded, see
    kept_pixels; a copy has none.
    """

    engine: str = "auto"
    device: str = CPU
    limits: Limits = Limits()
    force: bool = False
    quality: int = 95
    like_input: bool = True
    salvage: bool = False
    keep_unchanged: bool = True
    keep: tuple[str, ...] | Literal["all"] = ()
    keep_pixels: bool = False


def restore(
    image: Image,
    plan: Plan,
    *,
    engine: str = "auto",
    device: str = CPU,
    max_memory: int = MAX_MEMORY,
    held: int = 0,
    tell: Tell | None = None,
    keep: Callable[[str, Any], None] | None = None,
) -> tuple[Image, Report]:
    """The restored picture and the report. Metadata pass through; alpha too, made larger with the picture.

    Colours where alpha is zero are ignored; there the result is computed from visible colours nearby.

    engine and device: what runs the nets, see backend_named. held: bytes of max_memory that the picture takes, so that
    its tiles are those of its file. keep(name, value): called with each product. Raises BadPlan, BadKnob or NoWeights
    for a plan that cannot run, BadImage for one that needs more memory than allowed, NotFinite for a result with NaN or
    infinity.
    """
    started = time.perf_counter()
    report = Report(plan)
    means = Means(backend_named(engine, device), max_memory, held, _given_by(plan) if keep else frozenset())
    work = prepare(plan, _source(image, plan), report, means, tell)
    x_hat = np.empty((*work.size(), image.shape[2]), np.float32)
    for done, (top, left, height, width) in enumerate(work, 1):
        x_hat[top : top + height, left : left + width] = work.run(top, left, height, width)
        if tell:
            tell(done, len(work))
    _finish(report, work, started)
    for name, value in work.products().items():
        if keep:
            keep(name, value_of(value))
    opacity = _opacity(image, plan)
    if image.alpha is None or (work.size() == image.shape[:2] and opacity == image.alpha_window):
        return replace(image, pixels=x_hat), report
    return replace(image, pixels=x_hat, alpha=_alike(opacity, work)(0, 0, *work.size())), report


def _given_by(plan: Plan) -> frozenset[str]:
    return frozenset(each.name for step in plan.steps for each in method_named(step.method).products)


def restore_file(
    source: Path,
    target: Path,
    plan: Plan | Callable[[Pixels], Plan],
    options: Options = Options(),
    *,
    tell: Tell | None = None,
    resume: Callable[[str], None] | None = None,
) -> Report:
    """Restore a picture file into another one without loading all of it.

    `plan` may be a function that makes the plan from the open picture. An empty plan copies a complete file byte for
    byte if the format stays the same; without `keep_unchanged` nothing is written and the report's output is empty.
    With `resume`, finished rows are kept beside the target if this is stopped, and the same call continues from there;
    `resume` is called with a sentence that says so. Raises as `restore`, `open_picture` and `check_output`.
    """
    started, limits, force = time.perf_counter(), options.limits, options.force
    backend = backend_named(options.engine, options.device)  # before anything slow
    picture = open_picture(source, limits.pixels, salvage=options.salvage)
    kind = check_output(target, picture.shape, force, picture.format)
    plan = plan(picture) if callable(plan) else plan
    report = Report(plan, input=picture.name, output=str(target), warnings=list(picture.meta.notes))
    report.salvaged_rows = picture.salvaged_rows
    if not plan.steps and not options.keep_unchanged and not picture.salvaged_rows:
        return _nothing_done(report, picture)
    be_patient(plan, picture.shape, limits.minutes)
    keep = _given_by(plan) if options.keep == ALL else frozenset(options.keep)
    places = places_for(sorted(keep), target, plan, force)
    means = Means(backend, limits.memory, picture.held, keep)
    work = prepare(plan, _source(picture, plan), report, means, tell)
    shape = _shape_of_result(work, picture, limits)
    check_output(target, shape, force, picture.format)
    report.input_sha256 = sha256(picture.path)
    if not plan.steps and kind == picture.format and not picture.salvaged_rows:
        copy(picture.path, target, force=force)
        report.warnings.clear()  # of what reading changes, nothing has been changed
    else:
        made_from = _binding(report, plan, (*shape, picture.meta.bits))
        kept = Kept(target, made_from) if options.keep_pixels else None
        with unfinished(target, made_from, shape[0], resume) if resume else nullcontext(kept) as part:
            report.resumed_at = _take_up(work, part)
            report.warnings += write_by_tiles(
                _tiles(work, picture, plan, part, tell), shape, picture.meta, target,
                force=force, quality=_quality(options, picture, kind), kind=kind, part=part,
            )  # fmt: skip
    report.output_sha256 = "" if target == STDIO else sha256(target)
    report.warnings += picture.faults
    _finish(report, work, started)
    _write_products(report, work, places, options)
    return report


def _quality(options: Options, picture: Picture, kind: str) -> int:
    given = quality_of(picture.path) if options.like_input and kind == picture.format == "jpg" else None
    return options.quality if given is None else quality_like(given)


def _write_products(report: Report, work: Pipeline, places: Mapping[str, Path], options: Options) -> None:
    for name, path in places.items():
        if name in report.products:
            report.products[name] |= write_product(work.products()[name], path, name, report.plan, options.force)
        elif options.keep != ALL:
            report.warnings.append(f"no step made the product {name} for this picture")


def _take_up(work: Pipeline, part: Unfinished | None) -> int:
    """Continue counting where an unfinished result stopped; the row there."""
    work.count_on(part.tally.get("counted", []) if part else [])
    return part.rows if part else 0


def _nothing_done(report: Report, picture: Picture) -> Report:
    report.output, report.input_sha256 = "", sha256(picture.path)
    report.warnings += picture.faults
    return report


def _shape_of_result(work: Pipeline, picture: Picture, limits: Limits) -> tuple[int, int, int]:
    """(H, W, channels with alpha) of the result. Raises BadImage for one that is too large."""
    height, width = work.size()
    if height * width > limits.pixels:
        allowed = f"the limit of {limits.pixels / 1e6:g} megapixels"
        raise BadImage(f"the result would have {width}x{height} pixels, more than {allowed} (--max-pixels)")
    return height, width, picture.shape[2] + picture.has_alpha


def _tiles(
    work: Pipeline, picture: Picture, plan: Plan, part: Unfinished | None, tell: Tell | None
) -> Iterator[tuple[int, np.ndarray]]:
    """The remaining windows of the result, each with its left edge, and alpha as the last channel."""
    opacity, resumed_at = _alike(_opacity(picture, plan), work), part.rows if part else 0
    left = [window for window in work if window[0] >= resumed_at]
    before = len(work) - len(left)
    if tell and before:
        tell(before, len(work))
    for done, window in enumerate(left, before + 1):
        core = work.run(*window)
        if part:
            part.tally = {"counted": work.counted()}
        yield window[1], np.dstack([core, opacity(*window)]) if picture.has_alpha else core
        if tell:
            tell(done, len(work))
    rest()  # the memory of the last piece and of encoding together would be too much


def _binding(report: Report, plan: Plan, size: tuple[int, ...]) -> dict[str, Any]:
    """Everything that determines the pixels of a result, in the words of a message about a difference."""
    return {
        "input": report.input_sha256,
        "plan": plan.id,
        "weights": report.weights,
        "engine": report.engine,
        "device": report.device,
        "precision": report.precision,
        "size": size,
        "tile size": report.tile,
        "version of restora or its libraries": {name: version(name) for name in PACKAGES},
    }


def _alike(part: Callable[..., np.ndarray | None], work: Pipeline) -> Callable[..., np.ndarray]:
    """A reader of rectangles (height, width) of a plane of a picture, such as alpha, at the size of the result."""

    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        values = part(top, left, height, width)
        assert values is not None
        return values[:, :, None]

    given = work.source.shape[:2]
    if work.size() == given:
        return lambda *rectangle: read(*rectangle)[:, :, 0]
    down, across = map(bicubic_weights, given, work.size())
    return lambda *rectangle: resampled(rectangle, down, across, read)[:, :, 0].clip(0, 1)


def be_patient(plan: Plan, shape: tuple[int, int, int], minutes: float, pictures: int = 1) -> None:
    """Raise BadPlan if the per-image steps of a plan would take longer than the limit, for so many pictures."""
    needed, names = 0.0, []
    for step, knobs in zip(plan.steps, check(plan), strict=True):
        estimate = method_named(step.method).minutes
        if estimate:
            needed += estimate(knobs) * pictures * shape[0] * shape[1] / 1e6
            names.append(step.method)
    if needed > minutes:
        time_needed = f"{needed:.0f} minutes" if needed < 120 else f"{needed / 60:.0f} hours"
        raise BadPlan(
            f"{' and '.join(names)} fits a net to this picture alone, which may take {time_needed} here;"
            " run it with --yes; Ctrl-C stops it and keeps the best result so far"
        )


def _source(image: Image | Picture, plan: Plan) -> Source:
    """The picture for the pipeline."""

    def transparent(*window: int) -> np.ndarray:
        alpha = image.alpha_window(*window)
        assert alpha is not None
        return (alpha == 0).astype(np.float32)[:, :, None]

    return Source(visible(image, plan.steps), image.shape, transparent if image.has_alpha else None)


def _opacity(image: Image | Picture, plan: Plan) -> Alpha:
    """The reader of alpha for the result: 1 where a step filled the transparent pixels."""
    if not any(given == ALPHA for step in plan.steps for given in step.inputs.values()):
        return image.alpha_window

    def opaque(top: int, left: int, height: int, width: int) -> np.ndarray | None:
        alpha = image.alpha_window(top, left, height, width)
        return None if alpha is None else np.where(alpha == 0, np.float32(1), alpha)

    return opaque


def visible(picture: Image | Picture, steps: Sequence[Step]) -> Read:
    """A reader of rectangles of the visible part of a picture. Raises BadImage for NaN or infinity."""

    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        y = picture.window(top, left, height, width)
        if not np.isfinite(y).all():
            raise BadImage("the picture holds NaN or infinity")
        return y

    hides = picture.has_alpha and bool(steps)  # without steps, hidden colours do not change
    return without_hidden(read, picture.alpha_window, picture.shape[:2]) if hides else read


def _finish(report: Report, work: Pipeline, started: float) -> None:
    report.tiles, report.repaired_tiles = len(work), work.repaired
    report.warnings += work.notes()
    report.products = {name: facts_of(name, report.plan) for name in work.products()}
    report.seconds = round(time.perf_counter() - started, 3)
    report.versions = {package: version(package) for package in PACKAGES}
    report.peak_megabytes = round(peak_memory() / 1e6, 1)


def peak_memory() -> int:
    """Peak resident memory of this process in bytes; 0 if the system does not report it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    # Not getrusage: its value survives exec, so it includes the size of the parent process.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
