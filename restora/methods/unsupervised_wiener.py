"""Unsupervised Wiener deconvolution: noise level and smoothness are estimated from the picture by Gibbs sampling.

F. Orieux, J.-F. Giovannelli, T. Rodet, "Bayesian estimation of regularization and point spread function parameters for
Wiener-Hunt deconvolution", JOSA A 2010. Here by scikit-image.
"""

from collections.abc import Callable

import numpy as np
from skimage.restoration import unsupervised_wiener as sampled

from restora.core.method import Made
from restora.nets.deconvolution import bordered, edge_note


def unsupervised_wiener(y: np.ndarray, kernel: np.ndarray, *, seed: int, tell: Callable[[int, int], None]) -> Made:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw); tell(channels done, channels) is called after each."""
    x_hat = np.empty_like(y)
    for channel in range(y.shape[2]):
        plane = bordered(y[:, :, channel], kernel)
        found, _ = sampled(plane.plane, kernel, clip=False, rng=seed)
        x_hat[:, :, channel] = plane.inside(found)
        tell(channel + 1, y.shape[2])
    return Made(x_hat, note=edge_note(kernel))
