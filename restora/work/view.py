"""The input of the diagnosis: only visible pixels, and only the existing part of a truncated file."""

from dataclasses import dataclass

import numpy as np

from restora.core.image import Image
from restora.engines.hidden import without_hidden
from restora.engines.tiling import Read
from restora.files.picture import Picture
from restora.work.diagnose import Pixels

_GRID = 8
"""Pixels: a part starts at a multiple of it, so that JPEG blocks are aligned as in the whole."""


@dataclass(frozen=True)
class View:
    """A part of a picture, as a picture; shape is (H, W, C)."""

    read: Read
    top: int
    left: int
    shape: tuple[int, int, int]

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Pixels of a rectangle inside the part, float32, 0..1."""
        return self.read(self.top + top, self.left + left, height, width)


def view_of(pixels: Pixels) -> Pixels:
    """The pixels that the diagnosis of a picture uses.

    For a truncated file they are the existing part. Colour under full transparency is black, except a rim of two
    pixels: smooth colours would lower the noise level to zero, while black is ignored as clipped.
    """
    read: Read = pixels.window
    top, left, (height, width, channels) = 0, 0, pixels.shape
    if isinstance(pixels, Picture | Image) and pixels.has_alpha:
        read = without_hidden(read, pixels.alpha_window, (height, width), reach=2, beyond=0)
    if isinstance(pixels, Picture) and pixels.intact:
        top, left, height, width = pixels.intact
        down, right = min(-top % _GRID, height - 1), min(-left % _GRID, width - 1)
        top, left, height, width = top + down, left + right, height - down, width - right
    whole = read == pixels.window and (height, width) == pixels.shape[:2]
    return pixels if whole else View(read, top, left, (height, width, channels))
