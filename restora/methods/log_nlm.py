"""Denoising in the log domain, for speckle: log y = log x + log v turns a product into a sum, which non-local means
treat; then back by exp.

log(1 + sigma n) has standard deviation about sigma and mean about -sigma^2 / 2: half of the removed variance
is added back, so that the picture does not get darker.
H. Arsenault and G. April, "Properties of speckle integrated with a finite aperture and logarithmically transformed",
JOSA 1976; Buades, Coll and Morel, CVPR 2005.
"""

import numpy as np
from scipy.ndimage import uniform_filter

from restora.nets.non_local_means import non_local_means

BLACK = 4 / 255
"""Added before the logarithm, which zero does not have; it also limits the noise of dark pixels."""

WINDOW = 15
"""Pixels: side of the square over which the removed variance is taken."""


def log_nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for speckle sigma."""
    if sigma == 0:
        return y
    logs = np.log(np.maximum(y, 0).astype(np.float64) + BLACK)
    quiet = non_local_means(logs, sigma, patch, distance)
    removed = uniform_filter((logs - quiet) ** 2, (WINDOW, WINDOW, 1))
    return (np.exp(quiet + removed / 2) - BLACK).astype(np.float32)
