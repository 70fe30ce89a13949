"""Re-application of JPEG (Nosratinia, 2001): JPEG at every position of its grid, then the mean.

    x_hat = mean over the shifts (i, j) of S'(Q(S(y))),  i, j = 0..7

S shifts the picture by (i, j) pixels, S' shifts it back. Q is JPEG at the quality of y: the DCT coefficients of 8x8
blocks are rounded to multiples of the quantiser's steps. Each grid has its edges at other pixels, so the mean has
none, and changes smaller than half a step disappear. The method need not know where the grid of y is.

For colour pictures Y, Cb and Cr are treated, each with its own steps. The mean of a block is not rounded, as that
would make edges in smooth areas.

A. Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG", Journal of VLSI Signal Processing 27,
2001.
"""

import numpy as np
from scipy.fft import dct

from restora.damage.quantiser import steps

SIDE = 8
_DCT = dct(np.eye(SIDE), axis=0, norm="ortho")
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""From R, G, B (JFIF)."""
_TO_ZERO = 1 - 1e-4
"""A value halfway between two multiples goes to the lower one; else rounding errors of the transform would decide."""


def shifted_jpeg(y: np.ndarray, quality: float) -> np.ndarray:
    """y (H, W, C) on 0..1, saved at a quality of 1 to 100; 100 leaves it unchanged."""
    if quality >= 100:
        return y
    colour = y.shape[2] == 3
    planes = (y @ _YCBCR.T if colour else y.astype(np.float64)) * 255
    for channel in range(y.shape[2]):
        step = steps(quality, chroma=colour and channel > 0)
        planes[:, :, channel] = _mean_over_shifts(planes[:, :, channel], step)
    x_hat = planes / 255
    return (x_hat @ np.linalg.inv(_YCBCR).T if colour else x_hat).astype(np.float32)


def _mean_over_shifts(plane: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The mean of Q at the 64 positions of the grid, of (H, W); the picture is padded by mirroring."""
    height, width = plane.shape
    padded = np.pad(plane, [(SIDE, SIDE + -side % SIDE) for side in plane.shape], "symmetric")
    total = np.zeros_like(plane)
    for i in range(SIDE):
        for j in range(SIDE):
            moved = _quantised(padded[i : i - SIDE, j : j - SIDE], step)
            total += moved[SIDE - i : SIDE - i + height, SIDE - j : SIDE - j + width]
    return total / SIDE**2


def _quantised(plane: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Q: the coefficients of the blocks of (8 h, 8 w), except their means, rounded to multiples of the steps."""
    rows, columns = (side // SIDE for side in plane.shape)
    coefficients = (_DCT @ plane.reshape(rows, SIDE, -1)).reshape(rows, SIDE, columns, SIDE) @ _DCT.T
    mean = coefficients[:, 0, :, 0].copy()
    step = step[:, None, :]
    coefficients = np.rint(coefficients / step * _TO_ZERO) * step
    coefficients[:, 0, :, 0] = mean
    return (_DCT.T @ (coefficients @ _DCT).reshape(rows, SIDE, -1)).reshape(plane.shape)
