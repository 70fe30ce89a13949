"""Resampling by matrices, one for each axis: bicubic and antialiased like MATLAB's `imresize`, or another kernel.

Published super-resolution scores use MATLAB's.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array


def imresize(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """x (H, W, C) resized to (height, width, C), bicubic (Keys, a = -0.5), antialiased when smaller; not clipped."""
    down = bicubic_weights(x.shape[0], height)
    across = bicubic_weights(x.shape[1], width)
    return along(across, along(down, x, 0), 1).astype(np.float32)


def along(matrix: csr_array, x: np.ndarray, axis: int) -> np.ndarray:
    """x (H, W, C) with a matrix applied to its rows (axis 0) or columns (axis 1), float64."""
    moved = np.moveaxis(x, axis, 0)
    flat = matrix @ moved.reshape(moved.shape[0], -1).astype(np.float64)
    return np.moveaxis(flat.reshape(-1, *moved.shape[1:]), 0, axis)


@lru_cache(maxsize=64)
def bicubic_weights(size: int, new_size: int) -> csr_array:
    """The (new_size, size) matrix of one axis, Keys' cubic with a = -0.5 (Keys, 1981, eq. 15)."""
    return axis_weights(size, new_size, _cubic, 2)


def axis_weights(size: int, new_size: int, kernel: Callable[[np.ndarray], np.ndarray], support: int) -> csr_array:
    """The (new_size, size) matrix that resamples one axis with a kernel that is zero beyond `support` samples.

    The kernel is stretched when the axis gets shorter, so that nothing is aliased; each row sums to one; samples
    beyond the border are mirrored.
    """
    scale = new_size / size
    stretch = min(scale, 1.0)
    centre = (np.arange(new_size) + 0.5) / scale - 0.5
    taps = int(np.ceil(2 * support / stretch)) + 2
    index = np.floor(centre - support / stretch).astype(int)[:, None] + np.arange(taps)
    weight = kernel(stretch * (centre[:, None] - index))
    weight /= weight.sum(1, keepdims=True)
    mirrored = index % (2 * size)
    mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    row = np.repeat(np.arange(new_size), taps)
    matrix = csr_array((weight.ravel(), (row, mirrored.ravel())), shape=(new_size, size))
    matrix.eliminate_zeros()
    return matrix


def _cubic(t: np.ndarray) -> np.ndarray:
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0))
