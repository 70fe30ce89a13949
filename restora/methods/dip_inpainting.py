"""Deep Image Prior with a mask: x_hat = f(z) in the hole, with f an untrained net fitted to the known pixels alone.

The net continues the regular parts of the picture into the hole. It needs no data and no training, but minutes for each
picture. There is no noise to be kept out, so all steps are taken.

D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep image prior", CVPR 2018, section 3.3.
"""

from collections.abc import Callable

import numpy as np

from restora.core.method import Made
from restora.learn.games.per_image import fit


def dip_inpainting(
    y: np.ndarray, mask: np.ndarray, width: int, iterations: int, *, seed: int, tell: Callable[[int, int], None]
) -> Made:
    """x_hat, and how the fit ended, for y (H, W, C); mask (H, W) bool, True = missing. Known pixels do not change."""
    x_hat, ended = fit(y, width, iterations, seed, tell, missing=mask)
    return Made(np.where(mask[:, :, None], x_hat, y), note=ended)
