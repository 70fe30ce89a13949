"""Commands for a picture and a method, size, mask or plan that is given: denoise, upscale, inpaint, restore."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.carry_out import carry_out, tell
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
    Salvage,
    Settings,
    Source,
    Yes,
    knobs_from,
    size_from,
)  # fmt: skip
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadPlan
from restora.core.plan import Plan, plan_from_json

if TYPE_CHECKING:
    from restora.work.diagnose import Pixels


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
    salvage: Salvage = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise with a method of your choice; a report is written beside the result, as RESULT.json.

    Example: restora denoise photo.png --method nlm --sigma 0.05 -o quiet.png
    """
    from restora.work.decide import to_denoise

    def decide(pixels: "Pixels") -> Plan:
        diagnosis, plan = to_denoise(
            pixels, wishes, method, strength=strength, weights=weights, precision=precision, sigma_map=sigma_map
        )
        seen.extend([diagnosis] if diagnosis else [])
        return plan

    seen: list[Diagnosis] = []
    wishes = knobs_from(settings, sigma)
    report = carry_out(
        picture, output, decide, engine, device, max_memory, max_pixels, quality, resume, force, as_json, seen,
        yes=yes, salvage=salvage,
    )  # fmt: skip
    tell(report, as_json)


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
    salvage: Salvage = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make a picture larger.

    Noise that is found is removed first; for a picture with JPEG blocks, weights are taken that know them.
    With --method or --weights it is that method alone. A report is written beside the result.

    Example: restora upscale photo.jpg --scale 4 -o large.png
    """
    from restora.work.decide import to_upscale

    def decide(pixels: "Pixels") -> Plan:
        diagnosis, plan = to_upscale(
            pixels,
            scale,
            size_from(size) if size else None,
            method,
            weights=weights,
            ensemble=ensemble,
            back_project=back_project,
            precision=precision,
        )
        seen.extend([diagnosis] if diagnosis else [])
        return plan

    seen: list[Diagnosis] = []
    report = carry_out(
        picture, output, decide, engine, device, max_memory, max_pixels, quality, resume, force, as_json, seen,
        salvage=salvage,
    )  # fmt: skip
    tell(report, as_json)


def inpaint(
    picture: Source,
    mask: Annotated[Path, typer.Option(help="A picture of the same size: white is filled, black is kept.")],
    output: Output = None,
    method: Annotated[str | None, typer.Option(help="One that `restora methods` has for hole.")] = None,
    settings: Settings = None,
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    quality: Quality = 95,
    salvage: Salvage = False,
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
    report = carry_out(
        picture, output, lambda pixels: plan, "auto", "cpu", *bounds, False, force, as_json, [], salvage=salvage
    )
    tell(report, as_json)


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
    salvage: Salvage = False,
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
    report = carry_out(
        picture, output, lambda pixels: chosen, engine, device, max_memory, max_pixels, quality, resume, force, as_json,
        [], yes=yes, salvage=salvage,
    )  # fmt: skip
    tell(report, as_json)
