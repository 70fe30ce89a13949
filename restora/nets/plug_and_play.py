"""Deconvolution in which a trained denoiser takes the place of what is known about pictures.

Half-quadratic splitting of |k * x - y|^2 / (2 sigma^2) + prior(x): in turns

    x <- argmin |k * x - y|^2 / sigma^2 + PULL |x - z|^2 / level^2   a division in the Fourier domain
    z <- denoise(x, level)                                           the prior, as a net that obeys its level

with a level that falls from STRONGEST to sigma, evenly on a logarithmic scale.

K. Zhang, W. Zuo, S. Gu, L. Zhang, "Learning deep CNN denoiser prior for image restoration", CVPR 2017.
"""

from collections.abc import Callable

import numpy as np

from restora.nets.deconvolution import ROUNDING, bordered, forward, inverse, power, transfer

STRONGEST = 49 / 255
"""Noise level that the first round removes."""
PULL = 0.23
"""Weight of the prior, as K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", TPAMI 2021."""

Denoise = Callable[[np.ndarray, float], None]
"""(picture (h, w, C), noise level) denoises the picture in place."""


def denoised_in_turns(y: np.ndarray, kernel: np.ndarray, sigma: float, rounds: int, denoise: Denoise) -> np.ndarray:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with white noise sigma on the 0..1 scale.

    Besides y it needs 24 bytes for each pixel in colour, and 16 while it calls the denoiser: only one channel is
    transformed at a time, and y is not copied, only its continuation is kept.
    """
    sigma, (height, width, channels) = max(sigma, ROUNDING), y.shape
    margins = [bordered(y[:, :, channel], kernel).margin() for channel in range(channels)]
    z = np.dstack([margin.around(y[:, :, channel]) for channel, margin in enumerate(margins)])
    size = (z.shape[0], z.shape[1])
    conjugate = np.conj(transfer(kernel, size))
    for level in np.geomspace(STRONGEST, sigma, rounds):
        pull = np.float32(PULL * (sigma / level) ** 2)
        for channel, margin in enumerate(margins):
            spectrum = forward(margin.around(y[:, :, channel]))
            z[:, :, channel] = _nearest(spectrum, z[:, :, channel], conjugate, pull)
            del spectrum  # before the denoiser needs its memory
        denoise(z, float(level))
    return z[:height, :width]


def _nearest(spectrum: np.ndarray, z: np.ndarray, conjugate: np.ndarray, pull: np.float32) -> np.ndarray:
    """argmin |k * x - y|^2 + pull |x - z|^2 for a plane z (H, W).

    spectrum: the transform of y, which is overwritten. conjugate: that of the transfer function of k.
    """
    np.multiply(conjugate, spectrum, out=spectrum)
    pulled = forward(z)
    pulled *= pull
    spectrum += pulled
    del pulled  # before the next plane is made
    spectrum /= power(conjugate) + pull
    return inverse(spectrum, (z.shape[0], z.shape[1]))
