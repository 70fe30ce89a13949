"""Find the damaged pixels inside a box: lines and letters by their colour, lost blocks by their constant value."""

import cv2
import numpy as np

STANDS_OUT = 0.08
"""Least distance of a pixel from the median of its surroundings that makes it part of a line or letter, 0..1."""
ALIKE = 0.12
"""Greatest distance of a pixel's colour from that of the line or letter."""
LEVELS = 12
"""Levels of each channel among which the most common colour is looked for."""
BLOCK, FLAT, ONE_VALUE = 7, 0.02, 0.03
"""Side of a square without any detail, the greatest range of its values, and their greatest distance from the value
that most such squares have."""


def marks_in(part: np.ndarray) -> np.ndarray:
    """Lines or letters (h, w) bool in a part of a picture (h, w, C), including their soft rims.

    They are the pixels that differ from the median of their surroundings, and have the most common colour of these.
    """
    height, width = part.shape[:2]
    side = min(255, max(9, min(height, width) // 2 * 2 + 1), 2 * max(height, width) - 1)
    eight = np.rint(part.clip(0, 1) * 255).astype(np.uint8)
    calm = np.dstack([cv2.medianBlur(np.ascontiguousarray(plane), side) for plane in np.moveaxis(eight, 2, 0)])
    differs = np.abs(eight.astype(np.float32) - calm).max(2) > 255 * STANDS_OUT
    if not differs.any():
        return differs
    colours = part[differs]
    levels = np.rint(colours.clip(0, 1) * LEVELS).astype(np.int64)
    keys = levels @ ((LEVELS + 1) ** np.arange(part.shape[2]))
    values, counts = np.unique(keys, return_counts=True)
    chosen = np.median(colours[keys == values[counts.argmax()]], 0)
    core = differs & (np.abs(part - chosen).max(2) <= ALIKE)
    return cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


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
    colours = part[flat]
    keys = np.rint(colours.clip(0, 1) * 255 / 4).astype(np.int64) @ (100 ** np.arange(part.shape[2]))
    values, counts = np.unique(keys, return_counts=True)
    value = np.median(colours[keys == values[counts.argmax()]], 0)
    centres = flat & (np.abs(part - value).max(2) <= ONE_VALUE)
    blocks = cv2.dilate(centres.astype(np.uint8), kernel) > 0
    return blocks & (np.abs(part - value).max(2) <= ONE_VALUE)


def rim_weights(height: int, width: int, feather: int) -> np.ndarray:
    """Weights (h, w, 1) of a box: 1 inside, falling to near 0 over `feather` pixels at its border."""
    rows, columns = (np.minimum(np.arange(length), np.arange(length)[::-1]) + 1 for length in (height, width))
    nearest = np.minimum(rows[:, None], columns[None, :])
    return np.minimum(1, nearest / (feather + 1)).astype(np.float32)[:, :, None]
