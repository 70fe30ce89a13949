"""Median filter (Tukey, 1971): each value becomes the median of its neighbourhood; removes isolated wrong pixels."""

import numpy as np
from scipy.ndimage import median_filter


def median(y: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C), each channel filtered in squares of 2 radius + 1 pixels a side."""
    side = 2 * radius + 1
    return median_filter(y, (side, side, 1))
