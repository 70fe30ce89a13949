"""Non-local Bayes (Lebrun et al., 2013): the most likely clean patch, given how like patches vary; done twice.

The second time, what the first made tells which patches are alike and how they vary. The first time, the channels of
a colour picture are three of its mixtures, as good as independent; the second, patches are of all channels.

M. Lebrun, A. Buades, J.-M. Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sciences 2013.
"""

import numpy as np

from restora.nets.patch_bayes import STRIDE, patch_bayes

OPPONENTS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Brightness and two differences of colour from red, green, blue; orthogonal, so that white noise stays white."""


def nl_bayes(y: np.ndarray, sigma: float, patch: int, distance: int) -> np.ndarray:
    """y (H, W, C) from patches of `patch` pixels a side, compared up to `distance` pixels away, for noise sigma."""
    if sigma == 0:
        return y
    height, width, channels = y.shape
    y = np.pad(y, (*(_more(side, patch + distance) for side in (height, width)), (0, 0)), mode="symmetric")
    if channels == 1:
        once = patch_bayes(y, None, sigma, patch, distance)
    else:
        planes = _mixed(y, OPPONENTS)
        planes = np.dstack([patch_bayes(planes[:, :, c : c + 1], None, sigma, patch, distance) for c in range(3)])
        once = _mixed(planes, OPPONENTS.T)
    return patch_bayes(y, once, sigma, patch, distance)[:height, :width]


def _more(side: int, least: int) -> tuple[int, int]:
    """(0, pixels to add) up to a multiple of the stride of patches that is `least` or more."""
    return 0, -(-max(side, least) // STRIDE) * STRIDE - side


def _mixed(x: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """x (H, W, 3) with other channels; term by term, as a product of matrices rounds by where in a picture it is."""
    return np.asarray(sum(x[:, :, c : c + 1] * mix[:, c].astype(np.float32) for c in range(3)))
