"""Diagnose: look for every sign of damage in crops of a picture, so that the time does not depend on its size."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.image import Image
from restora.signs.table import SIGNS, findings

CROP = 256
CROPS = 9
VIEW = CROPS * CROP**2
"""Pixels of the overview of a large picture."""
MOST = 40_000_000
"""Pixels of a picture up to which all of it is read for the overview."""
STRIP = 32
"""Rows of the overview that are made at once."""
PIECE, PIECES = 64, 24


class Pixels(Protocol):
    """A picture in memory or in a file."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Pixels of a rectangle, float32, 0..1."""


@dataclass(frozen=True)
class Several:
    """Pictures of one size that are diagnosed together, such as frames of a clip; as a picture it is `middle`.

    pictures: gives them one after the other, so that they are not in memory at once. around: gives so many frames
    before and after the middle one, in the order of time; None for pictures that are not frames of a clip.
    """

    middle: Image
    pictures: Callable[[], Iterator[Image]]
    around: "Callable[[int], Sequence[Pixels]] | None" = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.middle.shape

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Pixels of a rectangle of the middle picture."""
        return self.middle.window(top, left, height, width)


def diagnose(picture: Pixels, tell: Callable[[str], None] | None = None) -> Diagnosis:
    """What is wrong with a picture, from up to nine crops of 256x256 spread over it, and from all of it, shrunk.

    tell: called with what is done next, in words. Several pictures are diagnosed one by one: what most of them have is
    present, at the median level.
    """
    if isinstance(picture, Several):
        return merged([diagnose(each) for each in picture.pictures()])
    crops = [picture.window(*rectangle) for rectangle in spread(*picture.shape[:2])]
    found = findings(crops, overview_of(picture) if len(crops) > 1 else None, tell)
    if len(crops) > 1 and any(found[name].present for name, sign in SIGNS.items() if sign.everywhere):
        # A dark or a white thing may lie between the crops.
        pieces = [picture.window(*rectangle) for rectangle in scattered(*picture.shape[:2])]
        found |= {name: sign.find(pieces) for name, sign in SIGNS.items() if sign.everywhere}
    return Diagnosis(found)


def merged(diagnoses: Sequence[Diagnosis]) -> Diagnosis:
    """One diagnosis of several frames: each finding is that of the median frame among the majority."""
    found: dict[str, Finding] = {}
    for name in diagnoses[0].findings:
        findings = [diagnosis.findings[name] for diagnosis in diagnoses]
        having = [finding for finding in findings if finding.present]
        most = having if 2 * len(having) > len(findings) else [each for each in findings if not each.present]
        median = sorted(most, key=lambda finding: float(np.mean(finding.value)))[(len(most) - 1) // 2]
        told = f"{median.says} (in {len(having)} of {len(findings)} frames)" if having else median.says
        found[name] = replace(median, says=told)
    if any(found[name].present for name, sign in SIGNS.items() if sign.noise and name in found):
        found |= {name: _unsure(found[name]) for name, sign in SIGNS.items() if sign.quiet and name in found}
    return Diagnosis(found)


def _unsure(finding: Finding) -> Finding:
    """A finding that is not claimed in noisy frames: they share what looks like it."""
    if not finding.present:
        return finding
    says = f"{SIGNS[finding.sign].called} cannot be told from highlights beneath noise"
    return replace(finding, present=False, confidence=0.0, plain="", says=says)


def scattered(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Up to 24x24 rectangles (top, left, height, width) of 64x64 pixels, evenly spread up to the borders."""
    tall, wide = min(PIECE, height), min(PIECE, width)
    rows, columns = (min(PIECES, max(1, side // PIECE)) for side in (height, width))
    tops, lefts = np.linspace(0, height - tall, rows).astype(int), np.linspace(0, width - wide, columns).astype(int)
    return [(int(top), int(left), tall, wide) for top in tops for left in lefts]


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
