"""Grain: noise for filled pixels, like that of the picture around the hole, so that a smooth fill is not conspicuous.

The level of each channel is that of the sign noise_level, measured on patches without missing pixels; the correlation
between channels is that of the flattest of these patches. Neighbouring pixels are independent: coarse grain, as in JPEG
or enlarged pictures, is not reproduced, and its level is measured too low.
"""

import numpy as np

from restora.signs.noise_level import MOST, channel_sigma, energy, patches_of
from restora.stages.stage import Size, Window

AROUND = 96
"""Distance in pixels from the window of a hole within which noise is measured. With 24 or 48 there are too few flat
patches: on eight textured photographs with noise of 7.6 of 255, six had none in a channel, with 96 they had 5 to 8."""
GRID = 64
"""Of the windows in which noise is measured, so that small holes near each other share one; in pixels."""
LEAST = 1.0 / 255
"""Level below which no grain is added; rounding to 8 bits is 0.3/255."""
FLATTEST = 0.1
"""Share of the patches that give the correlation between channels."""


def surroundings(box: Window, size: Size) -> Window:
    """The window of a picture of a (height, width) in which the noise for a hole with this window is measured."""
    start = [max(0, edge // GRID * GRID - AROUND) for edge in box[:2]]
    end = [
        min(side, -(-(edge + length) // GRID) * GRID + AROUND)
        for side, edge, length in zip(size, box[:2], box[2:], strict=True)
    ]
    return start[0], start[1], end[0] - start[0], end[1] - start[1]


def noise_around(y: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The noise of the known pixels of y (H, W, C): sigma of each channel (C,), and the correlation of channels (C, C).

    hole: (H, W) bool, True = missing. Sigma is 0 where it is below LEAST or cannot be measured.
    """
    known = patches_of(~hole, MOST).all((1, 2))
    patches = np.stack([patches_of(y[:, :, channel], MOST)[known] for channel in range(y.shape[2])])
    sigmas = np.array([channel_sigma(each) if len(each) else 0.0 for each in patches])
    sigmas[sigmas < LEAST] = 0
    alike = np.eye(len(patches))
    if sigmas.all():
        energies = np.sum([energy(each) for each in patches], 0)
        flat = patches[:, np.argsort(energies, kind="stable")[: max(1, int(FLATTEST * len(energies)))]]
        rest = flat - flat.mean((2, 3), keepdims=True)
        alike = np.atleast_2d(np.corrcoef(rest.reshape(len(rest), -1)))
    return sigmas, np.nan_to_num(alike)


def grain(shape: tuple[int, int, int], noise: tuple[np.ndarray, np.ndarray], seed: tuple[int, ...]) -> np.ndarray:
    """Noise (H, W, C) with these sigmas and correlations of channels; the same seed gives the same values."""
    sigmas, alike = noise
    values, vectors = np.linalg.eigh(alike)
    mixing = (vectors * np.sqrt(values.clip(0))) @ vectors.T * sigmas
    white = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return np.asarray(white @ mixing.astype(np.float32))
