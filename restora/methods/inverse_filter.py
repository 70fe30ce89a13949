"""Inverse filter: division by the transfer function of the kernel, except where that is too small.

Frequencies that the blur has nearly removed hold only noise, so they are left as they are. The simplest deconvolution;
noise grows by up to 1 / threshold.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.deconvolution import bordered, edge_note, forward, inverse, transfer


def inverse_filter(y: np.ndarray, kernel: np.ndarray, threshold: float) -> Made:
    """y (H, W, C) divided by the transfer function of kernel (kh, kw) where its modulus is above a threshold."""
    x_hat = np.empty_like(y)
    for channel in range(y.shape[2]):
        plane = bordered(y[:, :, channel], kernel)
        k, spectrum = transfer(kernel, plane.plane.shape), forward(plane.plane)
        large = np.abs(k) > threshold
        spectrum[large] /= k[large]
        x_hat[:, :, channel] = plane.inside(inverse(spectrum, plane.plane.shape))
    return Made(x_hat, note=edge_note(kernel))
