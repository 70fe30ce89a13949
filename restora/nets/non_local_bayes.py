"""One step of non-local Bayes (Lebrun et al., 2013), shared by several methods."""

from itertools import product

import numpy as np

STRIDE = 3
"""Stride of the reference patches, down and across."""
SIMILAR = 60
"""Patches in a group."""
NOISE = 2.0
"""Factor of sigma^2 up to which the variance of y in a direction counts as noise. With so few patches, the variance of
pure noise is estimated up to 2.7 times too high (Marchenko and Pastur, 1967), on average once; 2 worked best."""
BAND = 8
"""Rows of reference patches processed at a time, which bounds memory."""
OPPONENTS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""From red, green, blue to brightness and two colour differences; orthogonal, so that white noise stays white."""


def non_local_bayes(y: np.ndarray, sigma: float, patch: int = 5, distance: int = 10) -> np.ndarray:
    """y (H, W, 1 or 3) of any size, float32 out: similar patches are modelled as one Gaussian, which estimates each.

    Patches of `patch` x `patch` pixels are compared up to `distance` pixels away, for noise sigma. The first of two
    passes treats three nearly independent mixtures of the colour channels separately; the second treats all together.
    """
    height, width, channels = y.shape
    y = np.pad(y, (*(_more(side, patch + distance) for side in (height, width)), (0, 0)), mode="symmetric")
    if channels == 1:
        once = estimate(y, None, sigma, patch, distance)
    else:
        planes = _mixed(y, OPPONENTS)
        planes = np.dstack([estimate(planes[:, :, c : c + 1], None, sigma, patch, distance) for c in range(3)])
        once = _mixed(planes, OPPONENTS.T)
    return estimate(y, once, sigma, patch, distance)[:height, :width]


def _more(side: int, least: int) -> tuple[int, int]:
    """(0, pixels to add) up to the next multiple of the patch stride that is at least `least`."""
    return 0, -(-max(side, least) // STRIDE) * STRIDE - side


def _mixed(x: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """x (H, W, 3) in other channels, summed term by term: a matrix product would round depending on the position."""
    return np.asarray(sum(x[:, :, c : c + 1] * mix[:, c].astype(np.float32) for c in range(3)))


def estimate(y: np.ndarray, pilot: np.ndarray | None, sigma: float, patch: int, distance: int) -> np.ndarray:
    """x_hat (H, W, C) float32 of y (H, W, C) with white noise sigma; sides of at least patch + distance pixels.

    Each reference patch and the patches most similar to it, at most `distance` away (7 or more), have mean m and
    covariance S. Each is estimated as m + S (S + sigma^2)^-1 (y - m), and overlapping estimates are averaged.
    Similarity and S come from `pilot`, an estimate of x (paper: eq. 10 and 11); without one from y, whose covariance
    is S + sigma^2 (eq. 8 and 9).
    """
    height, width, channels = y.shape
    y = y.astype(np.float32)
    guide = y if pilot is None else pilot.astype(np.float32)
    rows, columns = (_references(side - patch) for side in (height, width))
    within = (np.arange(patch)[:, None] * width + np.arange(patch)).ravel()  # from a corner to the pixels of the patch
    flat_y, flat_guide = y.reshape(-1, channels), guide.reshape(-1, channels)
    total = np.zeros((channels, height * width))
    count = np.zeros(height * width)
    for first in range(0, len(rows), BAND):
        corners = _alike(guide, rows[first : first + BAND], columns, patch, distance)
        pixels = corners[:, :, None] + within  # (references, SIMILAR, patch^2)
        seen = flat_guide[pixels].reshape(*corners.shape, -1)
        given = seen if pilot is None else flat_y[pixels].reshape(*corners.shape, -1)
        mean = seen.mean(1, keepdims=True)
        spread = np.einsum("nki,nkj->nij", seen - mean, seen - mean, optimize=True) / np.float32(SIMILAR - 1)
        if pilot is None:  # directions in which the variance of y is explained by noise alone are removed
            values, vectors = np.linalg.eigh(spread)
            shares = np.where(values > NOISE * sigma**2, 1 - sigma**2 / np.maximum(values, sigma**2), 0)
            gain = (vectors * shares[:, None].astype(np.float32)) @ vectors.transpose(0, 2, 1)
        else:  # the transpose of S (S + sigma^2)^-1, because both are symmetric
            gain = np.linalg.solve(spread + np.float32(sigma**2) * np.eye(spread.shape[1], dtype=np.float32), spread)
        # Multiples of 2^-30 are summed without rounding, so that the order and the tile do not matter.
        x_hat = np.rint((mean + (given - mean) @ gain).reshape(-1, channels).astype(np.float64) * 2**30)
        spots = pixels.ravel()
        count += np.bincount(spots, minlength=height * width)
        for channel in range(channels):
            total[channel] += np.bincount(spots, x_hat[:, channel], height * width)
    return (total / count / 2**30).T.reshape(y.shape).astype(np.float32)


def _references(last: int) -> np.ndarray:
    """Positions of reference patches along an axis: multiples of STRIDE, and the last position."""
    return np.unique(np.append(np.arange(0, last + 1, STRIDE), last))


def _alike(guide: np.ndarray, rows: np.ndarray, columns: np.ndarray, patch: int, distance: int) -> np.ndarray:
    """(references, SIMILAR) positions in the flattened picture of the patches most similar to each reference patch."""
    width = guide.shape[1]
    low, high = int(rows[0]), int(rows[-1]) + patch
    padded = np.pad(
        guide, ((distance, distance), (distance, distance), (0, 0)), constant_values=1e3
    )  # similar to nothing
    here = guide[low:high]
    away = list(product(range(-distance, distance + 1), repeat=2))
    unlike = np.empty((len(away), len(rows), len(columns)), np.float32)
    for index, (down, right) in enumerate(away):
        there = padded[low + distance + down : high + distance + down, distance + right : distance + right + width]
        squares = ((here - there) ** 2).sum(2)
        # Sums over the patch are computed term by term: running sums would round differently in each tile.
        tall = sum(squares[rows - low + step] for step in range(patch))
        unlike[index] = sum(tall[:, columns + step] for step in range(patch))
    best = np.argpartition(unlike.reshape(len(away), -1).T, SIMILAR, axis=1)[:, :SIMILAR]
    offsets = np.array([down * width + right for down, right in away])
    return (rows[:, None] * width + columns).reshape(-1, 1) + offsets[best]
