"""Run a command on a clip: write the result and its report, and print a summary."""

from typing import TYPE_CHECKING

import typer

from restora.app.carry_out import STDIO, say, tell
from restora.app.options import FRAMES, naming_salvage, progress
from restora.app.run import Run
from restora.core.allocator import reuse_freed_memory
from restora.core.errors import BadKnob

if TYPE_CHECKING:
    from restora.work.clips import ClipOptions
    from restora.work.unit import Decide

STOPPED = 130
"""Exit status after Ctrl-C."""


def carry_out_clip(run: Run, decide: "Decide", how: "ClipOptions") -> None:
    """Restore a clip with one plan for all frames, write the report beside the result, and print a summary.

    After Ctrl-C the exit status is STOPPED, and the frames so far are in RESULT.partial.
    """
    from restora.work.clips import Stopped, target_for
    from restora.work.unit import Unit, request_of, restored

    reuse_freed_memory()
    if run.output == STDIO:
        raise BadKnob("a clip is written to a file; name it with -o")
    if run.form:
        raise BadKnob("--format is for pictures; name the result of a clip with -o")
    if run.fps and not run.picture.is_dir():
        raise BadKnob(f"--fps is for a folder of frames, and {run.picture} is not one")
    unit = Unit(run.picture, target_for(run.picture, run.output, how), decide, how, request_of(decide, how))
    stopped = False
    with naming_salvage(), progress("restoring", quiet=run.as_json, unit=FRAMES) as show:
        try:
            report = restored(unit, tell=show, resume=say if run.resume else None)
        except Stopped as end:
            report, stopped = end.report, True
    tell(report, run.as_json)
    if stopped:
        say(f"stopped after {report.clip['frames']} of {report.clip['of']} frames; {report.output} has them")
        raise typer.Exit(STOPPED)
