"""Adaptive Wiener filter (Lee, 1980): x_hat = mean + max(0, 1 - sigma^2 / var) (y - mean), over a local window."""

import numpy as np
from scipy.signal import wiener as local_wiener


def wiener(y: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    """y (H, W, C), each channel, with mean and variance over squares of 2 radius + 1 pixels a side."""
    if sigma == 0:
        return y
    side = 2 * radius + 1
    # SciPy pads with black; mirrored pixels keep the margin from getting darker.
    padded = np.pad(y.astype(np.float64), ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    with np.errstate(divide="ignore", invalid="ignore"):  # a flat window has variance 0; SciPy then returns the mean
        planes = [local_wiener(padded[:, :, c], (side, side), sigma**2) for c in range(y.shape[2])]
    return np.dstack(planes)[radius:-radius, radius:-radius].astype(np.float32)
