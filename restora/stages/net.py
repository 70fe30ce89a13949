"""Net: a trained net, on an engine and a device, in a precision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from restora.core.errors import BadPlan
from restora.core.method import Made
from restora.engines.channels import ensemble, of_picture, on_luma
from restora.engines.choice import CPU, Backend
from restora.engines.openvino_ import rest
from restora.engines.tiling import Read, cores
from restora.learn.weights import Weights, find
from restora.methods.table import method_named
from restora.stages.check import weights_for
from restora.stages.load import float_precision, load_net, possible
from restora.stages.local import Function, Local
from restora.stages.spool import Spool
from restora.stages.stage import Setup, Stage, around

NARROW = 0.75
"""Share of a net's memory that it needs in 16 or 8 bits: measured, a half to nine tenths of the net's own memory,
besides that of reading and writing. The rare piece that is computed again in f32 may need more."""


def net(setup: Setup) -> Stage:
    """The stage of a trained net. Raises BadPlan for weights that do not fit the step."""
    step, method, backend = setup.step, setup.method, setup.backend
    weights = find(weights_for(method, step.weights))
    _check(setup, weights)
    function, precision = loaded(setup, weights)
    card, planes = weights.card, setup.planes()
    if weights.takes("neighbours"):
        planes = planes | {"neighbours": _joined(around(setup, weights.name), card["channels"])}
    scale, memory = card.get("scale", 1), card.get("memory", method.bytes_a_pixel(setup.knobs))
    if (float_precision(weights, backend) if precision == "int8" else precision) == "bf16":
        memory = ceil(NARROW * memory)
    size = scale * setup.size[0], scale * setup.size[1]
    wanted = {each.name for each in method.products} & setup.keep & weights.outputs.keys()
    return Local(
        weights.name,
        setup.size,
        function,
        halo=card["halo"],
        multiple=card["multiple"],
        memory=memory,
        scale=scale,
        strength=step.strength,
        careful=careful(setup, weights) if precision != "f32" else None,
        planes=planes | {each.plane: planes[each.name] for each in method.inputs if each.plane and each.name in planes},
        kept={name: Spool(size, sum(weights.outputs[name].values())) for name in wanted},
    )


def _joined(frames: Sequence[Read], channels: int) -> Read:
    """Windows of several frames, side by side as channels; grey ones have their channel several times."""
    return lambda *window: np.concatenate(
        [np.broadcast_to(frame(*window), (*window[2:], channels)) for frame in frames], 2
    )


TILE = 512
"""Pixels: the side of the tiles of a denoiser that is called by another method."""
DENOISER = 240_000_000
"""Bytes that such a denoiser needs for a tile, at most."""


def denoiser(setup: Setup) -> Callable[[np.ndarray, float], None]:
    """The net of a step as a function (picture (h, w, C), noise level) that denoises the picture in place, by tiles."""
    weights = find(setup.step.weights or setup.method.denoiser)
    if not weights.takes("sigma"):
        raise BadPlan(f"the weights {weights.name} take no sigma, which {setup.method.name} tells its denoiser")
    function, _ = loaded(setup, weights)

    def denoise(y: np.ndarray, level: float) -> None:
        size, halo, multiple = (y.shape[0], y.shape[1]), weights.card["halo"], weights.card["multiple"]
        constant = {"sigma": lambda top, left, height, width: np.full((height, width, 1), level, np.float32)}
        stage = Local(weights.name, size, function, halo=halo, multiple=multiple, planes=constant)
        reach, above = -(-halo // multiple) * multiple, y[:0]
        for top in range(0, size[0], TILE):
            # Rows above have been denoised by now, so what the net sees of them was put aside.
            start, end = max(0, top - reach), min(size[0], top + TILE)
            band = np.concatenate([above, y[top : end + reach]])
            above = y[max(0, end - reach) : end].copy()

            def read(
                row: int, left: int, height: int, width: int, band: np.ndarray = band, start: int = start
            ) -> np.ndarray:
                return band[row - start : row - start + height, left : left + width]

            for _, left, _, width in cores(1, size[1], (1, TILE)):
                y[top:end, left : left + width] = stage.run(read, (top, left, end - top, width))
        rest()  # the caller needs that memory for its own step

    return denoise


def _check(setup: Setup, weights: Weights) -> None:
    """Raise BadPlan for weights that do not fit the step."""
    card, method = weights.card, setup.method
    if card["method"] != method.name:
        raise BadPlan(f"the weights {weights.name} are for {card['method']}, not for {method.name}")
    planes = [each.plane or each.name for each in method.inputs if each.name in setup.inputs]
    for plane in [*planes, *(["sigma"] if setup.knobs.get("sigma") else [])]:
        if not weights.takes(plane):
            raise BadPlan(f"the weights {weights.name} do not accept {plane}: they were trained without it")
    if weights.needs("sigma") and "sigma" not in {*planes, *setup.step.knobs}:
        raise BadPlan(f"the weights {weights.name} need sigma, the noise level: the plan must set it")
    if card.get("scale", 1) > 1 and setup.step.strength < 1:
        raise BadPlan(f"{weights.name} makes pictures larger, which cannot be applied in part: its strength must be 1")


def loaded(setup: Setup, weights: Weights) -> tuple[Function, str]:
    """The net as a function of windows, and its precision; the report says what ran. Raises BadPlan without int8."""
    report, backend = setup.report, setup.backend
    if report.plan.precision == "int8" and not weights.int8:
        found = "; ".join(weights.card.get("int8", {}).get("objections", ["they were not exported to int8"]))
        raise BadPlan(f"the weights {weights.name} have no int8 model: {found}")
    precision = possible(report.plan.precision, weights, backend, report)
    report.weights[weights.name] = weights.checksum
    report.engine, report.device, report.precision = backend.engine, backend.device, precision
    return function_of(setup, weights, backend, precision), precision


def careful(setup: Setup, weights: Weights) -> Function:
    """The net as a function of windows in full precision, for windows in which another precision gave NaN."""

    def function(y: np.ndarray, planes: Mapping[str, np.ndarray]) -> Made:
        rest()  # the memory of both engines together would be too much
        # Loaded only when needed, which is rare. The CPU computes in f32; other devices may not.
        return function_of(setup, weights, replace(setup.backend, device=CPU), "f32")(y, planes)

    return function


def function_of(setup: Setup, weights: Weights, backend: Backend, precision: str) -> Function:
    """The net as a function of windows; its outputs except x_hat are products."""
    engine = load_net(weights, method_named(weights.card["method"]), backend, precision)
    if setup.knobs.get("ensemble"):
        engine = ensemble(engine)
    constants = {"sigma": np.float32(setup.knobs.get("sigma") or 0), **setup.others()}
    answer = on_luma(engine) if setup.method.luma else of_picture(engine, weights.inputs, constants)

    def function(y: np.ndarray, planes: Mapping[str, np.ndarray]) -> Made:
        outputs = answer(y, planes)
        return Made(outputs["x_hat"], {name: value for name, value in outputs.items() if name != "x_hat"})

    return function
