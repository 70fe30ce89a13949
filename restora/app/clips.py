"""Run a command on a clip: write the result and its report, and print a summary."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restora.app.carry_out import STDIO, options_of, say, tell
from restora.app.options import FRAMES, naming_salvage, progress
from restora.app.report_file import report_file
from restora.app.run import Run
from restora.core.allocator import reuse_freed_memory
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob
from restora.core.plan import Plan

if TYPE_CHECKING:
    from restora.work.diagnose import Pixels

STOPPED = 130
"""Exit status after Ctrl-C."""


def carry_out_clip(run: Run, decide: "Callable[[Pixels], tuple[Diagnosis | None, Plan]]", copy: bool = True) -> None:
    """Restore a clip with one plan for all frames, write the report beside the result, and print a summary.

    After Ctrl-C the exit status is STOPPED, and the frames so far are in RESULT.partial.
    """
    from restora.work.clips import ClipOptions, Stopped, restore_clip, target_for

    reuse_freed_memory()
    if run.output == STDIO:
        raise BadKnob("a clip is written to a file; name it with -o")
    seen: list[Diagnosis | None] = []

    def planned(pixels: "Pixels") -> Plan:
        diagnosis, plan = decide(pixels)
        seen.append(diagnosis)
        return plan

    how = ClipOptions(options_of(run, copy), run.codec, run.deinterlace, run.preview, run.preset)
    target = target_for(run.picture, run.output, how)
    paper, resume, stopped = report_file(target, run.force), say if run.resume else None, False
    with naming_salvage(), progress("restoring", quiet=run.as_json, unit=FRAMES) as show:
        try:
            report = restore_clip(run.picture, target, planned, how, tell=show, resume=resume)
        except Stopped as end:
            report, stopped = end.report, True
            paper = report_file(Path(report.output), force=True)
    report.diagnosis = seen[0].as_dict() if seen and seen[0] else {}
    if report.output:
        paper.write(report)
    tell(report, run.as_json)
    if stopped:
        say(f"stopped after {report.clip['frames']} of {report.clip['of']} frames; {report.output} has them")
        raise typer.Exit(STOPPED)
