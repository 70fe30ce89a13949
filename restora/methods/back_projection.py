"""Iterative back-projection (Irani and Peleg, 1991): x_hat <- x_hat + U (y - D x_hat), until D x_hat = y.

D shrinks the larger picture to the size of the given one, U enlarges the difference, both bicubically. The larger
picture then agrees with the given one, whichever method made it. After bicubic interpolation this sharpens the
picture; a few rounds are enough.

M. Irani, S. Peleg, "Improving resolution by image registration", CVGIP: Graphical Models and Image Processing 1991.
"""

import numpy as np
from scipy.sparse import csr_array

from restora.core.resample import along

REACH = 4
"""Reach of one round in pixels of the small picture: two down, two up."""

Axes = tuple[csr_array, csr_array]
"""The matrices of the rows and of the columns."""


def back_projection(x_hat: np.ndarray, y: np.ndarray, down: Axes, up: Axes, rounds: int) -> np.ndarray:
    """x_hat (h, w, C) corrected so that, when shrunk, it is closer to y (H, W, C); float32."""
    for _ in range(rounds):
        lacking = y - along(down[1], along(down[0], x_hat, 0), 1)
        x_hat = x_hat + along(up[1], along(up[0], lacking, 0), 1)
    return x_hat.astype(np.float32)
