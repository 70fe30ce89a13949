"""Run a command that restores a file: write the result and its report, and print a summary."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restora.app.options import QUALITY, amount, naming_salvage, progress, rate_from
from restora.app.run import Run
from restora.core.errors import BadKnob

if TYPE_CHECKING:
    from restora.core.report import Report
    from restora.work.clips import ClipOptions
    from restora.work.restore import Options
    from restora.work.unit import Decide

STDIO = Path("-")
PATIENCE = 10.0
"""Minutes above which a method needs --yes."""


def carry_out(run: Run, decide: "Decide", copy: bool = True) -> None:
    """Restore the files of a run with the plan for each; print a summary, for one file also what was done.

    decide: makes the plan, see `work/decide.py`. copy: write an unchanged picture for an empty plan.
    """
    from restora.files.container import container_of
    from restora.work.unit import Unit, request_of, restored

    how = how_of(run, copy or run.output == STDIO or (run.pictures == [STDIO] and not run.output))
    if run.many or run.out_dir:
        from restora.app.many import carry_out_many
        from restora.work.batch import Order

        carry_out_many(run, Order(decide, how, run.out_dir, run.form, run.resume, run.jobs))
        return
    if run.picture != STDIO and container_of(run.picture):
        from restora.app.clips import carry_out_clip

        carry_out_clip(run, decide, how)
        return
    for name in ("deinterlace", "preview", "fps"):
        if getattr(run, name):
            raise BadKnob(f"--{name} is for clips, and {run.picture} is not one")
    target = _target(run, how)
    if run.resume and target == STDIO:
        raise BadKnob("--resume keeps finished rows beside the result, so the result must be a file; name it with -o")
    unit = Unit(run.picture, target, decide, how, request_of(decide, how))
    with naming_salvage(), progress("restoring", quiet=run.as_json) as show:
        report = restored(unit, tell=show, resume=say if run.resume else None)
    tell(report, run.as_json)


def _target(run: Run, how: "ClipOptions") -> Path:
    """The result of a picture. Raises BadKnob if it is given twice."""
    from restora.work.result_names import result_of

    if run.output:
        if run.form:
            raise BadKnob("the ending of -o sets the format; leave out --format")
        return run.output
    return STDIO if run.picture == STDIO else result_of(run.picture, how, run.form)


def how_of(run: Run, copy: bool) -> "ClipOptions":
    """The options of a run, of clips and pictures; copy: whether an empty plan writes an unchanged file."""
    from restora.work.clips import ClipOptions

    rate = rate_from(run.fps) if run.fps else None
    return ClipOptions(options_of(run, copy), run.codec, run.deinterlace, run.preview, run.preset, rate)


def options_of(run: Run, copy: bool) -> "Options":
    """The options of a run; copy: whether an empty plan writes an unchanged file."""
    from restora.work.restore import Limits, Options

    minutes = float("inf") if run.yes else PATIENCE
    return Options(
        run.engine,
        run.device,
        Limits(amount(run.max_memory), amount(run.max_pixels), minutes),
        force=run.force,
        quality=run.quality or QUALITY,
        like_input=run.quality is None,
        salvage=run.salvage,
        keep_unchanged=copy,
        keep=tuple(run.keep or ()),
    )


def say(sentence: str) -> None:
    """Print a sentence to standard error."""
    print(f"restora: {sentence}", file=sys.stderr)


def tell(report: "Report", as_json: bool) -> None:
    """Print what was done, as text or as JSON."""
    from restora.methods.table import called

    to_stdout = report.output == "-"  # the picture goes there, text to standard error
    if as_json:
        typer.echo(report.to_json(), err=to_stdout)
        return
    if not report.output:
        typer.echo("\n".join([nothing_to_do(report), *(f"  note: {warning}" for warning in report.warnings)]))
        return
    steps = " then ".join(map(called, report.plan.steps)) or "no change"
    frames = f"{report.clip['frames']} frames, " if "frames" in report.clip else ""
    lines = [
        f"{report.input} -> {'standard output' if to_stdout else report.output}",
        *([f"  {found}"] if (found := _in_plain_words(report)) else []),
        f"  {report.plan.because}",
        f"  {steps}; {frames}{report.seconds:.1f} s, {report.peak_megabytes:.0f} MB",
        *(f"  {name}: {facts['file']}" for name, facts in report.products.items() if "file" in facts),
        *(f"  note: {warning}" for warning in report.warnings),
    ]
    typer.echo("\n".join(lines), err=to_stdout)


def _in_plain_words(report: "Report") -> str:
    from restora.work.unit import plain_words

    plain = plain_words(report)
    return f"found {plain}" if plain else ""


def nothing_to_do(report: "Report") -> str:
    """The message for a picture in which nothing was repaired, with commands that are still useful."""
    from restora.signs.table import NOT_LOOKED_FOR, SIGNS

    name = report.input
    if found := _in_plain_words(report):
        why = report.plan.because
        return f"{name}: {found}; no file was written (--copy writes an unchanged one)\n  {why}"
    looked_for = ", ".join(SIGNS[each].called for each, finding in report.diagnosis.items() if finding["confidence"])
    file = shlex.quote(name) if Path(name).exists() else "-"  # quoted for a shell
    return "\n".join(
        [
            f"{name}: found nothing to repair, so no file was written (--copy writes one anyway)",
            f"  looked for and not found: {looked_for}",
            f"  not looked for yet: {', '.join(NOT_LOOKED_FOR)}",
            f"  you can remove noise anyway:  restora denoise {file}",
            f"  fill what a mask marks:       restora inpaint {file} --mask MASK",
            f"  make it larger:               restora upscale {file}",
            f"  sharpen it if it is blurred:  restora deblur {file}",
        ]
    )
