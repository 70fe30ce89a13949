"""Non-local means (Buades et al., 2005): each pixel becomes the mean of pixels whose surroundings look alike."""

import numpy as np
from skimage.restoration import denoise_nl_means


def nlm(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    if sigma == 0:
        return y
    height, width = y.shape[:2]
    # scikit-image drops axes of one pixel.
    y = np.pad(y, ((0, int(height == 1)), (0, int(width == 1)), (0, 0)), mode="edge")
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
    return x_hat.reshape(y.shape)[:height, :width].astype(np.float32)
