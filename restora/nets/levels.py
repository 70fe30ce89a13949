"""Known pixels as whole numbers, for libraries that fill holes in pictures of 8 or 16 bits only."""

from collections.abc import Callable

import numpy as np


def levels(
    y: np.ndarray, mask: np.ndarray, least: int, most: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]] | None:
    """y (H, W, C) as whole numbers, and the function from whole numbers to float32 on the scale of y.

    The range of the known pixels, where mask (H, W) is False, becomes least..most, so that a dark picture uses all
    levels too; missing pixels become least. The type is uint8, or uint16 if most is above 255. None if all known
    pixels are equal.
    """
    known = y[~mask]
    low, high = float(known.min()), float(known.max())
    if low == high:
        return None
    step = (high - low) / (most - least)
    whole = np.rint((np.where(mask[:, :, None], low, y) - low) / step) + least
    return whole.astype(
        np.uint8 if most < 256 else np.uint16
    ), lambda filled: (filled.astype(np.float32) - np.float32(least)) * np.float32(step) + np.float32(low)


def flat(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """y (H, W, C), whose known pixels are all equal, with that value in the hole."""
    return np.where(mask[:, :, None], y[~mask].flat[0], y).astype(np.float32)
