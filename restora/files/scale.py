"""Floating-point pictures: whether 0 is black and 1 white in them, as it must be."""

from collections.abc import Iterable

import numpy as np

from restora.core.errors import BadImage

_ORDINARY = -1.0, 2.0
"""Where at least half of the values of a picture lie: some may be brighter than white, or darker than black."""
_MOST = 1000.0
"""Times white: what is brighter is no light, but a mark for missing data, or an error."""


def check_scale(parts: Iterable[np.ndarray], name: str) -> list[str]:
    """Look at all values of a picture, in parts of any shape; what is to be told of them, in sentences.

    Raises BadImage if some are NaN or infinite, or so large that they mark missing data, or if most are on another
    scale.
    """
    total = ordinary = no_number = beyond = 0
    low, high = np.inf, -np.inf
    for part in parts:
        values = part[np.isfinite(part)]
        total += values.size
        no_number += part.size - values.size
        beyond += int((np.abs(values) > _MOST).sum())
        ordinary += int(((values >= _ORDINARY[0]) & (values <= _ORDINARY[1])).sum())
        low, high = min(low, values.min(initial=np.inf)), max(high, values.max(initial=-np.inf))
    extent = f"from {low:.4g} to {high:.4g}"
    if no_number:
        raise BadImage(f"{name} holds NaN or infinity, in {no_number} values; put numbers in their place")
    if ordinary < total / 2:
        white = next((f"{white}" for white in (255, 65535) if high <= white), "what is white")
        raise BadImage(
            f"{name} holds floating-point values {extent}, where 0 must be black and 1 white; divide them by {white}"
        )
    if beyond:
        raise BadImage(
            f"{name} holds {beyond} values beyond {_MOST:g} times white ({extent}), as where data are missing;"
            " put ordinary ones in their place"
        )
    if low < _ORDINARY[0] or high > _ORDINARY[1]:
        return [f"the values go {extent}; 0 was taken as black and 1 as white"]
    return []
