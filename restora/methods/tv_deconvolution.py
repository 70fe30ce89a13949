"""Total-variation deconvolution: argmin |k * x - y|^2 / 2 + weight TV(x), by half-quadratic splitting.

The gradient of x is replaced by a second variable, which is drawn to it with growing strength. The minimum over that
variable is shrinkage, the minimum over x a division in the Fourier domain.

Y. Wang, J. Yang, W. Yin, Y. Zhang, "A new alternating minimization algorithm for total variation image reconstruction",
SIAM Journal on Imaging Sciences 2008.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.deconvolution import edge_note
from restora.nets.total_variation import total_variation


def tv_deconvolution(y: np.ndarray, kernel: np.ndarray, sigma: float) -> Made:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale."""
    x_hat = np.empty_like(y)
    for channel in range(y.shape[2]):
        x_hat[:, :, channel] = total_variation(y[:, :, channel], kernel, sigma)
    return Made(x_hat, note=edge_note(kernel))
