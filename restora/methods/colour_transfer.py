"""Colour transfer: the mean and the standard deviation of each colour axis become those of a reference picture.

    x_hat = mean(r) + std(r) / std(y) (y - mean(y))

on each axis of CIELAB, where the axes of natural pictures are nearly independent (the paper uses a similar space).

E. Reinhard, M. Ashikhmin, B. Gooch, P. Shirley, "Color transfer between images", IEEE Computer Graphics and
Applications 21(5), 2001.
"""

from typing import Protocol

import cv2
import numpy as np

FLAT = 1e-3
"""Least standard deviation: a flat picture only gets the mean."""
ROWS = 256
"""Rows of the reference that are read at once."""


class Reference(Protocol):
    """A picture of any size (H, W, C) that is read by rectangles, float32, 0..1."""

    shape: tuple[int, int, int]

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The pixels of a rectangle."""


def colour_transfer(y: np.ndarray, reference: Reference) -> np.ndarray:
    """y (H, W, C) float32, 0..1, with the colours of the reference; a grey y gets its lightness only."""
    mean, spread = _spread_of(reference)
    y_lab = _lab(y)
    own_spread = np.maximum(y_lab.std((0, 1), dtype=np.float64), FLAT)
    moved = mean + spread / own_spread * (y_lab - y_lab.mean((0, 1), dtype=np.float64))
    if y.shape[2] == 1:
        moved[:, :, 1:] = 0
    x_hat = cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB).clip(0, 1)
    return x_hat[:, :, : y.shape[2]]


def _lab(y: np.ndarray) -> np.ndarray:
    """y (H, W, 1 or 3) in CIELAB."""
    colours = np.broadcast_to(y, (*y.shape[:2], 3))
    return cv2.cvtColor(np.ascontiguousarray(colours, np.float32), cv2.COLOR_RGB2LAB)


def _spread_of(reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation (3,) of each axis of CIELAB."""
    height, width, channels = reference.shape
    sums = np.zeros((2, 3))
    for top in range(0, height, ROWS):
        band = reference.window(top, 0, min(ROWS, height - top), width)[:, :, : min(3, channels)]
        lab = _lab(band).astype(np.float64)
        sums += lab.sum((0, 1)), np.square(lab).sum((0, 1))
    mean, square = sums / (height * width)
    return mean, np.sqrt(np.maximum(square - mean**2, 0))
