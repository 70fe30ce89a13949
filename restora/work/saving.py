"""The quality at which the result of a JPEG file is saved: that of the file, and some more."""

from pathlib import Path

import numpy as np

from restora.damage.quantiser import steps
from restora.files.extras import jpeg_steps


def quality_of(path: Path) -> int | None:
    """The quality of a JPEG file, 1 to 100, by the tables of its quantiser; None for other files."""
    found = jpeg_steps(path)
    if found is None:
        return None
    return min(range(1, 101), key=lambda quality: float(np.abs(steps(quality) - found).sum()))


def quality_like(given: int) -> int:
    """The quality of a result in JPEG of a JPEG file of a quality of 1 to 100, never less than that.

    Saved at the quality that was given, a result loses more than was gained by restoring it. Saved at 95, a small file
    grows to three times its size. These qualities are between: see results/saving.csv.
    """
    return max(given, 86 + given // 10)
