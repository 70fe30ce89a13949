"""Plug and play: deconvolution in which a trained denoiser takes the place of what is known about pictures.

Half-quadratic splitting of |k * x - y|^2 / (2 sigma^2) + prior(x): in turns

    x <- argmin |k * x - y|^2 / sigma^2 + PULL |x - z|^2 / level^2   a division in the Fourier domain
    z <- denoise(x, level)                                           the prior, as a net that obeys its level

with a level that falls from STRONGEST to sigma, evenly on a logarithmic scale.

K. Zhang, W. Zuo, S. Gu, L. Zhang, "Learning deep CNN denoiser prior for image restoration", CVPR 2017.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.deconvolution import edge_note
from restora.nets.plug_and_play import Denoise, denoised_in_turns


def plug_and_play(y: np.ndarray, kernel: np.ndarray, sigma: float, rounds: int, *, denoise: Denoise) -> Made:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale.

    denoise: (picture (h, w, C), noise level) denoises the picture in place.
    """
    return Made(denoised_in_turns(y, kernel, sigma, rounds, denoise), note=edge_note(kernel))
