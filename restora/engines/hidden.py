"""Colour under full transparency is invisible, so no method reads it, and it changes no visible pixel.

Where alpha is zero, a method reads the colours of visible pixels nearby instead, ring by ring: each ring is the mean of
the neighbours already known, weighted by their alpha. The rule is local with a fixed reach and a fixed order, so a
picture in pieces equals the whole picture bit for bit. The result has the filled colours under full transparency.
Where alpha is more than zero, the colour does not change.
"""

from collections.abc import Callable

import numpy as np

from restora.engines.tiling import Read, cores

REACH = 16
"""Distance in pixels that visible colours are continued under transparency; farther, the colour is BEYOND."""
BEYOND = 0.5
_BLOCK = (64, 512)
"""Height and width of a block that is filled at a time, to limit the memory."""
_LEAST = 1e-6
"""Least weight of a visible pixel, so that sums of weights are never zero."""

Alpha = Callable[[int, int, int, int], np.ndarray | None]
"""(top, left, height, width) -> (height, width) float32, a rectangle inside the picture."""


def without_hidden(read: Read, alpha: Alpha, size: tuple[int, int], reach: int = REACH, beyond: float = BEYOND) -> Read:
    """A reader of rectangles of a picture of a (height, width) in which the colour where alpha is zero is replaced.

    Visible pixels equal those of `read` bit for bit.
    """

    def visible(top: int, left: int, height: int, width: int) -> np.ndarray:
        opacity = alpha(top, left, height, width)
        if opacity is None or (opacity > 0).all():
            return read(top, left, height, width)
        wide = _widened((top, left, height, width), size, reach)
        y, around = read(*wide), alpha(*wide)
        assert around is not None
        down, across = top - wide[0], left - wide[1]
        filled = y[down : down + height, across : across + width].copy()
        for block in cores(height, width, _BLOCK):
            here = slice(block[0], block[0] + block[2]), slice(block[1], block[1] + block[3])
            if (opacity[here] > 0).all():
                continue
            inside = block[0] + down, block[1] + across, block[2], block[3]
            first, start, tall, long = _widened(inside, y.shape[:2], reach)
            there = slice(first, first + tall), slice(start, start + long)
            whole = _filled(y[there], around[there], reach, beyond)
            filled[here] = whole[inside[0] - first :, inside[1] - start :][: block[2], : block[3]]
        return filled

    return visible


def _widened(rectangle: tuple[int, int, int, int], size: tuple[int, ...], reach: int) -> tuple[int, int, int, int]:
    """A rectangle with a rim of a given width, cropped to a picture of a (height, width)."""
    top, left = max(0, rectangle[0] - reach), max(0, rectangle[1] - reach)
    bottom, right = rectangle[0] + rectangle[2] + reach, rectangle[1] + rectangle[3] + reach
    return top, left, min(size[0], bottom) - top, min(size[1], right) - left


def _filled(y: np.ndarray, alpha: np.ndarray, reach: int, beyond: float) -> np.ndarray:
    """y (H, W, C) with visible colours continued where alpha (H, W) is zero; exact except in a rim of `reach`."""
    known = alpha > 0
    colour = np.where(known[:, :, None], y, np.float32(0))
    weight = np.where(known, np.maximum(alpha, np.float32(_LEAST)), np.float32(0))
    for _ in range(reach):
        count = _of_nine(known.astype(np.float32))
        ring = ~known & (count > 0)
        if not ring.any():
            break
        total = _of_nine(weight)[ring]
        colour[ring] = _of_nine(colour * weight[:, :, None])[ring] / total[:, None]
        weight[ring] = total / count[ring]
        known |= ring
    colour[~known] = beyond
    return colour


def _of_nine(values: np.ndarray) -> np.ndarray:
    """Sums over 3x3 pixels, zero outside; added in the same order everywhere, unlike running sums."""
    rows = values.copy()
    rows[1:] += values[:-1]
    rows[:-1] += values[1:]
    sums = rows.copy()
    sums[:, 1:] += rows[:, :-1]
    sums[:, :-1] += rows[:, 1:]
    return sums
