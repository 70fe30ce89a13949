"""Biharmonic inpainting: the smoothest surface through the surroundings of the hole, which solves lap lap x = 0.

S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic functions: numerical aspects",
International Journal of Mathematics and Mathematical Sciences 2018.
"""

import numpy as np
from skimage.restoration import inpaint_biharmonic


def biharmonic(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """y (H, W, C) filled where mask (H, W) is True, with no value outside the range of those around the hole."""
    return inpaint_biharmonic(y, mask, channel_axis=2).astype(np.float32)
