"""DeepDLP with a mask: Deep Image Prior that starts from a classical fill instead of noise.

As in methods/deepdlp.py the net sees a picture, here the biharmonic surface through the known pixels, and needs fewer
steps. The fit follows the known pixels; the surface pulls only weakly, as it is smooth where the picture is not.

After G. Mataev, M. Elad, P. Milanfar, "DeepRED: deep image prior powered by RED", ICCV workshops 2019; the surface is
that of S. B. Damelin, N. S. Hoang, International Journal of Mathematics and Mathematical Sciences 2018.
"""

from collections.abc import Callable

import numpy as np
from skimage.restoration import inpaint_biharmonic

from restora.core.method import Made
from restora.learn.games.per_image import fit

STRENGTH = 0.02


def deepdlp_inpainting(
    y: np.ndarray, mask: np.ndarray, width: int, iterations: int, *, seed: int, tell: Callable[[int, int], None]
) -> Made:
    """x_hat, and how the fit ended, for y (H, W, C); mask (H, W) bool, True = missing. Known pixels do not change."""
    guide = inpaint_biharmonic(y, mask, channel_axis=2, split_into_regions=True).astype(np.float32)
    x_hat, ended = fit(y, width, iterations, seed, tell, guide=guide, weight=STRENGTH, missing=mask)
    return Made(np.where(mask[:, :, None], x_hat, y), note=ended)
