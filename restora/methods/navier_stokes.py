"""Navier-Stokes inpainting: lines of equal brightness are carried on into the hole, as a fluid would carry them.

M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001.
"""

import cv2
import numpy as np

from restora.nets.holes import fill_each


def navier_stokes(y: np.ndarray, m: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C) filled where m (H, W) is False, from the rim inwards, by what is known within `radius` pixels."""

    def fill(window: np.ndarray, hole: np.ndarray) -> np.ndarray:
        planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(window, 2, 0)]
        return np.dstack([cv2.inpaint(plane, hole.astype(np.uint8), radius, cv2.INPAINT_NS) for plane in planes])

    return fill_each(y, m, radius + 2, fill)
