"""Bilateral filter (Tomasi and Manduchi, 1998): a Gaussian that averages only neighbours of similar value."""

import cv2
import numpy as np


def bilateral(y: np.ndarray, sigma: float, width: float) -> np.ndarray:
    """y (H, W, C) smoothed over `width` pixels among values that differ by about 2.5 times the noise sigma."""
    if sigma == 0:
        return y
    reach = bilateral_reach(width)
    return cv2.bilateralFilter(np.ascontiguousarray(y), 2 * reach + 1, 2.5 * sigma, width).reshape(y.shape)


def bilateral_reach(width: float) -> int:
    """Radius of the neighbourhood in pixels: two widths."""
    return max(1, round(2 * width))
