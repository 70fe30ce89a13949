"""PSNR-B (Yim and Bovik, 2011): PSNR that counts block edges as an additional error.

    PSNR-B = 10 log10(255^2 / (MSE + BEF)),  BEF = eta (D_b - D_n)

D_b and D_n are the mean squared differences of neighbouring pixels across block edges, and elsewhere; BEF, the
blocking effect factor, is zero unless D_b is larger. eta = log2(B) / log2(min(H, W)) for blocks of B x B pixels.
BEF is that of the restored picture, whose grid starts at its top left corner.

C. Yim and A. C. Bovik, "Quality assessment of deblocked images", IEEE TIP 2011.
"""

import math

import numpy as np


def psnr_b(x_hat: np.ndarray, x: np.ndarray, side: int = 8) -> float:
    """PSNR-B in dB of x_hat against the reference x, both (H, W, 1) on 0..255; infinite if both errors are zero.

    side: B, the side of a block in pixels.
    """
    error = float(np.mean((x_hat - x) ** 2)) + blocking(x_hat, side)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def blocking(x_hat: np.ndarray, side: int = 8) -> float:
    """The blocking effect factor BEF of (H, W, C) on 0..255; 0 for a picture no larger than a block."""
    across, within = [], []
    for axis in (0, 1):
        squares = np.diff(x_hat.astype(np.float64), axis=axis) ** 2
        edge = np.arange(1, x_hat.shape[axis]) % side == 0
        across.append(squares.compress(edge, axis).ravel())
        within.append(squares.compress(~edge, axis).ravel())
    d_b, d_n = (np.concatenate(each) for each in (across, within))
    smallest = min(x_hat.shape[:2])
    if not d_b.size or not d_n.size or smallest < 2 or d_b.mean() <= d_n.mean():
        return 0.0
    return math.log2(side) / math.log2(smallest) * float(d_b.mean() - d_n.mean())
