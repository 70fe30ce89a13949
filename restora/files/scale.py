"""Check that 0 is black and 1 is white in floating-point pictures."""

from collections.abc import Iterable

import numpy as np

from restora.core.errors import BadImage

_ORDINARY = -1.0, 2.0
"""Range that must contain at least half of the values: some may be brighter than white or darker than black."""
_MOST = 1000.0
"""Times white: a larger value marks missing data, or is an error."""


def check_scale(parts: Iterable[np.ndarray], name: str) -> list[str]:
    """Check all values of a picture, given in parts of any shape; returns notes for the user, in sentences.

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
        raise BadImage(f"{name} has {no_number} values that are NaN or infinite; replace them by numbers")
    if ordinary < total / 2:
        white = next((f"{white}" for white in (255, 65535) if high <= white), "the value of white")
        raise BadImage(
            f"{name} has floating-point values {extent}, but 0 must be black and 1 white; divide them by {white}"
        )
    if beyond:
        raise BadImage(
            f"{name} has {beyond} values beyond {_MOST:g} times white ({extent}), which usually mark missing data;"
            " replace them by ordinary ones"
        )
    if low < _ORDINARY[0] or high > _ORDINARY[1]:
        return [f"the values are {extent}; 0 was taken as black and 1 as white"]
    return []
