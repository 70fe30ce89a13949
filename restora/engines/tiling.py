"""Exact tiling: a picture restored piece by piece equals the picture restored whole.

Each piece is read with a margin (the halo: how far a changed pixel reaches) and only its core is kept. The picture
itself is never padded with zeros: a piece at the picture's border ends there, so the net's own padding applies as in
the whole picture; everywhere else the halo absorbs it. Pieces start at multiples of the net's stride, so that its
grids are aligned.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Read = Callable[[int, int, int, int], np.ndarray]
"""(top, left, height, width) -> (height, width, C) float32, a rectangle inside the picture."""

UNIT = 256
"""Pixels: sides of cores are multiples of it, because large pictures are written in squares of this size."""


@dataclass(frozen=True)
class Piece:
    """A core to compute, and the rectangle around it to read; each (top, left, height, width) in pixels."""

    core: tuple[int, int, int, int]
    read: tuple[int, int, int, int]


def cores(height: int, width: int, tile: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles (top, left, height, width) that cover a picture row by row; `tile` is their (height, width)."""
    for top in range(0, height, tile[0]):
        for left in range(0, width, tile[1]):
            yield top, left, min(tile[0], height - top), min(tile[1], width - left)


def around(core: tuple[int, int, int, int], size: tuple[int, int], halo: int, multiple: int) -> Piece:
    """The piece whose core is the rectangle (top, left, height, width) of a picture of a (height, width)."""
    margin = _up(halo, multiple)
    top, left = (max(0, (start - margin) // multiple * multiple) for start in core[:2])
    bottom, right = (
        min(side, _up(start + length + margin, multiple))
        for start, length, side in zip(core[:2], core[2:], size, strict=True)
    )
    return Piece(core, (top, left, bottom - top, right - left))


def restore_piece(
    piece: Piece, read: Read, run: Callable[[np.ndarray], np.ndarray], multiple: int, scale: int = 1
) -> np.ndarray:
    """The restored core of a piece, (scale h, scale w, C)."""
    x_hat = run(continued(read(*piece.read), multiple))
    top, left = scale * (piece.core[0] - piece.read[0]), scale * (piece.core[1] - piece.read[1])
    return x_hat[top : top + scale * piece.core[2], left : left + scale * piece.core[3]]


def continued(y: np.ndarray, multiple: int) -> np.ndarray:
    """y (H, W, C) padded to multiples at the bottom and right by mirroring; y itself if it needs no padding."""
    down, right = -y.shape[0] % multiple, -y.shape[1] % multiple
    if not down and not right:
        return y
    return np.pad(y, ((0, down), (0, right), (0, 0)), mode="symmetric")


def smaller(rectangle: tuple[int, int, int, int], scale: int) -> tuple[int, int, int, int]:
    """The smallest rectangle (top, left, height, width) that, enlarged `scale` times, covers the given one."""
    top, left, height, width = rectangle
    ends = -(-(top + height) // scale), -(-(left + width) // scale)
    return top // scale, left // scale, ends[0] - top // scale, ends[1] - left // scale


def tile_for(size: tuple[int, int], demand: Callable[[int, int], int], allowed: int) -> tuple[int, int] | None:
    """The (height, width) of cores, multiples of UNIT, with the least total demand for a picture of a (height, width).

    `demand` returns the bytes of memory for a core of a height and width, including what is read around it; it grows
    with both. None if not even a core of UNIT squared is within `allowed` bytes.
    """
    best: tuple[int, tuple[int, int]] | None = None
    high, wide = (-(-side // UNIT) for side in size)
    for rows in range(1, min(high, 16) + 1):
        height = rows * UNIT

        def needed(columns: int, height: int = height) -> int:
            return demand(height, columns * UNIT)

        width = UNIT * bisect_right(range(1, wide + 1), allowed, key=needed)  # as many columns as fit
        if not width:
            break
        heights, widths = Counter(_lengths(size[0], height)), Counter(_lengths(size[1], width))
        asked = sum(m * n * demand(h, w) for h, m in heights.items() for w, n in widths.items())
        if best is None or asked < best[0]:
            best = asked, (height, width)
    return best[1] if best else None


def _lengths(side: int, most: int) -> list[int]:
    return [min(most, side - start) for start in range(0, side, most)]


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
