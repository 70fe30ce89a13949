"""Non-local Bayes (Lebrun et al., 2013): the most likely clean patch, given how similar patches vary; two passes.

The second pass finds similar patches, and how they vary, in the result of the first.

M. Lebrun, A. Buades, J.-M. Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sciences 2013.
"""

import numpy as np

from restora.nets.non_local_bayes import non_local_bayes


def nl_bayes(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    return y if sigma == 0 else non_local_bayes(y, sigma, patch, distance)
