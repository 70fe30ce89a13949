"""Restore: carry out a plan on a picture, piece by piece, in memory or from file to file."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.core.resample import bicubic_weights
from restora.engines.choice import CPU, backend_named
from restora.engines.hidden import without_hidden
from restora.engines.openvino_ import rest
from restora.engines.tiling import Read, resampled
from restora.files.canvas import Unfinished, unfinished
from restora.files.picture import MAX_PIXELS, STDIO, Picture, open_picture
from restora.files.save import check_output, copy, write_by_tiles
from restora.methods.table import method_named
from restora.work.diagnose import Pixels
from restora.work.plan import check
from restora.work.ready import Corrector, Restoration, Tell, prepare

MAX_MEMORY = 1_000_000_000
PACKAGES = ("restora", "numpy", "openvino")
"""Those whose versions a result may depend on."""


@dataclass(frozen=True)
class Limits:
    """How many bytes of memory may be used, how many pixels a picture may have, and how long a fit to it may take."""

    memory: int = MAX_MEMORY
    pixels: int = MAX_PIXELS
    minutes: float = float("inf")  # of per-image methods, by the rough figure of their row


def restore(
    image: Image,
    plan: Plan,
    *,
    engine: str = "auto",
    device: str = CPU,
    max_memory: int = MAX_MEMORY,
    held: int = 0,
    tell: Tell | None = None,
) -> tuple[Image, Report]:
    """The restored picture and the report. Metadata pass through; alpha and hole too, made larger with the picture.

    Colour where alpha is zero is not looked at; there the result holds what visible colours nearby lead to.

    engine and device: what runs the nets, see backend_named. held: bytes of max_memory that the picture takes, so that
    its tiles are those of its file. Raises BadPlan, BadKnob or NoWeights for a plan that cannot be carried out,
    BadImage for one that needs more memory than allowed, NotFinite for a result that is not finite.
    """
    started = time.perf_counter()
    report = Report(plan)
    work = prepare(plan, image.shape, report, backend_named(engine, device), max_memory, tell, held)
    x_hat = np.empty((*work.size(), image.shape[2]), np.float32)
    restored = work.read_through(_checked(image, plan.steps))
    for done, (top, left, height, width) in enumerate(work, 1):
        x_hat[top : top + height, left : left + width] = restored(top, left, height, width)
        if tell:
            tell(done, len(work))
    _finish(report, work, started)
    if work.size() == image.shape[:2]:
        return replace(image, pixels=x_hat), report
    alpha = None if image.alpha is None else _alike(_part_of(image.alpha), work)(0, 0, *work.size())
    hole = None if image.hole is None else _alike(_part_of(image.hole), work)(0, 0, *work.size()) >= 0.5
    return replace(image, pixels=x_hat, alpha=alpha, hole=hole), report


def restore_file(  # noqa: PLR0913  # what a command has options for
    source: Path,
    target: Path,
    plan: Plan | Callable[[Pixels], Plan],
    *,
    engine: str = "auto",
    device: str = CPU,
    limits: Limits = Limits(),
    force: bool = False,
    quality: int = 95,
    tell: Tell | None = None,
    resume: Callable[[str], None] | None = None,
    salvage: bool = False,
    keep_unchanged: bool = True,
) -> Report:
    """Restore a picture file into another one without ever holding it whole, within limits.

    `plan` may be a function that makes the plan from the open picture. An empty plan copies a whole file byte for byte
    if the format stays the same; without `keep_unchanged` nothing is written then, and the report's output is empty.
    With `resume`, finished rows of tiles are kept beside the target when this is stopped, and the same call goes on
    from there; `resume` is called with a sentence that says so. With `salvage`, the part of a truncated file that is
    there is restored. Raises as `restore`, `open_picture` and `check_output` do.
    """
    started = time.perf_counter()
    backend = backend_named(engine, device)  # before anything that takes time
    picture = open_picture(source, limits.pixels, salvage=salvage)
    kind = check_output(target, picture.shape, force, picture.format)
    plan = plan(picture) if callable(plan) else plan
    report = Report(plan, input=picture.name, output=str(target), warnings=list(picture.meta.notes))
    report.salvaged_rows = picture.salvaged_rows
    if not plan.steps and not keep_unchanged and not picture.salvaged_rows:
        report.output, report.input_sha256 = "", sha256(picture.path)
        report.warnings += picture.faults
        return report
    _be_patient(plan, picture.shape, limits.minutes)
    work = prepare(plan, picture.shape, report, backend, limits.memory, tell, picture.held)
    height, width = work.size()
    if height * width > limits.pixels:
        allowed = f"the {limits.pixels / 1e6:g} megapixels allowed"
        raise BadImage(f"the result would have {width}x{height} pixels, more than {allowed} (--max-pixels)")
    shape = (height, width, picture.shape[2] + picture.has_alpha)
    check_output(target, shape, force, picture.format)
    report.input_sha256 = sha256(picture.path)

    def tiles(part: Unfinished | None) -> Iterator[tuple[int, np.ndarray]]:
        restored, opacity = work.read_through(_checked(picture, plan.steps)), _alike(picture.alpha_window, work)
        report.resumed_at = part.rows if part else 0
        left = [rectangle for rectangle in work if rectangle[0] >= report.resumed_at]
        before = len(work) - len(left)
        if tell and before:
            tell(before, len(work))
        for done, rectangle in enumerate(left, before + 1):
            core = restored(*rectangle)
            if part:
                part.tally = _tally(work)
            yield rectangle[1], np.dstack([core, opacity(*rectangle)]) if picture.has_alpha else core
            if tell:
                tell(done, len(work))
        rest()  # what is held of the last piece, and what encoding needs, would be too much together

    if not plan.steps and kind == picture.format and not picture.salvaged_rows:
        copy(picture.path, target, force=force)
        report.warnings.clear()  # of what reading changes, nothing has been changed
    else:
        made_from = _binding(report, plan, (*shape, picture.meta.bits))
        with unfinished(target, made_from, height, resume) if resume else nullcontext() as part:
            _take_up(work, part.tally if part else {})
            report.warnings += write_by_tiles(
                *(tiles(part), shape, picture.meta, target), force=force, quality=quality, kind=kind, part=part
            )
    if target != STDIO:
        report.output_sha256 = sha256(target)
    report.warnings += picture.faults
    _finish(report, work, started)
    return report


def _binding(report: Report, plan: Plan, size: tuple[int, ...]) -> dict[str, Any]:
    """All that the numbers of a result follow from, in the words in which a difference is told."""
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


def _tally(work: Restoration) -> dict[str, Any]:
    """What was counted of the pieces so far, to resume counting with an unfinished result."""
    return {"repaired": work.repaired, "lacking": [each.so_far() for each in _correctors(work)]}


def _take_up(work: Restoration, tally: dict[str, Any]) -> None:
    work.repaired = tally.get("repaired", 0)
    for corrector, so_far in zip(_correctors(work), tally.get("lacking", []), strict=False):
        corrector.lacking.append(tuple(so_far))


def _correctors(work: Restoration) -> list[Corrector]:
    return [runner for runner in work.runners if isinstance(runner, Corrector)]


def _alike(part: Callable[..., np.ndarray | None], work: Restoration) -> Callable[..., np.ndarray]:
    """Reading rectangles (height, width) of what belongs to a picture, as alpha, at the size of the result."""

    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        values = part(top, left, height, width)
        assert values is not None
        return values[:, :, None]

    if work.size() == work.shape[:2]:
        return lambda *rectangle: read(*rectangle)[:, :, 0]
    down, across = map(bicubic_weights, work.shape[:2], work.size())
    return lambda *rectangle: resampled(rectangle, down, across, read)[:, :, 0].clip(0, 1)


def _part_of(values: np.ndarray) -> Callable[..., np.ndarray]:
    return lambda top, left, height, width: values[top : top + height, left : left + width].astype(np.float32)


def _be_patient(plan: Plan, shape: tuple[int, int, int], minutes: float) -> None:
    """Raise BadPlan if the per-image steps of a plan would take longer than so many minutes."""
    needed, names = 0.0, []
    for step, knobs in zip(plan.steps, check(plan), strict=True):
        estimate = method_named(step.method).minutes
        if estimate:
            needed += estimate(knobs) * shape[0] * shape[1] / 1e6
            names.append(step.method)
    if needed > minutes:
        time_needed = f"{needed:.0f} minutes" if needed < 120 else f"{needed / 60:.0f} hours"
        raise BadPlan(
            f"{' and '.join(names)} fits a net to this picture alone, which may take {time_needed} here;"
            " go ahead with --yes, and stop it with Ctrl-C: the best result so far is kept"
        )


def _checked(picture: Image | Picture, steps: Sequence[Step]) -> Read:
    """Reading rectangles of what can be seen of a picture. Raises BadImage for what is not finite."""

    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        y = picture.window(top, left, height, width)
        if not np.isfinite(y).all():
            raise BadImage("the picture holds NaN or infinity")
        return y

    hides = picture.has_alpha and bool(steps)  # where nothing is done, hidden colour stays as it is
    return without_hidden(read, picture.alpha_window, picture.shape[:2]) if hides else read


def _finish(report: Report, work: Restoration, started: float) -> None:
    report.tiles, report.repaired_tiles = len(work), work.repaired
    report.warnings += [corrector.note() for corrector in _correctors(work)]
    report.seconds = round(time.perf_counter() - started, 3)
    report.versions = {package: version(package) for package in PACKAGES}
    report.peak_megabytes = round(peak_memory() / 1e6, 1)


def peak_memory() -> int:
    """The most bytes this process has had resident; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    # Not getrusage: its figure outlives exec, and so begins with the size of the parent process.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
