"""The Python API: each function is one verb of work/, like each command, and gives the same pixels.

A picture is a file, an array, a PIL image or a tensor, see restora.app.given; a clip is a file. Options of several
functions: `engine` (auto, openvino, onnxruntime or torch) and `device` (cpu, cuda, GPU, NPU) say what runs the nets;
`max_memory` limits the memory of tiles, besides the picture and its result, in bytes or as "1GB"; `output` is the file
of the result; `options` are further ones, see restora.Options.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from os import PathLike

from restora.app.given import Given, number, size_in
from restora.app.given_inputs import as_files, given_again
from restora.app.python_call import carried_out, place, plan_in
from restora.app.python_options import Options
from restora.app.result import Result
from restora.core.errors import BadKnob
from restora.core.plan import Plan


def fix(
    y: Given,
    output: str | PathLike[str] | None = None,
    *,
    strength: str = "normal",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
    options: Options | None = None,
) -> Result:
    """Diagnose a picture or a clip and restore it; if nothing is found, the result is unchanged.

    y: a file, or an array (H, W), (H, W, 1), (H, W, 3), or with alpha (H, W, 2) or (H, W, 4), of uint8, uint16, or
    floating-point numbers on the 0..1 scale. The result has the same type and shape. Or the file of a clip.
    output: the file of the result, which a clip needs; for clips also a folder for the frames.
    strength: light (half of the change), normal, or strong (applied twice). Raises RestoraError.
    """
    from restora.work.fix import plan_to_fix
    from restora.work.view import view_of

    where = place(engine, device, max_memory, output, options)
    return carried_out(y, where, lambda pixels: plan_to_fix(view_of(pixels), strength))


def denoise(
    y: Given,
    sigma: float | None = None,
    *,
    method: str | None = None,
    sigma_map: Given | None = None,
    strength: float = 1.0,
    weights: str | PathLike[str] | None = None,
    knobs: Mapping[str, float] | None = None,
    inputs: Mapping[str, Given] | None = None,
    precision: str = "auto",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Remove noise with a method of your choice; default: that of the weights, or the flagship.

    y: as in `fix`. sigma: standard deviation of the noise, on the 0..1 scale (25/255 = 0.098); measured if not given.
    sigma_map: a grey picture (H, W) with sigma at each pixel. strength: share of the change, 0 to 1.
    weights: a name, or a file. knobs, inputs: of the method, by name, see `show`. precision: int8, bf16 or f32; auto:
    the fastest that processor and weights support. Raises RestoraError.
    """
    from restora.work.decide import to_denoise

    if sigma is not None and "sigma" in (knobs or {}):
        raise BadKnob("sigma was given twice; give it either as sigma or in knobs")
    wishes = {**(knobs or {}), **({} if sigma is None else {"sigma": sigma})}
    where = place(engine, device, max_memory, output, options)
    with ExitStack() as stack:
        decide = partial(
            to_denoise,
            wishes=wishes,
            method=method,
            strength=number(strength, "strength"),
            weights=None if weights is None else str(weights),
            precision=precision,
            inputs=as_files({"sigma_map": sigma_map, **(inputs or {})}, stack),
        )
        return carried_out(y, where, decide)


def upscale(
    y: Given,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    method: str | None = None,
    weights: str | PathLike[str] | None = None,
    ensemble: bool = False,
    back_project: bool = False,
    precision: str = "auto",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Make a picture larger: `scale` times, 1 to 8, or to a size (height, width); twice if neither is given.

    y: as in `fix`. Detected noise is removed first; with a method or weights, only that method runs.
    ensemble: mean over 8 rotated pictures. back_project: correct the result until, shrunk again, it equals y.
    Raises RestoraError.
    """
    from restora.work.decide import to_upscale

    times = None if scale is None else number(scale, "scale")
    target = None if size is None else size_in(size)
    decide = partial(
        to_upscale,
        scale=times,
        size=target,
        method=method,
        weights=None if weights is None else str(weights),
        ensemble=ensemble,
        back_project=back_project,
        precision=precision,
    )
    return carried_out(y, place(engine, device, max_memory, output, options), decide)


def deblur(
    y: Given,
    kernel: Given | None = None,
    sigma: float | None = None,
    *,
    method: str | None = None,
    weights: str | PathLike[str] | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Sharpen a blurred picture, with a known kernel or without one.

    y: as in `fix`. kernel: an array (kh, kw) with odd sides, a file, or words as "motion(length=15, angle=30)".
    sigma: of the noise, on the 0..1 scale; measured if not given. method: one that `restora.methods` has for blur;
    default: plug-and-play with a kernel, else as diagnosed. weights: of that net, or of the denoiser of plug-and-play.
    A kernel that a method found is `products["kernel"]` of the result. Raises RestoraError.
    """
    from restora.work.decide import to_deblur

    if sigma is not None and "sigma" in (knobs or {}):
        raise BadKnob("sigma was given twice: as an argument and in knobs")
    wishes = {**(knobs or {}), **({} if sigma is None else {"sigma": sigma})}
    where = place("auto", "cpu", max_memory, output, options)
    with ExitStack() as stack:
        inputs, net = as_files({"kernel": kernel}, stack), None if weights is None else str(weights)
        decide = partial(to_deblur, wishes=wishes, inputs=inputs, method=method, weights=net)
        return carried_out(y, where, decide)


def correct(
    y: Given,
    *,
    strength: float = 1.0,
    method: str | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Correct faded or yellowed colours, even where `fix` is not sure of them: look at the result.

    y: as in `fix`. strength: share of the change, 0 to 1. method: one that `restora.methods` has for fading.
    knobs: of the method; black and white are measured in the picture unless they are given. Raises RestoraError.
    """
    from restora.work.decide import to_correct

    where = place("auto", "cpu", max_memory, output, options)
    decide = partial(to_correct, wishes=knobs or {}, method=method, strength=number(strength, "strength"))
    return carried_out(y, where, decide)


def translate(
    y: Given,
    weights: str | PathLike[str] | None = None,
    *,
    method: str | None = None,
    reference: Given | None = None,
    strength: float = 1.0,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Translate a picture into another kind, as learned from examples; by default an aged print into a clean picture.

    y: as in `fix`. weights: a name or a file; they set the method. method: one that `restora.methods` has for
    translation. reference: the picture whose colours colour-transfer takes. strength: share of the change, 0 to 1. The
    whole picture is computed at once, so a large one needs more than the usual max_memory. Raises RestoraError.
    """
    from restora.work.decide import to_translate

    where = place("auto", "cpu", max_memory, output, options)
    with ExitStack() as stack:
        inputs, net = as_files({"reference": reference}, stack), None if weights is None else str(weights)
        chosen = to_translate({}, inputs, method, weights=net, strength=number(strength, "strength"))
        return carried_out(y, where, lambda pixels: (None, chosen))


def inpaint(
    y: Given,
    mask: Given | None = None,
    method: str | None = None,
    *,
    boxes: Given | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Fill the pixels that a mask or boxes mark: scratches, letters, small holes. Other pixels do not change.

    y: as in `fix`. mask: a picture of the same size, or an array (H, W); True, 1 or white marks the hole. For a clip it
    may be a clip with as many frames.
    boxes: rectangles, (n, 4) whole numbers (top, left, height, width). method: one that `restora.methods` has for hole.
    knobs: of the method; grain is 1 unless it is given, if the method has it. Raises RestoraError.
    """
    from restora.work.decide import to_fill

    where = place("auto", "cpu", max_memory, output, options)
    with ExitStack() as stack:
        chosen = to_fill(as_files({"mask": mask, "box": boxes}, stack), knobs or {}, method)
        return carried_out(y, where, lambda pixels: (None, chosen))


def remove(
    y: Given,
    mask: Given | None = None,
    method: str | None = None,
    *,
    boxes: Given | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Remove an object that a mask or boxes mark: its place is filled with what is around it.

    This works where the surroundings are grass, water, walls or sky. Where the hole crosses structure, it is plausible
    up to about 64 pixels. method: default exemplar if its package is installed, else tv-inpainting.
    The other arguments are those of `inpaint`. Raises RestoraError.
    """
    from restora.work.decide import to_remove

    where = place("auto", "cpu", max_memory, output, options)
    with ExitStack() as stack:
        chosen = to_remove(as_files({"mask": mask, "box": boxes}, stack), knobs or {}, method)
        return carried_out(y, where, lambda pixels: (None, chosen))


def repair(
    y: Given,
    boxes: Given | None = None,
    *,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Find damaged regions, or take boxes as in `inpaint`, and repair only these. knobs: score and feather."""
    from restora.work.decide import to_repair

    where = place("auto", "cpu", max_memory, output, options)
    with ExitStack() as stack:
        chosen = to_repair(as_files({"boxes": boxes}, stack), knobs or {})
        return carried_out(y, where, lambda pixels: (None, chosen))


def restore(
    y: Given,
    plan: Plan | str | PathLike[str],
    *,
    inputs: Mapping[str, Given] | None = None,
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Run a plan, or the plan in a plan or report file; the same plan always gives the same pixels.

    y: as in `fix`. inputs: by name, as {"mask": array}; they replace those in the plan. Raises RestoraError.
    """
    from restora.work.plan import with_inputs

    where, chosen = place(engine, device, max_memory, output, options), plan_in(plan)
    with ExitStack() as stack:
        files = as_files(inputs or {}, stack)
        given_again(chosen, files)
        chosen = with_inputs(chosen, files)
        return carried_out(y, where, lambda pixels: (None, chosen))
