"""Adaptive median filter (Hwang and Haddad, 1995): only impulses are replaced, by the median of a window that grows.

A window is large enough once its median lies strictly between its minimum and maximum, so is not an impulse itself. A
value equal to the minimum or maximum of its window then counts as an impulse and becomes the median.
"""

import numpy as np
from scipy.ndimage import maximum_filter, median_filter, minimum_filter


def adaptive_median(y: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C), each channel, in squares of 3 up to 2 radius + 1 pixels a side."""
    x_hat = y.copy()
    undecided = np.ones(y.shape, bool)
    for reach in range(1, radius + 1):
        window = (2 * reach + 1, 2 * reach + 1, 1)
        low, middle, high = (filtered(y, window) for filtered in (minimum_filter, median_filter, maximum_filter))
        serves = undecided & (low < middle) & (middle < high)
        impulse = (y <= low) | (y >= high)
        x_hat = np.where(serves & impulse, middle, x_hat)
        undecided &= ~serves
    # No window was large enough: a flat area, or only impulses; the widest median is the best guess.
    return np.where(undecided, middle, x_hat)
