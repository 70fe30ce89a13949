"""Wavelet shrinkage (Donoho, 1995; BayesShrink, Chang et al., 2000): small wavelet coefficients count as noise."""

import numpy as np
from skimage.restoration import denoise_wavelet


def wavelet(y: np.ndarray, sigma: float) -> np.ndarray:
    """y (H, W, C), each channel soft-thresholded band by band for noise sigma (Daubechies-2, BayesShrink)."""
    if sigma == 0:
        return y
    height, width = y.shape[:2]
    # Pictures smaller than the wavelet are padded by mirroring.
    y = np.pad(y, ((0, max(0, 16 - height)), (0, max(0, 16 - width)), (0, 0)), mode="symmetric")
    x_hat = denoise_wavelet(
        y, sigma=sigma, wavelet="db2", mode="soft", method="BayesShrink", channel_axis=2, rescale_sigma=False
    )
    return x_hat[:height, :width].astype(np.float32)
