"""One step of non-local means (Buades et al., 2005), shared by several methods."""

import numpy as np
from skimage.restoration import denoise_nl_means


def non_local_means(y: np.ndarray, sigma: float, patch: int = 5, distance: int = 6) -> np.ndarray:
    """y (H, W, C), any range and size, float64 out: each pixel is the mean of pixels with similar surroundings.

    Patches of `patch` x `patch` pixels are compared up to `distance` pixels away, for noise sigma.
    """
    height, width = y.shape[:2]
    # scikit-image drops axes of length one.
    padded = np.pad(y, ((0, int(height == 1)), (0, int(width == 1)), (0, 0)), mode="edge").astype(np.float64)
    # In f64, because the fast mode subtracts running sums; it cannot handle a channel axis of length one.
    values = padded.squeeze(2) if y.shape[2] == 1 else padded
    x_hat = denoise_nl_means(
        values,
        patch_size=patch,
        patch_distance=distance,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=2 if values.ndim == 3 else None,
    )
    return x_hat.reshape(padded.shape)[:height, :width]
