"""Apply a net of one or three channels to a picture with any number of channels."""

from collections.abc import Callable, Mapping

import numpy as np

from restora.core.image import to_grey
from restora.engines.choice import Engine

Answer = Callable[[np.ndarray, Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""(y (h, w, C), planes by name, each (h, w, 1)) -> outputs by name, each (h, w, c)."""


def of_picture(
    engine: Engine, inputs: Mapping[str, Mapping[str, int]], constants: Mapping[str, np.ndarray | np.float32]
) -> Answer:
    """A function of pictures with any channels, from a net that takes tensors of planes.

    inputs: as on the card, the planes of each tensor with their numbers of channels; "image" is the picture. The other
    planes are given in each call, or in `constants`: a number, or an array (kh, kw) of another size.
    A grey net processes the channels of a colour picture one by one, and outputs except x_hat are averaged over them; a
    colour net gets a grey picture in all three channels, and its outputs are averaged.
    """
    channels = next(parts["image"] for parts in inputs.values() if "image" in parts)

    def plane(name: str, colours: np.ndarray, planes: Mapping[str, np.ndarray]) -> np.ndarray:
        if name == "image":
            return colours
        if name in planes:
            return planes[name]
        value = np.asarray(constants[name], np.float32)
        return value[:, :, None] if value.ndim else np.full((*colours.shape[:2], 1), value)

    def answer(colours: np.ndarray, planes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        # Channels stay last in memory, as OpenVINO expects.
        tensors = {
            tensor: np.concatenate([plane(name, colours, planes) for name in parts], 2).transpose(2, 0, 1)[None]
            for tensor, parts in inputs.items()
        }
        return {name: value[0].transpose(1, 2, 0) for name, value in engine(tensors).items()}

    def run(y: np.ndarray, planes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if channels == 1:
            parts = [answer(channel, planes) for channel in np.split(y, y.shape[2], 2)]
            joined = {name: np.concatenate([part[name] for part in parts], 2) for name in parts[0]}
            return {name: value if name == "x_hat" else _mean(value) for name, value in joined.items()}
        outputs = answer(np.broadcast_to(y, (*y.shape[:2], 3)), planes)
        return outputs if y.shape[2] == 3 else {name: _mean(value) for name, value in outputs.items()}

    return run


def _mean(values: np.ndarray) -> np.ndarray:
    return values.mean(2, keepdims=True)


def from_y(engine: Engine) -> Callable[[np.ndarray], np.ndarray]:
    """y (B, C, H, W) -> x_hat, for an engine whose only input is y."""
    return lambda y: engine({"y": y})["x_hat"]


def within_bounds(engine: Engine) -> Engine:
    """The engine with x_hat clamped to 0..1; NaN and infinity are kept, so that they are detected."""

    def run(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = engine(tensors)
        x_hat = outputs["x_hat"]
        return outputs | {"x_hat": x_hat.clip(0, 1) if np.isfinite(x_hat).all() else x_hat}

    return run


def ensemble(engine: Engine) -> Engine:
    """The mean of the engine's outputs for all tensors rotated and mirrored in eight ways, each rotated back."""

    def run(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        totals: dict[str, np.ndarray] = {}
        for mirrored in (False, True):
            for turns in range(4):
                seen = {
                    name: np.ascontiguousarray(np.rot90(value[..., ::-1] if mirrored else value, turns, (2, 3)))
                    for name, value in tensors.items()
                }
                for name, turned in engine(seen).items():
                    back = np.rot90(turned, -turns, (2, 3))
                    totals[name] = totals.get(name, np.zeros((), np.float32)) + (back[..., ::-1] if mirrored else back)
        return {name: np.asarray(total / np.float32(8)) for name, total in totals.items()}

    return run


def on_luma(engine: Engine) -> Answer:
    """A function of pictures from a grey net: its change of luma is added to all channels, so colours are kept."""

    def run(y: np.ndarray, planes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        grey = to_grey(y)
        outputs = engine({"y": grey.transpose(2, 0, 1)[None]})
        return {"x_hat": y + (outputs["x_hat"][0].transpose(1, 2, 0) - grey)}

    return run
