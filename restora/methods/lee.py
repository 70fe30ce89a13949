"""Lee filter (1980) for speckle y = x v with E v = 1, var v = sigma^2: x_hat = mean + k (y - mean).

k = var x / var y is the best linear gain, with var x = max(0, (var y - sigma^2 mean^2) / (1 + sigma^2)): near 0 where
the picture is flat, near 1 at edges. Mean and variance are local.

J.-S. Lee, "Digital image enhancement and noise filtering by use of local statistics", IEEE TPAMI 1980, section III.
"""

import numpy as np
from scipy.ndimage import uniform_filter


def lee(y: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    """y (H, W, C), each channel, over squares of 2 radius + 1 pixels a side."""
    if sigma == 0:
        return y
    window = (2 * radius + 1, 2 * radius + 1, 1)
    wide = y.astype(np.float64)  # the variance is a difference of squares
    mean = uniform_filter(wide, window)
    variance = np.maximum(uniform_filter(wide**2, window) - mean**2, 1e-12)
    clean = np.maximum(0, (variance - sigma**2 * mean**2) / (1 + sigma**2))
    return (mean + clean / variance * (wide - mean)).astype(np.float32)
