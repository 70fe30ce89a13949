"""Navier-Stokes inpainting: lines of equal brightness continue into the hole, as a fluid flows.

M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001.
"""

import cv2
import numpy as np

THIN = 3
"""Number of rows or columns below which a picture is padded."""


def navier_stokes(y: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C) filled where mask (H, W) is True, from the rim inwards, from known pixels within `radius` pixels."""
    height, width = mask.shape
    edge = THIN if min(height, width) < THIN else 0  # OpenCV reads out of bounds if there is one row or column
    planes = [np.pad(plane, edge, mode="edge") for plane in np.moveaxis(y, 2, 0)]
    hole = np.pad(mask, edge, mode="edge").astype(np.uint8)
    filled = np.dstack([cv2.inpaint(plane, hole, radius, cv2.INPAINT_NS) for plane in planes])
    return filled[edge : edge + height, edge : edge + width]
