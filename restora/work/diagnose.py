"""Diagnose: look for every sign of damage in crops of a picture, so that the time does not depend on its size."""

import math
from typing import Protocol

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.signs.table import findings

CROP = 256
CROPS = 9
VIEW = CROPS * CROP**2
"""Pixels of the overview of a large picture."""
MOST = 40_000_000
"""Pixels of a picture up to which all of it is read for the overview."""
STRIP = 32
"""Rows of the overview that are made at once."""


class Pixels(Protocol):
    """A picture in memory or in a file."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Pixels of a rectangle, float32, 0..1."""


def diagnose(picture: Pixels) -> Diagnosis:
    """What is wrong with a picture, from up to nine crops of 256x256 spread over it, and from all of it, shrunk."""
    crops = [picture.window(*rectangle) for rectangle in spread(*picture.shape[:2])]
    return Diagnosis(findings(crops, overview_of(picture) if len(crops) > 1 else None))


def overview_of(picture: Pixels) -> np.ndarray | None:
    """The whole picture (h, w, C), shrunk by averaging to about VIEW pixels; None for one of more than MOST."""
    height, width = picture.shape[:2]
    if height * width > MOST:
        return None
    shrink = math.ceil(math.sqrt(height * width / VIEW))
    tall, wide = height // shrink, width // shrink
    if min(tall, wide) < 1:
        return None
    rows = []
    for top in range(0, tall, STRIP):
        high = min(STRIP, tall - top)
        part = picture.window(shrink * top, 0, shrink * high, shrink * wide)
        rows.append(part.reshape(high, shrink, wide, shrink, -1).mean((1, 3), dtype=np.float32))
    return np.concatenate(rows)


def spread(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Up to nine rectangles (top, left, height, width) at multiples of 8, evenly spread; a small picture is one."""
    if height * width <= CROPS * CROP**2:
        return [(0, 0, height, width)]
    tall, wide = min(CROP, height), min(CROP, width)
    rows = max(1, min(3, height // tall))
    columns = max(1, min(CROPS // rows, width // wide))
    tops = np.linspace(0, height - tall, rows).astype(int) // 8 * 8
    lefts = np.linspace(0, width - wide, columns).astype(int) // 8 * 8
    return [(int(top), int(left), tall, wide) for top in tops for left in lefts]
