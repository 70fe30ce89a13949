"""Wiener deconvolution: the linear estimate with the least squared error, for pictures whose gradients are random.

    X = conj(K) Y / (|K|^2 + (sigma / GRADIENT)^2 (|D_x|^2 + |D_y|^2))

The spectrum of natural pictures falls as 1 / f^2, that is, their gradients have the same power at all frequencies.

N. Wiener, "Extrapolation, interpolation, and smoothing of stationary time series", 1949.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.deconvolution import ROUNDING, bordered, edge_note, forward, gradient_power, inverse, transfer

GRADIENT = 0.12
"""Standard deviation of the differences of neighbouring pixels near edges; of 0.04 to 0.3, the best on Set12."""


def wiener_deconvolution(y: np.ndarray, kernel: np.ndarray, sigma: float) -> Made:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale."""
    x_hat = np.empty_like(y)
    for channel in range(y.shape[2]):
        plane = bordered(y[:, :, channel], kernel)
        size = plane.plane.shape
        k = transfer(kernel, size)
        noise = (max(sigma, ROUNDING) / GRADIENT) ** 2 * gradient_power(size)
        spectrum = np.conj(k) * forward(plane.plane) / (np.abs(k) ** 2 + noise)
        x_hat[:, :, channel] = plane.inside(inverse(spectrum, size))
    return Made(x_hat, note=edge_note(kernel))
