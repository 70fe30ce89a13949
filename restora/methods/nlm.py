"""Non-local means (Buades et al., 2005): each pixel becomes the mean of pixels whose surroundings look alike."""

import numpy as np
from skimage.restoration import denoise_nl_means


def nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    # In f64, as the fast mode subtracts running sums; without the channel axis of one, which it cannot handle.
    values = y.astype(np.float64).squeeze(2) if y.shape[2] == 1 else y.astype(np.float64)
    x_hat = denoise_nl_means(
        values,
        patch_size=patch,
        patch_distance=distance,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=2 if values.ndim == 3 else None,
    )
    return x_hat.reshape(y.shape).astype(np.float32)
