"""Find the damaged pixels inside a box: lines and letters by their colour, lost blocks by their constant value."""

import cv2
import numpy as np

LINE_SIDE = 19
"""Side in pixels of the median in which thin lines vanish."""
SHORTEST = 12
"""Length in pixels of the shortest line; shorter ones are texture."""
LEVELS = 12
"""Levels of each channel among which the most common colour is looked for."""
BLOCK, FLAT, ONE_VALUE = 7, 0.02, 0.03
"""Side of a square without any detail, the greatest range of its values, and their greatest distance from the value
that most such squares have."""


def letters_in(part: np.ndarray) -> np.ndarray:
    """Letters of one colour (h, w) bool in a part of a picture (h, w, C), including their soft rims."""
    side = min(255, max(9, min(part.shape[:2]) // 2 * 2 + 1))
    return _wider(_of_one_colour(part, side, stands_out=0.08, amount=0.5, residue=0.5))


def lines_in(part: np.ndarray) -> np.ndarray:
    """Thin lines of one colour (h, w) bool in a part of a picture (h, w, C), including their soft rims."""
    marked = _of_one_colour(part, LINE_SIDE, stands_out=0.1, amount=0.6, residue=0.4)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    long = np.hypot(boxes[:, 2], boxes[:, 3]) >= SHORTEST
    long[0] = False  # what is not marked
    return _wider(long[labels])


def _of_one_colour(part: np.ndarray, side: int, stands_out: float, amount: float, residue: float) -> np.ndarray:
    """The pixels (h, w) bool that were mixed with one colour, which is the most common among those that stand out.

    A pixel stands out if it differs from the median of a square of `side` pixels by at least `stands_out`. It was
    mixed with the colour if its difference from the median is at least the share `amount` of that of the colour, and
    at most a share `residue` of it has another direction.
    """
    side = min(side, 2 * max(part.shape[:2]) - 1)
    eight = np.rint(part.clip(0, 1) * 255).astype(np.uint8)
    planes = [cv2.medianBlur(np.ascontiguousarray(plane), side) for plane in np.moveaxis(eight, 2, 0)]
    calm = np.dstack(planes).astype(np.float32) / 255
    change = part - calm
    far = np.abs(change).max(2)
    differs = far > stands_out
    if not differs.any():
        return differs
    towards = _most_common(part[differs & (far >= np.median(far[differs]))], LEVELS) - calm
    share = (change * towards).sum(2) / ((towards**2).sum(2) + 1e-6)
    rest = np.abs(change - share[:, :, None] * towards).max(2)
    return differs & (share > amount) & (rest < residue * far + 0.02)


def _most_common(colours: np.ndarray, levels: int) -> np.ndarray:
    """The median of the colours (n, C) of the most common cell, of `levels` cells for each channel."""
    keys = np.rint(colours.clip(0, 1) * levels).astype(np.int64) @ ((levels + 1) ** np.arange(colours.shape[1]))
    values, counts = np.unique(keys, return_counts=True)
    return np.median(colours[keys == values[counts.argmax()]], 0)


def _wider(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def lost_blocks_in(part: np.ndarray) -> np.ndarray:
    """Blocks of one value (h, w) bool in a part of a picture (h, w, C): lost ones all have the same value."""
    kernel = np.ones((BLOCK, BLOCK), np.uint8)
    if min(part.shape[:2]) < BLOCK:
        return np.zeros(part.shape[:2], bool)
    spread = np.zeros(part.shape[:2], np.float32)
    for plane in np.moveaxis(np.ascontiguousarray(part, np.float32), 2, 0):
        spread = np.maximum(spread, cv2.dilate(plane, kernel) - cv2.erode(plane, kernel))
    flat = spread <= FLAT
    if not flat.any():
        return flat
    value = _most_common(part[flat], 64)
    centres = flat & (np.abs(part - value).max(2) <= ONE_VALUE)
    blocks = cv2.dilate(centres.astype(np.uint8), kernel) > 0
    return blocks & (np.abs(part - value).max(2) <= ONE_VALUE)


def rim_weights(height: int, width: int, feather: int) -> np.ndarray:
    """Weights (h, w, 1) of a box: 1 inside, falling to near 0 over `feather` pixels at its border."""
    rows, columns = (np.minimum(np.arange(length), np.arange(length)[::-1]) + 1 for length in (height, width))
    nearest = np.minimum(rows[:, None], columns[None, :])
    return np.minimum(1, nearest / (feather + 1)).astype(np.float32)[:, :, None]
