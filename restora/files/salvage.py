"""The part of a truncated picture file that is present."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips

from restora.files.decode import decode

KINDS = ("jpg", "png")
"""Formats of which libvips decodes the part that is present."""
_STRIP = 8
"""Rows decoded at a time; the number of rows found is a multiple of it."""
_GREY = 128
"""The value that the JPEG decoder writes for missing data, in every channel."""


@dataclass(frozen=True)
class Salvage:
    """How many rows of a file are present, from its first, and whether only with a part of their detail."""

    rows: int
    coarse: bool = False

    def note(self, height: int) -> str:
        """A sentence for the user; `height` is the number of rows that the file should have."""
        if self.coarse:
            return f"the file is truncated: {self.rows} of its {height} rows are present, with reduced detail"
        return f"the file is truncated: {self.rows} of its {height} rows are present, the others are grey or black"


def salvage_of(file: Path) -> Salvage | None:
    """The part of a JPEG or PNG file that is present; None if it is complete."""
    rows, height = _rows_before_an_error(file)
    if rows == height:
        return None
    image = decode(file, fail_on="none")
    if image.get_typeof("jpeg-multiscan") and image.get("jpeg-multiscan"):  # each scan adds detail to all rows
        return Salvage(_rows_with_something(file), coarse=True)
    return Salvage(rows)


def upright_part(rows: int, size: tuple[int, int], orientation: int) -> tuple[int, int, int, int]:
    """The position of the first `rows` rows of a file in the upright picture: (top, left, height, width).

    size: (height, width) of the upright picture. orientation: the number of EXIF, 1 to 8.
    """
    height, width = size
    if orientation in (3, 4):
        return height - rows, 0, rows, width
    if orientation in (5, 8):
        return 0, 0, height, rows
    if orientation in (6, 7):
        return 0, width - rows, height, rows
    return 0, 0, rows, width


def _rows_before_an_error(file: Path) -> tuple[int, int]:
    """The number of rows that decode before the first error, and the number of rows that the file should have."""
    height = top = 0
    try:
        image = decode(file, access="sequential")
        height, region = image.height, pyvips.Region.new(image)
        for top in range(0, height, _STRIP):
            region.fetch(0, top, image.width, min(_STRIP, height - top))
    except pyvips.Error:
        return top, height
    return height, height


def _rows_with_something(file: Path) -> int:
    """The number of rows of a JPEG file above the rows that are all grey."""
    image = decode(file, access="sequential", fail_on="none")
    region, last = pyvips.Region.new(image), 0
    for top in range(0, image.height, _STRIP):
        try:
            strip = region.fetch(0, top, image.width, min(_STRIP, image.height - top))
        except pyvips.Error:  # the head of a scan is truncated or damaged
            break
        if (np.frombuffer(strip, np.uint8) != _GREY).any():
            last = min(image.height, top + _STRIP)
    return last
