"""A first guess of missing pixels, which nets then correct: a smooth surface through the known ones, coarse to fine.

At each scale a block is known if some of its pixels are; its value is the mean of these only, as in the partial
convolutions of G. Liu et al., "Image inpainting for irregular holes using partial convolutions", ECCV 2018. The other
blocks start from the next coarser scale, and are moved towards the surface with the least squared Laplacian, in
accelerated gradient steps (Y. Nesterov, 1983). That is nearly biharmonic inpainting (S. B. Damelin, N. S. Hoang, 2018),
in milliseconds, and without a system of equations. It is not a part of the nets, because it looks far: their halo
would be four times as large.
"""

import cv2
import numpy as np

LEVELS = 5
"""How often the picture is halved."""
STEPS = 20
"""Gradient steps at each scale."""
STEEPEST = 64.0
"""The largest eigenvalue of the squared Laplacian."""


def first_guess(y: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """y (H, W, C) float32 with a smooth surface at missing pixels; missing (H, W) bool. Known pixels do not change.

    Missing pixels do not matter. Blocks of 2 ** LEVELS pixels without any known pixel start from mid grey.
    """
    known = (~missing[:, :, None]).astype(np.float32)
    sums, shares = [np.where(known > 0, y, np.float32(0))], [known]
    for _ in range(LEVELS):
        sums.append(_halved(sums[-1]))
        shares.append(_halved(shares[-1]))
    guess = np.full_like(sums[-1], 0.5)
    for level in range(LEVELS, -1, -1):
        height, width = sums[level].shape[:2]
        if level < LEVELS:
            guess = guess.repeat(2, 0).repeat(2, 1)[:height, :width]
        share = shares[level]
        free = (share == 0).astype(np.float32)
        guess = _smoothed(np.where(share > 0, sums[level] / np.maximum(share, 1e-6), guess), free)
    return guess


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums of blocks of 2x2, (H, W, C) to (H/2, W/2, C); odd sides are continued by zeros, which count as missing."""
    padded = np.pad(values, ((0, values.shape[0] % 2), (0, values.shape[1] % 2), (0, 0)))
    height, width, channels = padded.shape
    return np.asarray(padded.reshape(height // 2, 2, width // 2, 2, channels).sum((1, 3)))


def _smoothed(u: np.ndarray, free: np.ndarray) -> np.ndarray:
    """u (H, W, C) nearer to the surface with the least squared Laplacian; pixels move where free (H, W, 1) is 1."""
    u = np.ascontiguousarray(u, np.float32)
    if not free.any():
        return u
    before, ahead, step = u, 1.0, free / np.float32(STEEPEST)
    for _ in range(STEPS):
        later = (1 + (1 + 4 * ahead * ahead) ** 0.5) / 2
        z = u + np.float32((ahead - 1) / later) * (u - before)
        before, u, ahead = u, z - step * _laplacian(_laplacian(z)), later
    return u


def _laplacian(u: np.ndarray) -> np.ndarray:
    """The sum of the four neighbours minus four times the pixel, (H, W, C); borders are continued."""
    return cv2.Laplacian(u, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE).reshape(u.shape)
