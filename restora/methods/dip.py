"""Deep Image Prior (Ulyanov et al., 2018): x_hat = f(z) with f an untrained net fitted to y alone, stopped in time.

A convolutional net learns the regular parts of a picture before its noise. It needs no data and no training, but
minutes for each picture.

D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep image prior", CVPR 2018.
"""

from collections.abc import Callable

import numpy as np

from restora.core.method import Made
from restora.learn.games.per_image import fit


def dip(y: np.ndarray, width: int, iterations: int, *, seed: int, tell: Callable[[int, int], None]) -> Made:
    """x_hat, and how the fit ended, for y (H, W, C); a net of `width` channels, at most so many iterations."""
    x_hat, ended = fit(y, width, iterations, seed, tell)
    return Made(x_hat, note=ended)
