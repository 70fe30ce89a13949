"""BM3D: similar patches are stacked, and noise is removed in a 3-D transform in which the stack is sparse.

Two passes: hard thresholds give a first estimate, which then guides a Wiener filter of the same stacks. It is the
reference for denoisers without learning. This file calls the authors' own package, which is not installed with
Restora: its licence is for non-commercial use.

K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian, "Image denoising by sparse 3-D transform-domain collaborative
filtering", IEEE TIP 2007; as in Y. Mäkinen, L. Azzari, A. Foi, IEEE TIP 2020.
"""

import numpy as np

from restora.core.errors import MissingExtra

LEAST = 40
"""Side in pixels below which the package crashes: it looks for similar blocks up to 19 pixels away."""


def bm3d(y: np.ndarray, sigma: float) -> np.ndarray:
    """x_hat for y (H, W, C) with white noise sigma. Raises MissingExtra without the authors' package."""
    try:
        import bm3d as authors
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "bm3d needs its authors' package, for non-commercial use; install it with: pip install bm3d"
        ) from error
    if sigma == 0 or not np.ptp(y, axis=(0, 1)).any():
        return y.copy()
    if y.shape[2] == 3 and (y == y[:, :, :1]).all():  # the package divides by the range of the colours
        return np.repeat(bm3d(y[:, :, :1], sigma), 3, axis=2)
    smallest = max(0, LEAST - min(y.shape[:2]))
    padded = np.pad(y, ((0, smallest), (0, smallest), (0, 0)), mode="symmetric").astype(np.float64)
    x_hat = authors.bm3d_rgb(padded, sigma) if y.shape[2] == 3 else authors.bm3d(padded, sigma)
    return x_hat.reshape(padded.shape)[: y.shape[0], : y.shape[1]].astype(np.float32)
