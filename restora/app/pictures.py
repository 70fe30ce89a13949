"""Commands for a picture and a method, size, mask or plan that is given: denoise, upscale, inpaint, restore."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.carry_out import carry_out
from restora.app.options import (
    Precision,
    Settings,
    knobs_from,
    size_from,
)  # fmt: skip
from restora.app.run import Run, with_run
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob, BadPlan
from restora.core.plan import Plan, plan_from_json

if TYPE_CHECKING:
    from restora.work.diagnose import Pixels


@with_run
def denoise(
    run: Run,
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
) -> None:
    """Remove noise with a method of your choice; a report is written beside the result, as RESULT.json.

    Example: restora denoise photo.png --method nlm --sigma 0.05 -o quiet.png
    """
    from restora.methods.table import method_named
    from restora.work.diagnose import diagnose as look
    from restora.work.plan import denoises, method_for, plan_of_method
    from restora.work.view import view_of

    seen: list[Diagnosis] = []

    def decide(pixels: "Pixels") -> Plan:
        if any(knob.default is None and knob.name not in wishes for knob in method_named(chosen).knobs):
            seen.append(look(view_of(pixels)))
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
    carry_out(run, decide, seen)


@with_run
def upscale(
    run: Run,
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
) -> None:
    """Make a picture larger.

    Noise that is found is removed first; for a picture with JPEG blocks, weights are taken that know them.
    With --method or --weights it is that method alone. A report is written beside the result.

    Example: restora upscale photo.jpg --scale 4 -o large.png
    """
    from restora.work.fix import plan_to_fix
    from restora.work.plan import method_for, plan_to_enlarge, plan_to_enlarge_as_found
    from restora.work.view import view_of

    def decide(pixels: "Pixels") -> Plan:
        height, width = pixels.shape[:2]
        times = 2.0 if scale is None else scale
        target = size_from(size) if size else (round(height * times), round(width * times))
        if chosen is None:
            if precision != "auto" or back_project:
                raise BadKnob("--precision and --back-project go with a --method or --weights")
            diagnosis, plan = plan_to_fix(view_of(pixels))
            seen.append(diagnosis)
            return plan_to_enlarge_as_found(diagnosis, pixels.shape, target, treated=plan, ensemble=ensemble)
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
    carry_out(run, decide, seen)


@with_run
def inpaint(
    run: Run,
    mask: Annotated[Path, typer.Option(help="A picture of the same size: white is filled, black is kept.")],
    method: Annotated[str | None, typer.Option(help="One that `restora methods` has for hole.")] = None,
    settings: Settings = None,
) -> None:
    """Fill scratches, letters or small holes that a mask marks; a report is written beside the result.

    Example: restora inpaint photo.jpg --mask scratches.png -o whole.jpg
    """
    from restora.work.plan import FILLING, plan_to_fill

    if not mask.is_file():
        raise BadPlan(f"there is no mask {mask}")
    plan = plan_to_fill(mask, knobs_from(settings, None), method or FILLING)
    carry_out(run, lambda pixels: plan)


@with_run
def restore(
    run: Run,
    plan_file: Annotated[Path, typer.Option("--plan", help="A plan as `restora plan` prints it.")],
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
    carry_out(run, lambda pixels: chosen)
