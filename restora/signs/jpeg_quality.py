"""JPEG quality: after JPEG, the DCT coefficients of the 8x8 blocks of luma lie near multiples of the quantiser's steps.

For each quality the standard luma table gives the steps; the lowest quality whose multiples the coefficients keep to
is the one they were quantised with (a finer table's multiples contain those of no coarser one).
After Z. Fan, R. de Queiroz, "Identification of bitmap compression history", IEEE TIP 2003.
"""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.core.image import to_grey

_DCT = np.cos(np.pi / 16 * np.arange(8)[:, None] * (2 * np.arange(8) + 1)) / 2
"""The cosines of JPEG, as an orthonormal matrix; scipy.fft has them too, and takes a fifth of a second to import."""
_DCT[0] /= np.sqrt(2)

# ITU-T T.81, table K.1: luminance quantisation at quality 50.
_TABLE = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip
FREQUENCIES = 4
"""Of which something must be seen: an even gradient has one or two, the same in all blocks."""
GOOD = 85
"""From this quality on the blocks are not seen."""


def steps(quality: int) -> np.ndarray:
    """The (8, 8) quantiser steps of the Independent JPEG Group's encoder at a quality of 1 to 100."""
    factor = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((_TABLE * factor + 50) / 100), 1, 255)


def jpeg_quality(crops: Sequence[np.ndarray]) -> Finding:
    """The JPEG quality of crops (h, w, C) whose top left corners lie on the picture's 8x8 grid; 100 if none is seen."""
    coefficients = np.concatenate([_blocks(to_grey(crop) * 255) for crop in crops])
    quality, fit = 100, 1.0
    for candidate in range(5, 96):
        if _misfit(coefficients, steps(candidate)) < 0.45:
            # Neighbouring qualities share most steps: the best fit among the next few is the one.
            fit, quality = min((_misfit(coefficients, steps(q)), q) for q in range(candidate, candidate + 4))
            break
    present = quality < GOOD
    says = f"JPEG blocks of quality about {quality}" if quality < 100 else "no JPEG grid"
    return Finding("jpeg_quality", quality, "1 to 100", round(1 - fit if quality < 100 else 1.0, 3), present, says)


def _misfit(coefficients: np.ndarray, step: np.ndarray) -> float:
    """Mean distance to the nearest multiple of the step, 1 = as random; of coefficients that are not near zero."""
    ratio = coefficients / step
    telling = (np.abs(ratio) > 0.5) & (step >= 3)
    telling[:, 0, 0] = False
    if telling.sum() < 50 or telling.any(0).sum() < FREQUENCIES:
        return 1.0
    return float(np.abs(ratio - np.rint(ratio))[telling].mean() / 0.25)


def _blocks(grey: np.ndarray) -> np.ndarray:
    """(h, w, 1) on 0..255 as DCT coefficients (N, 8, 8)."""
    height, width = grey.shape[0] // 8, grey.shape[1] // 8
    blocks = grey[: height * 8, : width * 8, 0].reshape(height, 8, width, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    return _DCT @ (blocks - 128.0) @ _DCT.T
