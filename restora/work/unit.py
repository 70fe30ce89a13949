"""A unit of work: one picture or clip from its file to its result and report. It runs in any process, and fails alone.

`run_unit` is a plain function of a dataclass, and both can be pickled if `decide` can, as the partials of the functions
in work/decide.py can.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from restora.core.checksum import sha256
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage, NotFinite, OutputExists, RestoraError, Truncated
from restora.core.plan import Plan
from restora.core.report import Report
from restora.files.container import container_of
from restora.files.disk import check_name
from restora.files.picture import STDIO
from restora.stages.stage import Tell
from restora.work.clips import ClipOptions, Stopped, restore_clip
from restora.work.diagnose import Pixels
from restora.work.journal import Done
from restora.work.report_file import read_report, report_file
from restora.work.restore import restore_file
from restora.work.threads import limit_threads

Decide: TypeAlias = Callable[[Pixels], tuple[Diagnosis | None, Plan]]
"""Makes the plan for a picture, and the diagnosis if the plan needs one."""
State: TypeAlias = Literal["restored", "unchanged", "skipped", "failed"]
STATES: tuple[State, ...] = ("restored", "unchanged", "skipped", "failed")
OF_FILE = (BadImage, OutputExists, NotFinite)
"""Errors that are those of one file; others are of what was asked, and perhaps of all files."""


@dataclass(frozen=True)
class Unit:
    """One file to restore. `-` is standard input or output, but not of a clip.

    decide: makes the plan. request: id of what was asked, see `request_of`. known: what an earlier run did for this
    result. resume: keep finished rows or segments if it is stopped.
    """

    source: Path
    target: Path
    decide: Decide
    how: ClipOptions = field(default_factory=ClipOptions)
    request: str = ""
    resume: bool = False
    known: Done | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    target: the written result, or an empty text. sentence: why it failed, was skipped, or was left unchanged. found:
    what was wrong, in plain words. steps: names of methods. error: the traceback of a bug, else an empty text.
    of_request: whether it failed for what was asked, so that other files may fail alike.
    """

    source: str
    state: State
    target: str = ""
    sentence: str = ""
    found: str = ""
    steps: tuple[str, ...] = ()
    input_sha256: str = ""
    plan: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str = ""
    of_request: bool = False


def restored(unit: Unit, *, tell: Tell | None = None, resume: Callable[[str], None] | None = None) -> Report:
    """Restore the file of a unit, and write the report beside the result; see `restore_file` and `restore_clip`.

    After Ctrl-C a clip raises Stopped; the report on its part is then written, too.
    """
    seen: list[Diagnosis | None] = []

    def plan(pixels: Pixels) -> Plan:
        diagnosis, plan = unit.decide(pixels)
        seen.append(diagnosis)
        return plan

    def completed(report: Report) -> Report:
        report.diagnosis = seen[0].as_dict() if seen and seen[0] else {}
        report.request = unit.request
        return report

    options = unit.how.run
    limit_threads(options.limits.threads)
    clip = unit.source != STDIO and container_of(unit.source)
    if unit.target != STDIO and not clip:
        check_name(unit.target)
    paper = None if unit.target == STDIO else report_file(unit.target, options.force)
    try:
        if clip:
            report = restore_clip(unit.source, unit.target, plan, unit.how, tell=tell, resume=resume)
        else:
            report = restore_file(unit.source, unit.target, plan, options, tell=tell, resume=resume)
    except Stopped as end:
        report_file(Path(end.report.output), force=True).write(completed(end.report))
        raise
    completed(report)
    if paper and report.output:
        paper.write(report)
    return report


def run_unit(unit: Unit, tell: Tell | None = None) -> Outcome:
    """Restore the file of a unit, unless that was done before. Whatever is wrong with the file is in the outcome."""
    notes: list[str] = []
    try:
        if _done_before(unit):
            written = str(unit.target) if unit.target.exists() else ""
            return Outcome(str(unit.source), "skipped", written, "it was done before")
        unit.target.parent.mkdir(parents=True, exist_ok=True)
        if unit.known and unit.known.state == "begun" and read_report(unit.target) is None:
            unit = _forced(unit)  # an earlier run was ended between the result and its report
        report = restored(unit, tell=tell, resume=notes.append if unit.resume else None)
    except Stopped:  # by Ctrl-C, which ends the work on all files
        raise KeyboardInterrupt from None
    except Truncated as error:
        return Outcome(str(unit.source), "failed", sentence=f"{error}; restore the existing part with --salvage")
    except (RestoraError, OSError, MemoryError) as error:
        asked = isinstance(error, RestoraError) and not isinstance(error, OF_FILE)
        return Outcome(str(unit.source), "failed", sentence=str(error) or "out of memory", of_request=asked)
    except Exception as error:  # a bug must not end the work on all other files
        sentence = f"an error of Restora, not of the file: {type(error).__name__}: {error}"
        return Outcome(str(unit.source), "failed", sentence=sentence, error=traceback.format_exc())
    return outcome_of(report, unit, notes)


def outcome_of(report: Report, unit: Unit, notes: list[str]) -> Outcome:
    """The outcome of a unit that went well."""
    plan = report.plan
    return Outcome(
        str(unit.source),
        "restored" if plan.steps else "unchanged",
        report.output,
        "" if plan.steps else plan.because,
        plain_words(report),
        tuple(step.method for step in plan.steps),
        report.input_sha256,
        plan.id,
        report.seconds,
        (*notes, *report.warnings),
    )


def plain_words(report: Report) -> str:
    """What was found, as a person sees it."""
    return " and ".join(
        finding["plain"] for finding in report.diagnosis.values() if finding["present"] and finding["plain"]
    )


def _forced(unit: Unit) -> Unit:
    return replace(unit, how=replace(unit.how, run=replace(unit.how.run, force=True)))


def _done_before(unit: Unit) -> bool:
    """Whether the same was done to the same file, by the journal or the report beside the result."""
    if unit.how.run.force or not unit.request:
        return False
    known, exists = unit.known, unit.target.exists()
    done = ("written", "unchanged") if exists else ("unchanged",)
    if known and known.request == unit.request and known.state in done:
        checksum = known.input_sha256
    elif exists and (report := read_report(unit.target)) and report.get("request") == unit.request:
        checksum = report["input_sha256"]
    else:
        return False
    with suppress(OSError):  # a file that cannot be read is reported when it is opened
        return bool(checksum == sha256(unit.source))
    return False


def request_of(decide: Decide, how: ClipOptions) -> str:
    """Twelve hexadecimal digits of all that was asked, so of what determines the result of a picture besides itself.

    Not of engine, device, limits and other things that do not change pixels. Files that are given count by checksum.
    """
    options = replace(how.run, engine="", device="", limits=type(how.run.limits)(), force=False)
    facts = [_facts(decide), _facts(options), how.codec, how.deinterlace, how.preview]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _facts(value: Any) -> Any:
    """A value as JSON, the same in every process."""
    if isinstance(value, partial):
        value = [value.func.__qualname__, value.args, value.keywords]
    if isinstance(value, Mapping):
        return {str(name): _facts(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_facts(each) for each in value]
    if isinstance(value, str) and Path(value).is_file():
        return sha256(Path(value))
    if is_dataclass(value):
        return value.id if isinstance(value, Plan) else _facts(vars(value))
    return value
