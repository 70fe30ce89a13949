"""Colour transfer: the mean and the standard deviation of each colour axis become those of a reference picture.

    x_hat = mean(r) + std(r) / std(y) (y - mean(y))

on each axis of CIELAB, where the axes of natural pictures are nearly independent (the paper uses a similar space).

E. Reinhard, M. Ashikhmin, B. Gooch, P. Shirley, "Color transfer between images", IEEE Computer Graphics and
Applications 21(5), 2001.
"""

import cv2
import numpy as np

from restora.core.image import to_grey

FLAT = 1e-3
"""Least standard deviation: a flat picture only gets the mean."""


def colour_transfer(y: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """y (H, W, C) with the colours of the reference (h, w, c), both float32, 0..1; a grey y gets its tones only."""
    if y.shape[2] != 3:
        return _moved(y, to_grey(reference) if reference.shape[2] == 3 else reference[:, :, :1]).clip(0, 1)
    colourful = np.broadcast_to(reference[:, :, :3], (*reference.shape[:2], 3))
    lab = [cv2.cvtColor(np.ascontiguousarray(side, np.float32), cv2.COLOR_RGB2LAB) for side in (y, colourful)]
    return cv2.cvtColor(_moved(*lab), cv2.COLOR_LAB2RGB).clip(0, 1)


def _moved(y: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """y with the mean and the standard deviation of each channel of the reference."""
    spread = np.maximum(y.std((0, 1)), FLAT)
    return np.asarray(reference.mean((0, 1)) + reference.std((0, 1)) / spread * (y - y.mean((0, 1))), np.float32)
