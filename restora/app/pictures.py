"""Commands with a given method, size, mask or plan: denoise, upscale, deblur, correct, translate, inpaint, ..."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from restora.app.carry_out import carry_out
from restora.app.options import Precision, Settings, knobs_from, size_from
from restora.app.run import Run, with_run
from restora.core.errors import BadPlan
from restora.core.plan import plan_from_json
from restora.methods.table import TASKS

TranslatorWeights = Annotated[
    str | None, typer.Option(help="Weights: a name or a file; they set the method; default: pix2pix.oldphoto.")
]
Grow = Annotated[int, typer.Option(min=0, max=100, help="Enlarge the hole by this many pixels.")]
Grain = Annotated[
    bool | None,
    typer.Option(
        "--grain/--no-grain",
        help="Add noise to filled pixels, of the level around them; default: yes where it is above 1 of 255.",
    ),
]


@with_run("denoise", "jpeg")
def denoise(
    run: Run,
    inputs: dict[str, str],
    method: Annotated[
        str | None, typer.Option(help="One of `restora methods`; default: that of the weights, or the flagship.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="Noise level, 0..1 (25/255 = 0.098); measured if not given.")
    ] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the change to apply.")] = 1.0,
    weights: Annotated[str | None, typer.Option(help="Other weights: a name or a file.")] = None,
    settings: Settings = None,
    precision: Precision = "auto",
) -> None:
    """Remove noise with a method of your choice; a report is written beside the result, as RESULT.json.

    Example: restora denoise photo.png --method nlm --sigma 0.05 -o quiet.png
    """
    from restora.work.decide import to_denoise

    decide = partial(
        to_denoise,
        wishes=knobs_from(settings, sigma),
        method=method,
        strength=strength,
        weights=weights,
        precision=precision,
        inputs=inputs,
    )
    carry_out(run, decide)


@with_run()
def upscale(
    run: Run,
    scale: Annotated[
        float | None, typer.Option(help="How many times larger, 1 to 8, not only whole numbers; default: 2.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="The size instead, for example 3000x2000.")] = None,
    method: Annotated[
        str | None, typer.Option(help="One of `restora methods` for shrink; default: chosen by the diagnosis.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Other weights; without --method, they set the method.")] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Mean over 8 rotated pictures; 8 times slower.")] = False,
    back_project: Annotated[
        bool, typer.Option("--back-project", help="Correct the result until, shrunk again, it is the given picture.")
    ] = False,
    precision: Precision = "auto",
) -> None:
    """Make a picture larger.

    Detected noise is removed first; for a picture with JPEG blocks, weights trained on them are used.
    With --method or --weights, only that method runs. A report is written beside the result.

    Example: restora upscale photo.jpg --scale 4 -o large.png
    """
    from restora.work.decide import to_upscale

    decide = partial(
        to_upscale,
        scale=scale,
        size=size_from(size) if size else None,
        method=method,
        weights=weights,
        ensemble=ensemble,
        back_project=back_project,
        precision=precision,
    )
    carry_out(run, decide)


@with_run("deblur")
def deblur(
    run: Run,
    inputs: dict[str, str],
    method: Annotated[
        str | None,
        typer.Option(
            help="One of `restora methods` for blur; default: plug-and-play with --kernel, else as diagnosed."
        ),
    ] = None,
    sigma: Annotated[float | None, typer.Option(help="Noise level, 0..1; measured if not given.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Other weights of a net that sharpens, or of the denoiser of plug-and-play.")
    ] = None,
    settings: Settings = None,
    precision: Precision = "auto",
) -> None:
    """Sharpen a blurred picture, with a known kernel or without; a report is written beside the result.

    Without --kernel the diagnosis chooses: a trained net for softness and defocus, or a kernel that is estimated from
    the picture for motion, which --keep kernel writes beside the result.

    Example: restora deblur photo.jpg --kernel "motion(length=15, angle=30)" -o sharp.jpg
    """
    from restora.work.decide import to_deblur

    decide = partial(
        to_deblur,
        wishes=knobs_from(settings, sigma),
        inputs=inputs,
        method=method,
        weights=weights,
        precision=precision,
    )
    carry_out(run, decide)


@with_run("colour")
def correct(
    run: Run,
    inputs: dict[str, str],
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the change to apply.")] = 1.0,
    method: Annotated[str | None, typer.Option(help="One of `restora methods` for fading; default: levels.")] = None,
    settings: Settings = None,
) -> None:
    """Correct faded or yellowed colours, even where `fix` is not sure of them; a report is written beside the result.

    The darkest and the brightest values are measured in the whole picture, unless they are given with --set. Warm
    light is taken for yellowing, and fog for fading: look at the result, and lower --strength.

    Example: restora correct old.jpg --strength 0.7 -o fresh.jpg
    """
    from restora.work.decide import to_correct

    decide = partial(to_correct, wishes=knobs_from(settings, None), method=method, strength=strength)
    carry_out(run, decide)


@with_run("translate")
def translate(
    run: Run,
    inputs: dict[str, str],
    method: Annotated[
        str | None, typer.Option(help="One of `restora methods` for translation; default: that of the weights.")
    ] = None,
    weights: TranslatorWeights = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the change to apply.")] = 1.0,
    precision: Precision = "auto",
) -> None:
    """Translate a picture into another kind, as learned from examples; a report is written beside the result.

    For damage without a formula: train on pairs, or on two folders, of your own (docs/translate.md). The shipped
    weights turn aged prints into clean pictures. These nets look at the whole picture, so it is not computed in tiles.

    Example: restora translate print.jpg --weights pix2pix.oldphoto -o restored-print.png
    """
    from restora.work.decide import as_planned, to_translate

    plan = to_translate({}, inputs, method, weights=weights, strength=strength, precision=precision)
    carry_out(run, partial(as_planned, plan=plan))


@with_run("fill")
def inpaint(
    run: Run,
    inputs: dict[str, str],
    method: Annotated[
        str | None, typer.Option(help="One of `restora methods` for hole; default: partial-unet.")
    ] = None,
    grow: Grow = 0,
    grain: Grain = None,
    settings: Settings = None,
) -> None:
    """Fill scratches, letters or small holes marked by a mask or boxes; a report is written beside the result.

    Other pixels do not change. Where the picture is noisy, methods whose result is smooth add noise of the same level.

    Example: restora inpaint photo.jpg --mask scratches.png -o whole.jpg
    """
    from restora.work.decide import as_planned, to_fill

    plan = to_fill(inputs, _wishes(settings, grow, grain), method)
    carry_out(run, partial(as_planned, plan=plan))


@with_run("fill")
def remove(
    run: Run,
    inputs: dict[str, str],
    method: Annotated[
        str | None,
        typer.Option(
            help="One of `restora methods` for hole; default: exemplar if it is installed, else tv-inpainting."
        ),
    ] = None,
    grow: Grow = 0,
    grain: Grain = None,
    settings: Settings = None,
) -> None:
    """Remove an object that a box or mask marks; a report is written beside the result.

    Its place is filled with what is around it. This works on grass, water, walls and sky. Where the hole crosses
    structure, it is plausible up to about 64 pixels; at 128 pixels parts of objects are left out or doubled (measured
    on photographs of 512x512). A face or letters in the hole do not come back.

    Example: restora remove photo.jpg --box 150,60,40,50 -o empty.jpg
    """
    from restora.work.decide import as_planned, to_remove

    plan = to_remove(inputs, _wishes(settings, grow, grain), method)
    carry_out(run, partial(as_planned, plan=plan))


@with_run("regions")
def repair(
    run: Run,
    inputs: dict[str, str],
    score: Annotated[
        float | None, typer.Option(min=0.05, max=1, help="Least score of a region; lower finds more; default: 0.9.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Find damaged regions and repair only these: scratches, blotches, local blur, letters, lost blocks.

    Pixels outside the boxes do not change. --keep boxes writes the boxes, which can be edited and given back.

    Example: restora repair scan.jpg --keep boxes -o repaired.png
    """
    from restora.work.decide import as_planned, to_repair

    wishes = knobs_from(settings, None) | ({} if score is None else {"score": score})
    plan = to_repair(inputs, wishes)
    carry_out(run, partial(as_planned, plan=plan))


def _wishes(settings: list[str] | None, grow: int, grain: bool | None) -> dict[str, float]:
    """Knobs as given by --set and by the options of their own, which come first."""
    own = ({"grow": grow} if grow else {}) | ({} if grain is None else {"grain": float(grain)})
    return knobs_from(settings, None) | own


@with_run(*TASKS)
def restore(
    run: Run,
    inputs: dict[str, str],
    plan_file: Annotated[Path, typer.Option("--plan", help="A plan file of `restora plan`, or a report.")],
) -> None:
    """Run a plan; the same plan always gives the same pixels. A report is written beside the result.

    Example: restora restore photo.jpg --plan plan.json -o again.jpg
    """
    try:
        chosen = plan_from_json(plan_file.read_text())
    except OSError as error:
        raise BadPlan(f"cannot read the plan {plan_file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPlan(f"{plan_file} is not a plan: it is not text") from error
    from restora.work.decide import as_planned
    from restora.work.plan import with_inputs

    chosen = with_inputs(chosen, inputs)
    carry_out(run, partial(as_planned, plan=chosen))
