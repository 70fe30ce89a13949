"""Gaussian filter: each pixel becomes the mean of its neighbours, weighted by exp(-r^2 / 2 width^2)."""

import numpy as np
from scipy.ndimage import gaussian_filter


def gaussian(y: np.ndarray, width: float) -> np.ndarray:
    """y (H, W, C) smoothed with a Gaussian of `width` pixels (standard deviation), cut off at four widths."""
    return gaussian_filter(y, (width, width, 0), truncate=4.0)
