"""The quantiser of JPEG: steps to whose multiples an encoder rounds the DCT coefficients of an 8x8 block.

The tables are those of the standard, ITU-T T.81, annex K. They are scaled by quality as in the encoder of the
Independent JPEG Group and most others.
"""

import numpy as np

# Table K.1, luminance, and K.2, chrominance; both are for quality 50.
_LUMA = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip
_CHROMA = np.full((8, 8), 99)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def steps(quality: float, chroma: bool = False) -> np.ndarray:
    """The (8, 8) steps at a quality of 1 to 100, for an orthonormal DCT of values on 0..255; integers as floats."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor(((_CHROMA if chroma else _LUMA) * factor + 50) / 100), 1, 255)
