"""Commands for people with a picture: fix, denoise, upscale, inpaint, diagnose, plan, restore."""

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.options import (
    AsJson,
    Device,
    Engine,
    Force,
    MaxMemory,
    MaxPixels,
    Output,
    Precision,
    Quality,
    Resume,
    Settings,
    Source,
    Yes,
    amount,
    knobs_from,
    progress,
    show_json,
    size_from,
)  # fmt: skip
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage, BadKnob, BadPlan, OutputExists
from restora.core.plan import Plan, plan_from_json

if TYPE_CHECKING:
    from restora.core.report import Report
    from restora.work.diagnose import Pixels

STDIO = Path("-")
PATIENCE = 10.0
"""Minutes that a method may take without being told to go ahead."""


def fix(
    picture: Source,
    output: Output = None,
    engine: Engine = "auto",
    device: Device = "cpu",
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    resume: Resume = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Find out what is wrong with a picture and mend it; a report is written beside the result, as RESULT.json.

    Example: restora fix photo.jpg -o better.jpg
    """
    from restora.work.diagnose import diagnose as look
    from restora.work.plan import plan_for

    seen: list[Diagnosis] = []

    def decide(pixels: "Pixels") -> Plan:
        seen.append(look(pixels))
        return plan_for(seen[0])

    report = _run(
        picture, output, decide, engine, device, max_memory, max_pixels, quality, resume, force, as_json, seen
    )
    _tell(report, as_json)


def denoise(
    picture: Source,
    output: Output = None,
    method: Annotated[
        str | None, typer.Option(help="One of: restora methods; the flagship or that of the weights, if not given.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="Noise level, 0..1 (25/255 = 0.098); measured if not given.")
    ] = None,
    sigma_map: Annotated[
        Path | None,
        typer.Option(help="A grey picture of the same size: sigma everywhere, as 25 of 255; a hint."),
    ] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the change to apply.")] = 1.0,
    weights: Annotated[str | None, typer.Option(help="Other weights: a name or a file.")] = None,
    settings: Settings = None,
    precision: Precision = "auto",
    yes: Yes = False,
    engine: Engine = "auto",
    device: Device = "cpu",
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    resume: Resume = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise with a method of your choice; a report is written beside the result, as RESULT.json.

    Example: restora denoise photo.png --method nlm --sigma 0.05 -o quiet.png
    """
    from restora.methods.table import method_named
    from restora.work.diagnose import diagnose as look
    from restora.work.plan import denoises, method_for, plan_of_method

    seen: list[Diagnosis] = []

    def decide(pixels: "Pixels") -> Plan:
        if any(knob.default is None and knob.name not in wishes for knob in method_named(chosen).knobs):
            seen.append(look(pixels))
        diagnosis = seen[0] if seen else None
        return plan_of_method(
            *(chosen, wishes, diagnosis),
            strength=strength,
            weights=weights,
            precision=None if precision == "auto" else precision,
            sigma_map=sigma_map,
        )

    chosen = method or method_for(weights)
    denoises(chosen)
    wishes = knobs_from(settings, sigma)
    report = _run(
        picture, output, decide, engine, device, max_memory, max_pixels, quality, resume, force, as_json, seen, yes
    )
    _tell(report, as_json)


def upscale(
    picture: Source,
    output: Output = None,
    scale: Annotated[
        float | None, typer.Option(help="How many times larger, 1 to 8; need not be whole; 2 if nothing is said.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Its size instead, as 3000x2000.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Any that `restora methods` has for shrink; by what is found, if not given.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Other weights; alone, they choose the method.")] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Mean over 8 turned pictures: 8 times slower.")] = False,
    back_project: Annotated[
        bool, typer.Option("--back-project", help="Correct it until, made as small again, it is the picture given.")
    ] = False,
    precision: Precision = "auto",
    engine: Engine = "auto",
    device: Device = "cpu",
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    resume: Resume = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make a picture larger.

    Noise that is found is removed first; for a picture with JPEG blocks, weights are taken that know them.
    With --method or --weights it is that method alone. A report is written beside the result.

    Example: restora upscale photo.jpg --scale 4 -o large.png
    """
    from restora.work.diagnose import diagnose as look
    from restora.work.plan import method_for, plan_to_enlarge, plan_to_enlarge_as_found

    def decide(pixels: "Pixels") -> Plan:
        height, width = pixels.shape[:2]
        times = 2.0 if scale is None else scale
        target = size_from(size) if size else (round(height * times), round(width * times))
        if chosen is None:
            if precision != "auto" or back_project:
                raise BadKnob("--precision and --back-project go with a --method or --weights")
            seen.append(look(pixels))
            return plan_to_enlarge_as_found(seen[0], pixels.shape, target, ensemble=ensemble)
        return plan_to_enlarge(
            *(chosen, pixels.shape, target),
            weights=weights,
            precision=None if precision == "auto" else precision,
            ensemble=ensemble,
            back_project=back_project,
        )

    if scale is not None and (size or not math.isfinite(scale)):
        raise BadKnob("give --scale or --size" if size else f"--scale must be a number from 1 to 8, not {scale}")
    seen: list[Diagnosis] = []
    chosen = method or (method_for(weights) if weights else None)
    report = _run(
        picture, output, decide, engine, device, max_memory, max_pixels, quality, resume, force, as_json, seen
    )
    _tell(report, as_json)


def inpaint(
    picture: Source,
    mask: Annotated[Path, typer.Option(help="A picture of the same size: white is filled, black is kept.")],
    output: Output = None,
    method: Annotated[str | None, typer.Option(help="One that `restora methods` has for hole.")] = None,
    settings: Settings = None,
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Fill scratches, letters or small holes that a mask marks; a report is written beside the result.

    Example: restora inpaint photo.jpg --mask scratches.png -o whole.jpg
    """
    from restora.work.plan import FILLING, plan_to_fill

    if not mask.is_file():
        raise BadPlan(f"there is no mask {mask}")
    plan = plan_to_fill(mask, knobs_from(settings, None), method or FILLING)
    bounds = max_memory, max_pixels, quality
    report = _run(picture, output, lambda pixels: plan, "auto", "cpu", *bounds, False, force, as_json, [])
    _tell(report, as_json)


def diagnose(picture: Source, max_pixels: MaxPixels = "2GP", as_json: AsJson = False) -> None:
    """Say what is wrong with a picture: noise, impulses, JPEG blocks.

    Example: restora diagnose photo.jpg --json
    """
    from restora.files.picture import open_picture
    from restora.work.diagnose import diagnose as look

    opened = open_picture(picture, amount(max_pixels))
    diagnosis = look(opened)
    if as_json:
        show_json({"picture": opened.name, "shape": list(opened.shape), **diagnosis.as_dict()})
        return
    for finding in diagnosis.findings.values():
        print(f"{'!' if finding.present else ' '} {finding.says} (sure: {100 * finding.confidence:.0f} %)")


def plan(picture: Source, output: Output = None, max_pixels: MaxPixels = "2GP", force: Force = False) -> None:
    """Print what `fix` would do and why, as JSON that you may edit and give to `restore`.

    Example: restora plan photo.jpg -o plan.json
    """
    from restora.files.picture import open_picture
    from restora.files.save import write_text
    from restora.work.diagnose import diagnose as look
    from restora.work.plan import plan_for

    text = plan_for(look(open_picture(picture, amount(max_pixels)))).to_json()
    if output is None or output == STDIO:
        print(text)
    else:
        if picture != STDIO and output.exists() and output.samefile(picture):
            raise BadPlan(f"the plan cannot be written over the picture {picture}")
        write_text(text, output, force=force)


def restore(
    picture: Source,
    plan_file: Annotated[Path, typer.Option("--plan", help="A plan as `restora plan` prints it.")],
    output: Output = None,
    yes: Yes = False,
    engine: Engine = "auto",
    device: Device = "cpu",
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    resume: Resume = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Carry out a plan; the same plan gives the same pixels again. A report is written beside the result.

    Example: restora restore photo.jpg --plan plan.json -o better.jpg
    """
    try:
        chosen = plan_from_json(plan_file.read_text())
    except OSError as error:
        raise BadPlan(f"cannot read the plan {plan_file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPlan(f"{plan_file} is no plan: it is not text") from error
    report = _run(
        *(
            picture,
            output,
            lambda pixels: chosen,
            engine,
            device,
            max_memory,
            max_pixels,
            quality,
            resume,
            force,
            as_json,
            [],
        ),
        yes,
    )
    _tell(report, as_json)


def _run(  # the options of a command, as they are
    picture: Path,
    output: Path | None,
    decide: "Callable[[Pixels], Plan]",
    engine: str,
    device: str,
    max_memory: str,
    max_pixels: str,
    quality: int,
    resume: bool,
    force: bool,
    as_json: bool,
    seen: list[Diagnosis],
    yes: bool = False,
) -> "Report":
    """Restore from file to file, and write the report beside the result."""
    from restora.files.save import write_text
    from restora.work.restore import Limits, restore_file

    restored = f"{picture.stem}.restored{picture.suffix}"
    target = output or (STDIO if picture == STDIO else picture.parent / restored)
    if target.is_dir():
        raise BadImage(f"{target} is a folder; name a file in it")
    paper = target.with_name(f"{target.name}.json")
    if target != STDIO and os.path.lexists(paper) and not (force and paper.is_file()):
        raise OutputExists(f"{paper}, where the report would go, exists; overwrite it with --force")
    if resume and target == STDIO:
        raise BadKnob("--resume keeps what is finished beside the result, so it needs a file: name it with -o")
    with progress("restoring", quiet=as_json) as tell:
        report = restore_file(
            picture,
            target,
            decide,
            engine=engine,
            device=device,
            limits=Limits(amount(max_memory), amount(max_pixels), float("inf") if yes else PATIENCE),
            force=force,
            quality=quality,
            tell=tell,
            resume=(lambda sentence: print(f"restora: {sentence}", file=sys.stderr)) if resume else None,
        )
    report.diagnosis = seen[0].as_dict() if seen else {}
    if target != STDIO:
        write_text(report.to_json(), paper, force=force)
    return report


def _tell(report: "Report", as_json: bool) -> None:
    to_stdout = report.output == "-"  # the picture went there: words go to standard error
    if as_json:
        typer.echo(report.to_json(), err=to_stdout)
        return
    steps = " then ".join(step.weights or step.method for step in report.plan.steps) or "no change"
    lines = [
        f"{report.input} -> {'standard output' if to_stdout else report.output}",
        f"  {report.plan.because}",
        f"  {steps}; {report.seconds:.1f} s, {report.peak_megabytes:.0f} MB",
        *(f"  note: {warning}" for warning in report.warnings),
    ]
    typer.echo("\n".join(lines), err=to_stdout)
