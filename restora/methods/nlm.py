"""Non-local means (Buades et al., 2005): each pixel becomes the mean of pixels with similar surroundings."""

import numpy as np

from restora.nets.non_local_means import non_local_means


def nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    return y if sigma == 0 else non_local_means(y, sigma, patch, distance).astype(np.float32)
