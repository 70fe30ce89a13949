"""Spool: a float picture on disk, written and read by windows, as it may not fit the memory."""

import os
import tempfile
import weakref
from pathlib import Path
from typing import NoReturn

import numpy as np

from restora.core.errors import BadImage
from restora.stages.stage import Size, Window


class Spool:
    """A picture (H, W, C) float32 in a file without a name in $TMPDIR; the file disappears with this object.

    Rows are read and written, not memory-mapped: mapped pages would count as resident.
    """

    def __init__(self, size: Size, channels: int) -> None:
        self.size, self.channels = size, channels
        self.line = 4 * channels * size[1]  # bytes of a row
        try:
            self.file, name = tempfile.mkstemp(prefix="restora-spool-")
            Path(name).unlink()
        except OSError as error:
            raise BadImage(
                f"cannot write to {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a folder"
            ) from error
        weakref.finalize(self, os.close, self.file)

    def write(self, window: Window, values: np.ndarray) -> None:
        """Write values (height, width, C) to a window. Raises BadImage if the disk is full."""
        try:
            for values_of_row, start in zip(values, self._starts(window), strict=True):
                row, done = np.ascontiguousarray(values_of_row, np.float32).data.cast("B"), 0
                while done < len(row):
                    done += os.pwrite(self.file, row[done:], start + done)
        except OSError as error:
            raise BadImage(
                f"cannot write {self.line * self.size[0] / 1e6:.0f} MB to {tempfile.gettempdir()}: {error.strerror};"
                " set TMPDIR to a folder with space"
            ) from error

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The values of a window, (height, width, C) float32."""
        values = np.empty((height, width, self.channels), np.float32)
        for values_of_row, start in zip(values, self._starts((top, left, height, width)), strict=True):
            row, done = values_of_row.data.cast("B"), 0
            while done < len(row):
                done += os.preadv(self.file, [row[done:]], start + done) or _cut_off()
        return values

    def _starts(self, window: Window) -> range:
        start = window[0] * self.line + 4 * self.channels * window[1]
        return range(start, start + window[2] * self.line, self.line)


def _cut_off() -> NoReturn:
    raise BadImage("a temporary file of this run was truncated by another program; run it again")
