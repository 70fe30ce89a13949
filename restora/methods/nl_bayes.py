"""Non-local Bayes (Lebrun et al., 2013): the most likely clean patch, given how like patches vary; done twice.

The second time, what the first made tells which patches are alike and how they vary. Where the closest rival stacks
like patches and thresholds them (BM3D), this one needs no transform: one Gaussian for each stack is all there is.

M. Lebrun, A. Buades, J.-M. Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sciences 2013.
"""

import numpy as np

from restora.nets.patch_bayes import patch_bayes


def nl_bayes(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    if sigma == 0:
        return y
    return patch_bayes(y, patch_bayes(y, None, sigma, patch, distance), sigma, patch, distance)
