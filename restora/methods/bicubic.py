"""Bicubic interpolation (Keys, 1981): each new pixel is a weighted mean of 4x4 old ones; more if it shrinks.

The weights are those of MATLAB's `imresize`: a = -0.5, antialiased. Published super-resolution scores use them.

R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981.
"""

from scipy.sparse import csr_array

from restora.core.resample import bicubic_weights


def bicubic(size: int, new_size: int) -> csr_array:
    """The (new_size, size) matrix that resamples one axis."""
    return bicubic_weights(size, new_size)
