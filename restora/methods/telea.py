"""Telea inpainting: from the rim inwards, each pixel is a weighted mean of the known pixels near it.

The order is that of the fast marching method. The weights prefer pixels along the direction of the front, and each
neighbour is extrapolated by its gradient. OpenCV computes it on whole numbers: filled values have 16 bits over the
range of the known pixels.

A. Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics Tools 2004.
"""

import cv2
import numpy as np

from restora.nets.levels import flat, levels

THIN = 3
"""Number of rows or columns below which a picture is padded."""


def telea(y: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """y (H, W, C) filled where mask (H, W) is True, from the rim inwards, from known pixels within `radius` pixels."""
    if (found := levels(y, mask, 0, 65535)) is None:
        return flat(y, mask)
    whole, back = found
    height, width = mask.shape
    edge = THIN if min(height, width) < THIN else 0  # OpenCV reads out of bounds if there is one row or column
    planes = [np.pad(plane, edge, mode="edge") for plane in np.moveaxis(whole, 2, 0)]
    hole = np.pad(mask, edge, mode="edge").astype(np.uint8)
    filled = np.dstack([cv2.inpaint(plane, hole, radius, cv2.INPAINT_TELEA) for plane in planes])
    return back(filled[edge : edge + height, edge : edge + width])
