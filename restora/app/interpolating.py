"""The command interpolate: more frames for a clip, or the picture between two."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from restora.app.carry_out import tell
from restora.app.options import FRAMES, QUALITY, amount, naming_salvage, progress, rate_from
from restora.app.run import Run, with_run
from restora.core.allocator import reuse_freed_memory
from restora.core.errors import BadKnob, OutputExists
from restora.work.report_file import report_file


@with_run(many=False)
def interpolate(
    run: Run,
    factor: Annotated[int | None, typer.Option(min=2, max=16, help="Times as many frames; default: 2.")] = None,
    fps: Annotated[str | None, typer.Option(help="Frames a second instead, as 60 or 60000/1001.")] = None,
    to: Annotated[Path | None, typer.Option(help="A second picture: make the one between both.")] = None,
    at: Annotated[float, typer.Option(min=0, max=1, help="With --to: where between them, 0 to 1.")] = 0.5,
    method: Annotated[str, typer.Option(help="tgan, flow, blend or repeat.")] = "tgan",
) -> None:
    """Make frames between those of a clip, or the picture between two pictures; a report is written beside a clip.

    Frames of the clip keep their times; scene cuts are not blended, and still frames are repeated. Sound, subtitles and
    chapters are copied.

    Example: restora interpolate clip.mp4 --factor 2 -o smooth.mp4
    """
    if factor and fps:
        raise BadKnob("give --factor or --fps, not both")
    if to:
        if run.output is None:
            raise BadKnob("name the result with -o")
        return _between(run, to, at, method)
    _clip(run, factor or 2, rate_from(fps) if fps else None, method)


def _clip(run: Run, factor: int, rate: Fraction | None, method: str) -> None:
    from restora.app.clips import STOPPED
    from restora.work.clips import ClipOptions, Stopped, target_for
    from restora.work.interpolate import More, interpolate_clip
    from restora.work.restore import Limits, Options

    reuse_freed_memory()
    limits = Limits(amount(run.max_memory), amount(run.max_pixels), float("inf"))
    options = Options(
        run.engine, run.device, limits, force=run.force, quality=run.quality or QUALITY, salvage=run.salvage,
        keep=tuple(run.keep or ()),
    )  # fmt: skip
    how = ClipOptions(options, run.codec, run.deinterlace, run.preview, run.preset)
    target = target_for(run.picture, run.output, how)
    paper, stopped = report_file(target, run.force), False
    say = (lambda sentence: print(f"restora: {sentence}", file=sys.stderr)) if run.resume else None
    with naming_salvage(), progress("interpolating", quiet=run.as_json, unit=FRAMES) as show:
        try:
            report = interpolate_clip(run.picture, target, how, More(factor, rate, method), tell=show, resume=say)
        except Stopped as end:
            report, stopped = end.report, True
            paper = report_file(Path(report.output), force=True)
    paper.write(report)
    tell(report, run.as_json)
    if stopped:
        raise typer.Exit(STOPPED)


def _between(run: Run, to: Path, at: float, method: str) -> None:
    from restora.engines.choice import backend_named
    from restora.files.picture import read
    from restora.files.save import write
    from restora.work.interpolate import interpolate_pictures

    assert run.output is not None
    if run.output.exists() and not run.force:
        raise OutputExists(f"{run.output} exists; overwrite it with --force")
    backend = backend_named(run.engine, run.device)
    made = interpolate_pictures(read(run.picture), read(to), (method, ""), backend, amount(run.max_memory), at)
    write(made, run.output)
    print(f"{run.picture} and {to} -> {run.output}")
