"""Deconvolution in which a trained denoiser takes the place of what is known about pictures.

Half-quadratic splitting of |k * x - y|^2 / (2 sigma^2) + prior(x): in turns

    x <- argmin |k * x - y|^2 / sigma^2 + PULL |x - z|^2 / level^2   a division in the Fourier domain
    z <- denoise(x, level)                                           the prior, as a net that obeys its level

with a level that falls from STRONGEST to sigma, evenly on a logarithmic scale.

K. Zhang, W. Zuo, S. Gu, L. Zhang, "Learning deep CNN denoiser prior for image restoration", CVPR 2017.
"""

from collections.abc import Callable

import numpy as np

from restora.nets.deconvolution import ROUNDING, bordered, forward, inverse, transfer

STRONGEST = 49 / 255
"""Noise level that the first round removes."""
PULL = 0.23
"""Weight of the prior, as K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", TPAMI 2021."""

Denoise = Callable[[np.ndarray, float], None]
"""(picture (h, w, C), noise level) denoises the picture in place."""


def denoised_in_turns(y: np.ndarray, kernel: np.ndarray, sigma: float, rounds: int, denoise: Denoise) -> np.ndarray:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale."""
    sigma = max(sigma, ROUNDING)
    planes = [bordered(y[:, :, channel], kernel) for channel in range(y.shape[2])]
    size = planes[0].plane.shape
    k, z = transfer(kernel, size), np.dstack([plane.plane for plane in planes])
    for level in np.geomspace(STRONGEST, sigma, rounds):
        pull = np.float32(PULL * (sigma / level) ** 2)
        for channel, plane in enumerate(planes):
            spectrum = np.conj(k) * forward(plane.plane)
            spectrum += pull * forward(z[:, :, channel])
            spectrum /= np.abs(k) ** 2 + pull
            z[:, :, channel] = inverse(spectrum, size)
        denoise(z, float(level))
    return planes[0].inside(z)
