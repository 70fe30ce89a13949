"""What all functions of the Python API do: choose where nets run, and carry out a plan on a picture or a clip."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from restora.app.given import Given, clip_in, named, opened
from restora.app.given_inputs import without_files
from restora.app.python_options import Options, amount_of
from restora.app.result import Result, small
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadPlan
from restora.core.plan import Plan, plan_from_json

if TYPE_CHECKING:
    from restora.work.diagnose import Pixels

DEFAULTS = Options()
Decide: TypeAlias = "Callable[[Pixels], tuple[Diagnosis | None, Plan]]"
"""Makes the plan for a picture, or for frames of a clip, with the diagnosis if it needed one."""


@dataclass(frozen=True)
class Where:
    """The engine and device that run the nets, the memory limit of tiles in bytes, and where the result goes."""

    engine: str
    device: str
    memory: int
    output: Path | None = None
    options: Options = DEFAULTS


def place(
    engine: str,
    device: str,
    max_memory: int | str,
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Where:
    """The place where a plan runs, checked before anything slow."""
    from restora.engines.choice import backend_named

    backend_named(engine, device)
    target = None if output is None else named(output)
    return Where(engine, device, amount_of(max_memory, "max_memory"), target, options or DEFAULTS)


def carried_out(y: Given, where: Where, decide: Decide) -> Result:
    """The picture restored by the plan that is decided on, and saved if `where` has an output; or the clip."""
    if path := clip_in(y):
        from restora.app.python_clips import restored_clip

        return restored_clip(path, where, decide)
    from restora.core.checksum import sha256
    from restora.work.restore import restore as run

    options, products = where.options, dict[str, Any]()
    options.for_pictures()
    picture = opened(y, options)
    diagnosis, plan = decide(picture.seen)
    image, report = run(
        picture.image,
        plan,
        engine=where.engine,
        device=where.device,
        max_memory=where.memory,
        held=picture.held,
        tell=options.progress,
        keep=products.__setitem__,
    )
    report.plan = replace(plan, steps=tuple(without_files(step) for step in plan.steps))
    report.input = str(picture.path or "array")
    report.input_sha256 = sha256(picture.path) if picture.path else ""
    report.salvaged_rows = picture.salvaged_rows
    report.warnings[:0] = picture.notes
    report.diagnosis = diagnosis.as_dict() if diagnosis else {}
    same = picture.array if not plan.steps and picture.array is not None else None
    result = Result(
        picture.form.restored(image) if same is None else same.copy(),
        report,
        diagnosis,
        products,
        meta=image.meta,
        before=small(picture.image),
        unchanged=None if plan.steps or picture.salvaged_rows else picture.path,
    )
    if where.output:
        report.warnings += result.save(where.output, quality=options.quality, force=options.force)
    return result


def plan_in(plan: Plan | str | PathLike[str]) -> Plan:
    """A plan, or the one in a plan or report file. Raises BadPlan."""
    if isinstance(plan, Plan):
        return plan
    try:
        return plan_from_json(Path(plan).read_text())
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise BadPlan(f"cannot read a plan from {str(plan)!r}: {error}") from error
