"""Resize: a picture resampled to a given size, one matrix for each axis."""

from collections.abc import Callable
from math import ceil

import numpy as np
from scipy.sparse import csr_array

from restora.core.resample import along
from restora.engines.tiling import Read
from restora.stages.stage import Setup, Size, Stage, Window

HALO = 8
"""Approximate margin of a window in pixels of the result; the exact one follows from the matrices."""


class Resize(Stage):
    """Resampling by the matrices that `axis(size, new_size)` gives."""

    def __init__(
        self, name: str, axis: Callable[[int, int], csr_array], before: Size, after: Size, memory: int
    ) -> None:
        self.name, self.before, self.after, self.memory = name, before, after, memory
        self.down, self.across = map(axis, before, after)

    def reads(self, size: Size) -> Size:
        """Approximately what the matrices read."""
        height, width = (
            min(old, ceil((side + 2 * HALO) * old / new))
            for side, old, new in zip(size, self.before, self.after, strict=True)
        )
        return height, width

    def bytes_for(self, size: Size) -> int:
        """The memory of the row, for each pixel of the result."""
        height, width = self.reads(size)
        grown = self.after[0] * self.after[1] / (self.before[0] * self.before[1])
        return ceil(self.memory * grown * height * width)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, from the pixels that its rows and columns of the matrices use."""
        return resampled(window, self.down, self.across, read)


def resampled(window: Window, down: csr_array, across: csr_array, read: Read) -> np.ndarray:
    """A window of the picture resampled by two matrices, for rows and columns; (height, width, C) float32.

    Exactly the pixels used by the matrices are read, so the result is the same as in the whole picture.
    """
    top, left, height, width = window
    rows, columns = down[top : top + height], across[left : left + width]
    high, wide = (slice(int(part.indices.min()), int(part.indices.max()) + 1) for part in (rows, columns))
    y = read(high.start, wide.start, high.stop - high.start, wide.stop - wide.start)
    return along(columns[:, wide], along(rows[:, high], y, 0), 1).astype(np.float32)


def resize(setup: Setup) -> Stage:
    """The stage of a method that resamples; a side of zero means unchanged."""
    setup.all_or_nothing()
    knobs = setup.knobs
    after = int(knobs["height"] or 0) or setup.size[0], int(knobs["width"] or 0) or setup.size[1]
    return Resize(setup.method.name, setup.method.load(), setup.size, after, setup.method.bytes_a_pixel(knobs))
