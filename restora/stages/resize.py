"""Resize: a picture resampled to a given size, one matrix for each axis."""

from collections.abc import Callable
from math import ceil

import numpy as np
from scipy.sparse import csr_array

from restora.core.resample import along
from restora.engines.tiling import Read
from restora.stages.stage import Setup, Size, Stage, Window

HALO = 8
"""Pixels of the result that are counted around a window: roughly, as what is read follows from the matrices."""


class Resize(Stage):
    """Resampling by the matrices that `axis(size, new_size)` gives."""

    def __init__(
        self, name: str, axis: Callable[[int, int], csr_array], before: Size, after: Size, memory: int
    ) -> None:
        self.name, self.before, self.after, self.memory = name, before, after, memory
        self.down, self.across = map(axis, before, after)

    def reads(self, size: Size) -> Size:
        """What the matrices ask for, about."""
        height, width = (
            min(old, ceil((side + 2 * HALO) * old / new))
            for side, old, new in zip(size, self.before, self.after, strict=True)
        )
        return height, width

    def bytes_for(self, size: Size) -> int:
        """Those of the row, for each pixel of the result."""
        height, width = self.reads(size)
        grown = self.after[0] * self.after[1] / (self.before[0] * self.before[1])
        return ceil(self.memory * grown * height * width)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, from what its rows and columns of the matrices ask for."""
        return resampled(window, self.down, self.across, read)


def resampled(window: Window, down: csr_array, across: csr_array, read: Read) -> np.ndarray:
    """A window of the picture that two matrices, of its rows and its columns, make; (height, width, C) float32.

    Only what the matrices ask for is read, so that the result is what it is in the whole picture.
    """
    top, left, height, width = window
    rows, columns = down[top : top + height], across[left : left + width]
    high, wide = (slice(int(part.indices.min()), int(part.indices.max()) + 1) for part in (rows, columns))
    y = read(high.start, wide.start, high.stop - high.start, wide.stop - wide.start)
    return along(columns[:, wide], along(rows[:, high], y, 0), 1).astype(np.float32)


def resize(setup: Setup) -> Stage:
    """The stage of a method that resamples; a side of zero stays as it is."""
    setup.all_or_nothing()
    knobs = setup.knobs
    after = int(knobs["height"] or 0) or setup.size[0], int(knobs["width"] or 0) or setup.size[1]
    return Resize(setup.method.name, setup.method.load(), setup.size, after, setup.method.bytes_a_pixel(knobs))
