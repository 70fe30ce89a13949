"""Clips in the Python API: what the commands do, with the result in a file."""

import logging
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from restora.app.clip_result import ClipResult
from restora.app.python_call import Decide, Where
from restora.app.python_options import Options
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage
from restora.core.plan import Plan
from restora.core.report import Report

if TYPE_CHECKING:
    from restora.work.clips import ClipOptions
    from restora.work.diagnose import Pixels
    from restora.work.interpolate import More

LOG = logging.getLogger("restora")


def restored_clip(source: Path, where: Where, decide: Decide) -> ClipResult:
    """A clip restored by one plan for all frames. Raises RestoraError; KeyboardInterrupt if it was stopped."""
    from restora.work.clips import Stopped, restore_clip

    how, target = _how(source, where)
    seen: list[Diagnosis | None] = []

    def planned(pixels: "Pixels") -> Plan:
        diagnosis, plan = decide(pixels)
        seen.append(diagnosis)
        return plan

    try:
        report = restore_clip(source, target, planned, how, tell=where.options.progress, resume=_resume(where))
    except Stopped as end:
        raise KeyboardInterrupt(_told(end.report)) from None
    diagnosis = seen[0] if seen else None
    report.diagnosis = diagnosis.as_dict() if diagnosis else {}
    return ClipResult(None, report, diagnosis, path=Path(report.output))


def more_frames(source: Path, where: Where, more: "More") -> ClipResult:
    """A clip with more frames. Raises as `restored_clip`."""
    from restora.work.clips import Stopped
    from restora.work.interpolate import interpolate_clip

    how, target = _how(source, where)
    try:
        report = interpolate_clip(source, target, how, more, tell=where.options.progress, resume=_resume(where))
    except Stopped as end:
        raise KeyboardInterrupt(_told(end.report)) from None
    return ClipResult(None, report, path=Path(report.output))


def frames_of(source: Path, options: Options) -> "Pixels":
    """The frames of a clip that are diagnosed."""
    from restora.files.clip import open_clip
    from restora.work.clips import frames_to_diagnose

    return frames_to_diagnose(open_clip(source, options.pixels, salvage=options.salvage, rate=options.rate))


def output_of(source: Path, output: str | PathLike[str] | None) -> Path:
    """The file of the result of a clip. Raises BadImage if there is none."""
    if output is None:
        what = "a folder, whose frames are restored as a clip, and this" if source.is_dir() else "a clip, whose result"
        raise BadImage(f"{source} is {what} is written to a file; name it, as output='better.mp4'")
    return Path(output)


def _how(source: Path, where: Where) -> "tuple[ClipOptions, Path]":
    """The options of a run on a clip, and the file of its result."""
    from restora.work.clips import ClipOptions, target_for
    from restora.work.restore import Limits
    from restora.work.restore import Options as Run

    given = where.options
    run = Run(
        where.engine, where.device, Limits(where.memory, given.pixels), given.force, given.quality, given.salvage
    )  # fmt: skip
    how = ClipOptions(run, given.codec, given.deinterlace, given.preview, given.preset, given.rate)
    return how, target_for(source, output_of(source, where.output), how)


def _resume(where: Where) -> Callable[[str], None] | None:
    return LOG.info if where.options.resume else None


def _told(report: Report) -> str:
    return f"stopped after {report.clip['frames']} of {report.clip['of']} frames; {report.output} has them"
