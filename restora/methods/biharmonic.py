"""Biharmonic inpainting: the smoothest surface through what surrounds the hole, the solution of lap lap x = 0.

S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic functions: numerical aspects",
International Journal of Mathematics and Mathematical Sciences 2018.
"""

import numpy as np
from skimage.restoration import inpaint_biharmonic

from restora.nets.holes import fill_each


def biharmonic(y: np.ndarray, m: np.ndarray) -> np.ndarray:
    """y (H, W, C) filled where m (H, W) is False, with no value beyond those around the hole."""
    return fill_each(y, m, 4, lambda window, hole: inpaint_biharmonic(window, hole, channel_axis=2))
