"""What diagnosis is shown of a picture: only what can be seen, and only what is there."""

from dataclasses import dataclass

import numpy as np

from restora.core.image import Image
from restora.engines.hidden import without_hidden
from restora.engines.tiling import Read
from restora.files.picture import Picture
from restora.work.diagnose import Pixels

_GRID = 8
"""Pixels: a part begins at a multiple of it, so that blocks of JPEG lie in it as they do in the whole."""


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
    """What may be looked at to find out what is wrong with a picture.

    Of a truncated file it is the part that is there. Colour under full transparency is black, but for a rim of two
    pixels: in smooth colours the noise level would be zero, while black is left out as clipped.
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
