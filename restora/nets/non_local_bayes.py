"""Non-local Bayes (Lebrun et al., 2013), the step that several methods share."""

from itertools import product

import numpy as np

STRIDE = 3
"""Pixels from one reference patch to the next, down and across."""
SIMILAR = 60
"""Patches in a group."""
NOISE = 2.0
"""Times sigma^2 up to which the variance of y in a direction is taken for noise: of so few patches, that of noise alone
comes out up to 2.7 times too high (Marchenko and Pastur, 1967), on the mean once; 2 did best."""
BAND = 8
"""Rows of reference patches worked on at a time, which bounds memory."""
OPPONENTS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Brightness and two differences of colour from red, green, blue; orthogonal, so that white noise stays white."""


def non_local_bayes(y: np.ndarray, sigma: float, patch: int = 5, distance: int = 10) -> np.ndarray:
    """y (H, W, 1 or 3) of any size, float32 out: like patches are draws of one Gaussian, under which each is estimated.

    Patches of `patch` pixels a side are compared up to `distance` pixels away, for noise sigma. The first of two passes
    takes the channels of a colour picture in three mixtures, as good as independent; the second takes all together.
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
    """(0, pixels to add) up to a multiple of the stride of patches that is `least` or more."""
    return 0, -(-max(side, least) // STRIDE) * STRIDE - side


def _mixed(x: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """x (H, W, 3) with other channels; term by term, as a product of matrices rounds by where in a picture it is."""
    return np.asarray(sum(x[:, :, c : c + 1] * mix[:, c].astype(np.float32) for c in range(3)))


def estimate(y: np.ndarray, pilot: np.ndarray | None, sigma: float, patch: int, distance: int) -> np.ndarray:
    """x_hat (H, W, C) float32 of y (H, W, C) with white noise sigma; sides of patch + distance pixels or more.

    Each reference patch and those most like it, at most `distance` away (7 or more), have a mean m and a covariance S;
    each is estimated as m + S (S + sigma^2)^-1 (y - m), and where patches overlap, estimates are averaged. Likeness
    and S are taken from `pilot`, an estimate of x (paper: eq. 10 and 11); without one from y, whose covariance is
    S + sigma^2 (eq. 8 and 9).
    """
    height, width, channels = y.shape
    y = y.astype(np.float32)
    guide = y if pilot is None else pilot.astype(np.float32)
    rows, columns = (_references(side - patch) for side in (height, width))
    within = (np.arange(patch)[:, None] * width + np.arange(patch)).ravel()  # from a corner to the patch's pixels
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
        if pilot is None:  # of the directions in which y varies, those that the noise alone explains are cut
            values, vectors = np.linalg.eigh(spread)
            shares = np.where(values > NOISE * sigma**2, 1 - sigma**2 / np.maximum(values, sigma**2), 0)
            gain = (vectors * shares[:, None].astype(np.float32)) @ vectors.transpose(0, 2, 1)
        else:  # the transpose of S (S + sigma^2)^-1, as both are symmetric
            gain = np.linalg.solve(spread + np.float32(sigma**2) * np.eye(spread.shape[1], dtype=np.float32), spread)
        # Multiples of 2^-30 are summed without rounding, so that in which order, or in which piece, does not matter.
        x_hat = np.rint((mean + (given - mean) @ gain).reshape(-1, channels).astype(np.float64) * 2**30)
        spots = pixels.ravel()
        count += np.bincount(spots, minlength=height * width)
        for channel in range(channels):
            total[channel] += np.bincount(spots, x_hat[:, channel], height * width)
    return (total / count / 2**30).T.reshape(y.shape).astype(np.float32)


def _references(last: int) -> np.ndarray:
    """Where reference patches begin along an axis: at multiples of STRIDE, and at the last place there is."""
    return np.unique(np.append(np.arange(0, last + 1, STRIDE), last))


def _alike(guide: np.ndarray, rows: np.ndarray, columns: np.ndarray, patch: int, distance: int) -> np.ndarray:
    """(references, SIMILAR) places in the flattened picture of the patches most like each reference patch."""
    width = guide.shape[1]
    low, high = int(rows[0]), int(rows[-1]) + patch
    padded = np.pad(guide, ((distance, distance), (distance, distance), (0, 0)), constant_values=1e3)  # like nothing
    here = guide[low:high]
    away = list(product(range(-distance, distance + 1), repeat=2))
    unlike = np.empty((len(away), len(rows), len(columns)), np.float32)
    for index, (down, right) in enumerate(away):
        there = padded[low + distance + down : high + distance + down, distance + right : distance + right + width]
        squares = ((here - there) ** 2).sum(2)
        # Sums over the patch taken term by term: running sums would round otherwise in each piece of a picture.
        tall = sum(squares[rows - low + step] for step in range(patch))
        unlike[index] = sum(tall[:, columns + step] for step in range(patch))
    best = np.argpartition(unlike.reshape(len(away), -1).T, SIMILAR, axis=1)[:, :SIMILAR]
    offsets = np.array([down * width + right for down, right in away])
    return (rows[:, None] * width + columns).reshape(-1, 1) + offsets[best]
