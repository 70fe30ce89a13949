"""From a net's own planes to a picture: what a net of one or three channels makes of a picture of any."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from restora.core.image import to_grey
from restora.engines.choice import Engine
from restora.engines.tiling import Run


def whatever_channels(engine: Callable[[np.ndarray], np.ndarray], channels: int, told: Sequence[float | int]) -> Run:
    """(H, W, C) -> (H, W, C) by a net of its own channel count, each value of `told` being one more plane.

    A grey net takes the channels of a colour picture one by one; a colour net sees a grey picture three times over
    and its answers are averaged. A map that comes as a second or fourth channel takes the place of `told`.
    """

    def run(y: np.ndarray) -> np.ndarray:
        facts = np.full((*y.shape[:2], len(told)), told, np.float32)
        if y.shape[2] in (2, 4):
            y, facts = y[:, :, :-1], y[:, :, -1:]

        def answer(colours: np.ndarray) -> np.ndarray:
            # In the memory the channels stay last, as OpenVINO takes them.
            return engine(np.concatenate([colours, facts], 2).transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)

        if channels == 1:
            return np.concatenate([answer(plane) for plane in np.split(y, y.shape[2], 2)], 2)
        x_hat = answer(np.broadcast_to(y, (*y.shape[:2], 3)))
        return x_hat if y.shape[2] == 3 else x_hat.mean(2, keepdims=True)

    return run


def from_y(engine: Engine) -> Callable[[np.ndarray], np.ndarray]:
    """y (B, C, H, W) -> x_hat, for an engine whose only input is y."""
    return lambda y: engine({"y": y})["x_hat"]


def within_bounds(engine: Engine) -> Engine:
    """The engine with x_hat kept within 0..1; an x_hat that is not finite is left as it is, so that it is seen."""

    def run(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = engine(given)
        finite = np.isfinite(made["x_hat"]).all()
        return made | {"x_hat": made["x_hat"].clip(0, 1)} if finite else made

    return run


def ensemble(engine: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """(B, C, H, W) -> the mean of what the engine makes of y turned and mirrored in eight ways, each turned back."""

    def run(y: np.ndarray) -> np.ndarray:
        total = np.zeros((), np.float32)
        for mirrored in (False, True):
            for turns in range(4):
                seen = np.rot90(y[..., ::-1] if mirrored else y, turns, (2, 3))
                x_hat = np.rot90(engine(np.ascontiguousarray(seen)), -turns, (2, 3))
                total = total + (x_hat[..., ::-1] if mirrored else x_hat)
        return np.asarray(total / np.float32(8))

    return run


def on_luma(engine: Callable[[np.ndarray], np.ndarray]) -> Run:
    """(H, W, C) -> (H, W, C) by a grey net: what it changes of luma, all channels change alike, so colour stays."""

    def run(y: np.ndarray) -> np.ndarray:
        grey = to_grey(y)
        return y + (engine(grey.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0) - grey)

    return run
