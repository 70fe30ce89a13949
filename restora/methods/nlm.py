"""Non-local means (Buades et al., 2005): each pixel becomes the mean of pixels whose surroundings look alike."""

import numpy as np
from skimage.restoration import denoise_nl_means


def nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    return denoise_nl_means(
        y.astype(np.float64),  # the fast mode subtracts running sums, which f32 would not hold exactly enough
        patch_size=patch,
        patch_distance=distance,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=2,
    ).astype(np.float32)
