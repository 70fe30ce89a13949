"""Navier-Stokes inpainting: lines of equal brightness are carried on into the hole, as a fluid would carry them.

M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001.
"""

import cv2
import numpy as np

from restora.nets.holes import fill_each

THIN = 3
"""Rows or columns below which a window is continued at its edges."""


def navier_stokes(y: np.ndarray, m: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C) filled where m (H, W) is False, from the rim inwards, by what is known within `radius` pixels."""

    def fill(window: np.ndarray, hole: np.ndarray) -> np.ndarray:
        height, width = hole.shape
        edge = THIN if min(height, width) < THIN else 0  # OpenCV reads beyond what has one row or column
        planes = [np.pad(plane, edge, mode="edge") for plane in np.moveaxis(window, 2, 0)]
        mask = np.pad(hole, edge, mode="edge").astype(np.uint8)
        filled = np.dstack([cv2.inpaint(plane, mask, radius, cv2.INPAINT_NS) for plane in planes])
        return filled[edge : edge + height, edge : edge + width]

    return fill_each(y, m, radius + 2, fill)
