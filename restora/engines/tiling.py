"""Exact tiling: a picture restored piece by piece equals the picture restored whole.

Each piece is read with a margin (the halo: how far a changed pixel reaches) and only its core is kept. The picture
itself is never padded with zeros: a piece that touches a true border ends there, so that the net's own padding meets
the border as it would in the whole picture; everywhere else the halo swallows it. Pieces start at multiples of the
net's stride, so that its grids fall in the same places.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from restora.core.resample import along

Read = Callable[[int, int, int, int], np.ndarray]
"""(top, left, height, width) -> (height, width, C) float32, a rectangle inside the picture."""

Run = Callable[[np.ndarray], np.ndarray]
"""(H, W, C) float32 -> (H, W, C) float32, H and W multiples of the method's."""


UNIT = 256
"""Pixels: sides of cores are multiples of it, as large pictures are written in squares of this size."""


@dataclass(frozen=True)
class Piece:
    """A core to be filled, and the rectangle around it to be read; all in pixels, ends exclusive."""

    top: int
    left: int
    bottom: int
    right: int
    read_top: int
    read_left: int
    read_bottom: int
    read_right: int


def cores(height: int, width: int, tile: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles (top, left, height, width) that cover a picture row by row; `tile` is their (height, width)."""
    for top in range(0, height, tile[0]):
        for left in range(0, width, tile[1]):
            yield top, left, min(tile[0], height - top), min(tile[1], width - left)


def around(core: tuple[int, int, int, int], size: tuple[int, int], halo: int, multiple: int) -> Piece:
    """The piece whose core is the rectangle (top, left, height, width) of a picture of a (height, width)."""
    top, left, bottom, right = core[0], core[1], core[0] + core[2], core[1] + core[3]
    margin = _up(halo, multiple)
    return Piece(
        *(top, left, bottom, right),
        read_top=max(0, (top - margin) // multiple * multiple),
        read_left=max(0, (left - margin) // multiple * multiple),
        read_bottom=min(size[0], _up(bottom + margin, multiple)),
        read_right=min(size[1], _up(right + margin, multiple)),
    )


def restore_piece(piece: Piece, read: Read, run: Run, multiple: int, scale: int = 1) -> np.ndarray:
    """The restored core of a piece, (scale h, scale w, C)."""
    height, width = piece.read_bottom - piece.read_top, piece.read_right - piece.read_left
    y = read(piece.read_top, piece.read_left, height, width)
    x_hat = run(continued(y, multiple))
    rows = slice(scale * (piece.top - piece.read_top), scale * (piece.bottom - piece.read_top))
    columns = slice(scale * (piece.left - piece.read_left), scale * (piece.right - piece.read_left))
    return x_hat[rows, columns]


def continued(y: np.ndarray, multiple: int) -> np.ndarray:
    """y (H, W, C) continued at the bottom and right, mirrored, to multiples; y itself where nothing is missing."""
    down, right = -y.shape[0] % multiple, -y.shape[1] % multiple
    if not down and not right:
        return y
    return np.pad(y, ((0, down), (0, right), (0, 0)), mode="symmetric")


def smaller(rectangle: tuple[int, int, int, int], scale: int) -> tuple[int, int, int, int]:
    """The least rectangle (top, left, height, width) that, made `scale` times larger, covers the given one."""
    top, left, height, width = rectangle
    ends = -(-(top + height) // scale), -(-(left + width) // scale)
    return top // scale, left // scale, ends[0] - top // scale, ends[1] - left // scale


def resampled(rectangle: tuple[int, int, int, int], down: csr_array, across: csr_array, read: Read) -> np.ndarray:
    """A rectangle of the picture that two matrices, of its rows and its columns, make; (height, width, C) float32.

    Only what the matrices ask for is read, so that the result is what it is in the whole picture.
    """
    top, left, height, width = rectangle
    rows, columns = down[top : top + height], across[left : left + width]
    high, wide = (slice(int(part.indices.min()), int(part.indices.max()) + 1) for part in (rows, columns))
    y = read(high.start, wide.start, high.stop - high.start, wide.stop - wide.start)
    return along(columns[:, wide], along(rows[:, high], y, 0), 1).astype(np.float32)


def tile_for(size: tuple[int, int], demand: Callable[[int, int], int], allowed: int) -> tuple[int, int] | None:
    """The (height, width) of the cores, multiples of UNIT, that asks least for a whole picture of a (height, width).

    `demand` gives the bytes of memory that a core of a height and width needs, with all that is read around it; it
    grows with both. None if not even a core of UNIT squared is within `allowed` bytes.
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
