"""Total-variation deconvolution of a plane: argmin |k * x - y|^2 / 2 + weight TV(x), by half-quadratic splitting.

The gradient of x is replaced by a second variable, which is drawn to it with growing strength. The minimum over that
variable is shrinkage, the minimum over x a division in the Fourier domain.

Y. Wang, J. Yang, W. Yin, Y. Zhang, "A new alternating minimization algorithm for total variation image reconstruction",
SIAM Journal on Imaging Sciences 2008.
"""

import numpy as np

from restora.nets.deconvolution import ROUNDING, bordered, forward, gradient_power, inverse, transfer

WEIGHT = 8.0
"""Of the total variation, in units of sigma^2; of 6 to 30, the best on Set12."""
PULLS = tuple(2.0**power for power in range(2, 13))
"""How strongly the variable is drawn to the gradient: gradients shorter than 1 / pull become zero."""
ROUNDS = 2
"""Rounds with each pull."""


def total_variation(y: np.ndarray, kernel: np.ndarray, sigma: float) -> np.ndarray:
    """x_hat (H, W) for y (H, W), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale."""
    plane, weight = bordered(y, kernel), WEIGHT * max(sigma, ROUNDING) ** 2
    x, size = plane.plane, plane.plane.shape
    k, gradients = transfer(kernel, size), gradient_power(size)
    data, power = np.conj(k) * forward(x), np.abs(k) ** 2
    for pull in PULLS:
        for _ in range(ROUNDS):
            down, right = np.roll(x, -1, 0) - x, np.roll(x, -1, 1) - x
            length = np.sqrt(down**2 + right**2)
            share = np.maximum(length - 1 / pull, 0) / np.maximum(length, 1e-12)
            down, right = share * down, share * right
            back = np.roll(down, 1, 0) - down + np.roll(right, 1, 1) - right  # the transposed differences
            x = inverse((data + weight * pull * forward(back)) / (power + weight * pull * gradients), size)
    return plane.inside(x)
