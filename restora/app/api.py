"""The Python API: each function is one verb of work/, like each command, and gives the same pixels.

A picture is a file, an array, a PIL image or a tensor, see restora.app.given. Options of several functions: `engine`
(auto, openvino, onnxruntime or torch) and `device` (cpu, cuda, GPU, NPU) say what runs the nets; `max_memory` limits
the memory of tiles, besides the picture and its result, in bytes or as "1GB".
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.app.given import Given, number, opened, size_in
from restora.app.given_inputs import as_files, given_again
from restora.app.python_call import Where, carried_out, place, plan_in
from restora.app.result import Result
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob
from restora.core.plan import Plan

if TYPE_CHECKING:
    from restora.metrics.scores import Scores


def fix(
    y: Given,
    *,
    strength: str = "normal",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
) -> Result:
    """Diagnose a picture and restore it; if nothing is found, the result is the unchanged picture.

    y: a file, or an array (H, W), (H, W, 1), (H, W, 3), or with alpha (H, W, 2) or (H, W, 4), of uint8, uint16, or
    floating-point numbers on the 0..1 scale. The result has the same type and shape.
    strength: light (half of the change), normal, or strong (applied twice). Raises RestoraError.
    """
    from restora.work.fix import plan_to_fix
    from restora.work.view import view_of

    where, picture = place(engine, device, max_memory), opened(y)
    return carried_out(picture, *plan_to_fix(view_of(picture.image), strength), where)


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
    where, picture = place(engine, device, max_memory), opened(y)
    with ExitStack() as stack:
        diagnosis, chosen = to_denoise(
            picture.image,
            wishes,
            method,
            strength=number(strength, "strength"),
            weights=None if weights is None else str(weights),
            precision=precision,
            inputs=as_files({"sigma_map": sigma_map, **(inputs or {})}, stack),
        )
        return carried_out(picture, diagnosis, chosen, where)


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
) -> Result:
    """Make a picture larger: `scale` times, 1 to 8, or to a size (height, width); twice if neither is given.

    y: as in `fix`. Detected noise is removed first; with a method or weights, only that method runs.
    ensemble: mean over 8 rotated pictures. back_project: correct the result until, shrunk again, it equals y.
    Raises RestoraError.
    """
    from restora.work.decide import to_upscale

    times = None if scale is None else number(scale, "scale")
    target = None if size is None else size_in(size)
    where, picture = place(engine, device, max_memory), opened(y)
    diagnosis, chosen = to_upscale(
        picture.image,
        times,
        target,
        method,
        weights=None if weights is None else str(weights),
        ensemble=ensemble,
        back_project=back_project,
        precision=precision,
    )
    return carried_out(picture, diagnosis, chosen, where)


def deblur(
    y: Given,
    kernel: Given | None = None,
    sigma: float | None = None,
    *,
    method: str | None = None,
    weights: str | PathLike[str] | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
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
    where, picture = place("auto", "cpu", max_memory), opened(y)
    with ExitStack() as stack:
        inputs, net = as_files({"kernel": kernel}, stack), None if weights is None else str(weights)
        diagnosis, chosen = to_deblur(picture.image, wishes, inputs, method, weights=net)
        return carried_out(picture, diagnosis, chosen, where)


def correct(
    y: Given,
    *,
    strength: float = 1.0,
    method: str | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
) -> Result:
    """Correct faded or yellowed colours, even where `fix` is not sure of them: look at the result.

    y: as in `fix`. strength: share of the change, 0 to 1. method: one that `restora.methods` has for fading.
    knobs: of the method; black and white are measured in the picture unless they are given. Raises RestoraError.
    """
    from restora.work.decide import to_correct

    where, picture = place("auto", "cpu", max_memory), opened(y)
    share = number(strength, "strength")
    return carried_out(picture, *to_correct(picture.image, knobs or {}, method, strength=share), where)


def translate(
    y: Given,
    weights: str | PathLike[str] | None = None,
    *,
    method: str | None = None,
    reference: Given | None = None,
    strength: float = 1.0,
    max_memory: int | str = "1GB",
) -> Result:
    """Translate a picture into another kind, as learned from examples; by default an aged print into a clean picture.

    y: as in `fix`. weights: a name or a file; they set the method. method: one that `restora.methods` has for
    translation. reference: the picture whose colours colour-transfer takes. strength: share of the change, 0 to 1. The
    whole picture is computed at once, so a large one needs more than the usual max_memory. Raises RestoraError.
    """
    from restora.work.decide import to_translate

    where, picture = place("auto", "cpu", max_memory), opened(y)
    with ExitStack() as stack:
        inputs, net = as_files({"reference": reference}, stack), None if weights is None else str(weights)
        chosen = to_translate({}, inputs, method, weights=net, strength=number(strength, "strength"))
        return carried_out(picture, None, chosen, where)


def inpaint(
    y: Given,
    mask: Given | None = None,
    method: str | None = None,
    *,
    boxes: Given | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
) -> Result:
    """Fill the pixels that a mask or boxes mark: scratches, letters, small holes. Other pixels do not change.

    y: as in `fix`. mask: a picture of the same size, or an array (H, W); True, 1 or white marks the hole.
    boxes: rectangles, (n, 4) whole numbers (top, left, height, width). method: one that `restora.methods` has for hole.
    knobs: of the method; grain is 1 unless it is given, if the method has it. Raises RestoraError.
    """
    from restora.work.decide import to_fill

    where, picture = place("auto", "cpu", max_memory), opened(y)
    with ExitStack() as stack:
        chosen = to_fill(as_files({"mask": mask, "box": boxes}, stack), knobs or {}, method)
        return carried_out(picture, None, chosen, where)


def remove(
    y: Given,
    mask: Given | None = None,
    method: str | None = None,
    *,
    boxes: Given | None = None,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
) -> Result:
    """Remove an object that a mask or boxes mark: its place is filled with what is around it.

    This works where the surroundings are grass, water, walls or sky. Where the hole crosses structure, it is plausible
    up to about 64 pixels. method: default exemplar if its package is installed, else tv-inpainting.
    The other arguments are those of `inpaint`. Raises RestoraError.
    """
    from restora.work.decide import to_remove

    where, picture = place("auto", "cpu", max_memory), opened(y)
    with ExitStack() as stack:
        chosen = to_remove(as_files({"mask": mask, "box": boxes}, stack), knobs or {}, method)
        return carried_out(picture, None, chosen, where)


def repair(
    y: Given,
    boxes: Given | None = None,
    *,
    knobs: Mapping[str, float] | None = None,
    max_memory: int | str = "1GB",
) -> Result:
    """Find damaged regions, or take boxes as in `inpaint`, and repair only these. knobs: score and feather."""
    from restora.work.decide import to_repair

    where, picture = place("auto", "cpu", max_memory), opened(y)
    with ExitStack() as stack:
        return carried_out(picture, None, to_repair(as_files({"boxes": boxes}, stack), knobs or {}), where)


def restore(
    y: Given,
    plan: Plan | str | PathLike[str],
    *,
    inputs: Mapping[str, Given] | None = None,
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
) -> Result:
    """Run a plan, or the plan in a plan or report file; the same plan always gives the same pixels.

    y: as in `fix`. inputs: by name, as {"mask": array}; they replace those in the plan. Raises RestoraError.
    """
    from restora.work.plan import with_inputs

    where, chosen, picture = place(engine, device, max_memory), plan_in(plan), opened(y)
    with ExitStack() as stack:
        files = as_files(inputs or {}, stack)
        given_again(chosen, files)
        chosen = with_inputs(chosen, files)
        return carried_out(picture, None, chosen, where)


def diagnose(y: Given) -> Diagnosis:
    """What is wrong with a picture: `diagnosis.findings`, or only the `present` ones. y: as in `fix`."""
    from restora.work.diagnose import diagnose as look
    from restora.work.view import view_of

    return look(view_of(opened(y).image))


def plan(y: Given, *, strength: str = "normal") -> Plan:
    """What `fix` would do and why; `plan.to_json()` is what the command line prints. Arguments as in `fix`."""
    from restora.work.fix import plan_to_fix
    from restora.work.view import view_of

    return plan_to_fix(view_of(opened(y).image), strength)[1]


def degrade(x: Given, words: str, seed: int = 0) -> Any:
    """The picture x with synthetic damage, in the type of x; the same seed gives the same damage.

    words: as "blur(sigma=2) | noise(sigma=0.1)". Floating-point results are not clipped to 0..1. If the size
    changes, alpha is dropped. Raises BadDamage, and the errors of `fix`.
    """
    from restora.damage.words import parse
    from restora.work.degrade import degrade as damaged

    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise BadKnob(f"seed must be a whole number, 0 or more, not {seed!r}")
    picture, damage = opened(x), parse(words)
    return picture.form.restored(damaged(picture.image, damage, int(seed)))


def measure(x_hat: Given, x: Given, protocol: str = "denoise", scale: int = 1, ssim: str = "wang") -> "Scores":
    """PSNR and SSIM of a picture against its reference; both as in `fix`, each on the scale of its type.

    protocol: denoise, sr-y, sr-rgb, jpeg-y, deblur or float. scale: for super-resolution; pixels to crop.
    ssim: wang (the usual one) or uniform (scikit-image's default). Alpha is not compared. Raises RestoraError.
    """
    from restora.metrics.protocol import protocol_named, with_ssim
    from restora.metrics.scores import measure as scores_of

    chosen = with_ssim(protocol_named(protocol), ssim)
    times = number(scale, "scale")
    if times < 1 or times != int(times):
        raise BadKnob(f"scale must be a whole number, 1 or more, not {scale!r}")
    return scores_of(opened(x_hat).image.pixels, opened(x).image.pixels, chosen, int(times))


def show(name: str) -> dict[str, Any]:
    """Everything about one method, as plain values: knobs, reach, paper, weights. Raises RestoraError."""
    from restora.methods.table import method_named

    return method_named(name).as_dict()


@dataclass(frozen=True)
class Net:
    """A trained net as a function: takes a picture, as in `fix`, and returns one of the same type; see `load`."""

    name: str
    card: Mapping[str, Any]
    plan: Plan
    where: Where

    def __call__(self, y: Given) -> Any:
        """The restored picture. Raises RestoraError."""
        return carried_out(opened(y), None, self.plan, self.where).image

    def __repr__(self) -> str:
        return f"Net({self.name}: {self.card['method']}, scale {self.card.get('scale', 1)}, {self.plan.precision})"


def load(
    name: str | PathLike[str],
    *,
    precision: str = "auto",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
) -> Net:
    """The net of some weights, given by name or file, as a function of pictures; `net.card` is its card.

    Nets with a scale enlarge pictures by it; nets that accept a noise level estimate it here. Raises NoWeights, and
    BadPlan when a net is called that cannot do without the noise level: use restora.denoise, which measures it.
    """
    from restora.learn.weights import find
    from restora.methods.table import method_named
    from restora.work.plan import best_precision, learned_step

    where, weights = place(engine, device, max_memory), find(str(name))
    step = learned_step(method_named(weights.card["method"]), "asked for", str(name))
    chosen = best_precision([step.weights]) if precision == "auto" else precision
    return Net(weights.name, weights.card, Plan((step,), step.because, precision=chosen), where)
