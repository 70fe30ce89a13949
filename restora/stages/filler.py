"""The filler: a trained net that fills the hole in a window, as a function (y, mask) -> x_hat for `stages/regions.py`.

Nets that learned on small holes fail deep inside large ones. So what is further than REACH from known pixels is filled
at half the size first (which may be filled at a quarter, and so on), enlarged, and then taken as known.
"""

from collections.abc import Callable

import cv2
import numpy as np

from restora.core.errors import BadPlan, NotFinite
from restora.engines.tiling import cores
from restora.learn.weights import find
from restora.nets.first_guess import first_guess
from restora.stages.check import weights_for
from restora.stages.local import Local
from restora.stages.net import careful, loaded
from restora.stages.stage import Setup

CONTEXT = 96
"""Pixels around a hole that are given to the net."""
REACH = 20
"""Pixels: distance from known pixels up to which the net fills at full size. Most holes of its training are smaller."""
TILE = 512
"""Pixels: sides of the tiles of a window."""
LEAST = 64
"""Pixels: a window whose sides are smaller is not shrunk."""
BYTES = 80
"""For each pixel of a window: its floats, and those of half the size."""

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(y (h, w, C), mask (h, w) bool, True = missing) -> x_hat (h, w, C)."""


def filler(setup: Setup) -> Fill:
    """The function of a step's net. Raises BadPlan for weights that do not fit the step."""
    weights = find(weights_for(setup.method, setup.step.weights))
    if weights.card["method"] != setup.method.name or not weights.takes("mask"):
        raise BadPlan(f"the weights {weights.name} are not for {setup.method.name}, which fills holes")
    function, precision = loaded(setup, weights)

    def at_one_size(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
        missing = mask[:, :, None].astype(np.float32)
        y, size = first_guess(y, mask), (mask.shape[0], mask.shape[1])
        stage = Local(
            weights.name,
            size,
            function,
            halo=weights.card["halo"],
            multiple=weights.card["multiple"],
            careful=careful(setup, weights) if precision != "f32" else None,
            planes={"mask": lambda top, left, h, w: missing[top : top + h, left : left + w]},
        )
        x_hat = y.copy()
        tile = (TILE, TILE) if weights.card["halo"] is not None else size  # some nets look at the whole window
        for top, left, height, width in cores(*size, tile):
            part = np.s_[top : top + height, left : left + width]
            if mask[part].any():
                window = stage.run(lambda t, l, h, w: y[t : t + h, l : l + w], (top, left, height, width))  # noqa: E741
                x_hat[part][mask[part]] = window[mask[part]]
        return x_hat

    def fill(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
        known = y[~mask]
        if (known == known[:, :1]).all():  # a grey picture stored in colour must not get a tint
            return np.repeat(coarse_to_fine(at_one_size, y[:, :, :1], mask), y.shape[2], axis=2)
        return coarse_to_fine(at_one_size, y, mask)

    return fill


def coarse_to_fine(fill: Fill, y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill with a function that is good near known pixels; what is deep inside a hole comes from half the size."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    deep = depth > REACH
    if deep.any() and min(mask.shape) >= 2 * LEAST:
        small = coarse_to_fine(fill, *halved(y, mask))
        larger = cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_CUBIC).reshape(y.shape)
        y, mask = np.where(deep[:, :, None], larger, y), mask & ~deep
    x_hat = fill(y, mask)
    if not np.isfinite(x_hat).all():
        raise NotFinite("the result holds NaN or infinity; nothing was written")
    return x_hat


def halved(y: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the known pixels in each 2x2 block, and the blocks that have none; odd sides are continued."""
    down, right = (side % 2 for side in mask.shape)
    y = np.pad(y, ((0, down), (0, right), (0, 0)), mode="edge")
    known = np.pad(~mask, ((0, down), (0, right)), mode="edge")[:, :, None].astype(np.float32)
    sums, counts = (
        each.reshape(each.shape[0] // 2, 2, each.shape[1] // 2, 2, -1).sum((1, 3)) for each in (y * known, known)
    )
    return (sums / np.maximum(counts, 1)).astype(np.float32), counts[:, :, 0] == 0
