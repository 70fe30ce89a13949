"""What all functions of the Python API do: choose where nets run, and carry out a plan on a picture."""

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from restora.app.given import Opened, number
from restora.app.given_inputs import without_files
from restora.app.result import Result, small
from restora.core.amount import amount
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadPlan
from restora.core.plan import Plan, plan_from_json


@dataclass(frozen=True)
class Where:
    """The engine and device that run the nets, and the memory limit of tiles in bytes."""

    engine: str
    device: str
    memory: int


def place(engine: str, device: str, max_memory: int | str) -> Where:
    """The place where a plan runs, checked before anything slow."""
    from restora.engines.choice import backend_named

    backend_named(engine, device)
    memory = amount(max_memory) if isinstance(max_memory, str) else int(number(max_memory, "max_memory"))
    return Where(engine, device, memory)


def carried_out(picture: Opened, diagnosis: Diagnosis | None, plan: Plan, where: Where) -> Result:
    """The picture restored by a plan."""
    from restora.core.checksum import sha256
    from restora.work.restore import restore as run

    products: dict[str, Any] = {}
    image, report = run(
        picture.image,
        plan,
        engine=where.engine,
        device=where.device,
        max_memory=where.memory,
        held=picture.held,
        keep=products.__setitem__,
    )
    report.plan = replace(plan, steps=tuple(without_files(step) for step in plan.steps))
    report.input = str(picture.path or "array")
    report.input_sha256 = sha256(picture.path) if picture.path else ""
    report.warnings[:0] = picture.notes
    report.diagnosis = diagnosis.as_dict() if diagnosis else {}
    same = picture.array if not plan.steps and picture.array is not None else None
    return Result(
        picture.form.restored(image) if same is None else same.copy(),
        report,
        diagnosis,
        products,
        meta=image.meta,
        before=small(picture.image),
        unchanged=None if plan.steps else picture.path,
    )


def plan_in(plan: Plan | str | PathLike[str]) -> Plan:
    """A plan, or the one in a plan or report file. Raises BadPlan."""
    if isinstance(plan, Plan):
        return plan
    try:
        return plan_from_json(Path(plan).read_text())
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise BadPlan(f"cannot read a plan from {str(plan)!r}: {error}") from error
