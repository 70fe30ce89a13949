"""Plug and play with a mask: a trained denoiser takes the place of what is known about pictures, and fills holes.

In turns the whole window is denoised, and its known pixels are put back, with a level that falls from STRONGEST to the
noise of the picture, evenly on a logarithmic scale. It starts from a smooth surface (nets/first_guess.py). This is
half-quadratic splitting where the data term is a mask: known pixels are exact, missing ones are the denoiser's.

K. Zhang, W. Zuo, S. Gu, L. Zhang, "Learning deep CNN denoiser prior for image restoration", CVPR 2017.
"""

import numpy as np

from restora.nets.first_guess import first_guess
from restora.nets.plug_and_play import Denoise

STRONGEST, LEAST = 40 / 255, 3 / 255
"""Noise levels that the first and the last round remove; the last is higher if the picture is noisier."""


def plug_and_play_inpainting(
    y: np.ndarray, mask: np.ndarray, sigma: float, rounds: int, *, denoise: Denoise
) -> np.ndarray:
    """x_hat for y (H, W, C); mask (H, W) bool, True = missing; sigma of white noise on the 0..1 scale.

    denoise: (picture (h, w, C), noise level) denoises the picture in place.
    """
    z, known = first_guess(y, mask), ~mask
    for level in np.geomspace(STRONGEST, min(max(sigma, LEAST), STRONGEST), rounds):
        denoise(z, float(level))
        z[known] = y[known]
    return z
