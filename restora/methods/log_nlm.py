"""Denoising in the log domain, for speckle: log y = log x + log v turns a product into a sum, which non-local means
treat; then back by exp.

log(1 + sigma n) has standard deviation about sigma and mean about -sigma^2 / 2: half of the variance that was removed
is given back, so that the picture does not go dark.
H. Arsenault and G. April, "Properties of speckle integrated with a finite aperture and logarithmically transformed",
JOSA 1976; Buades, Coll and Morel, CVPR 2005.
"""

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.restoration import denoise_nl_means

BLACK = 4 / 255
"""Added before the logarithm, as black has none; it also keeps the noise of dark pixels in bounds."""

WINDOW = 15
"""Pixels: side of the square over which the removed variance is taken."""


def log_nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for speckle sigma."""
    if sigma == 0:
        return y
    height, width = y.shape[:2]
    padded = np.pad(y, ((0, int(height == 1)), (0, int(width == 1)), (0, 0)), mode="edge")  # it drops axes of one pixel
    logs = np.log(np.maximum(padded, 0).astype(np.float64) + BLACK)
    values = logs.squeeze(2) if logs.shape[2] == 1 else logs
    quiet = denoise_nl_means(
        values,
        patch_size=patch,
        patch_distance=distance,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=2 if values.ndim == 3 else None,
    ).reshape(padded.shape)
    removed = uniform_filter((logs - quiet) ** 2, (WINDOW, WINDOW, 1))
    x_hat = np.exp(quiet + removed / 2) - BLACK
    return x_hat[:height, :width].astype(np.float32)
