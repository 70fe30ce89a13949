"""Amounts with a unit, such as 800MB or 400MP."""

import re

from restora.core.errors import BadKnob

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def amount(text: str) -> int:
    """A number with a unit: 800MB, 1GB, 400MP, 2000000000. Raises BadKnob if it is not an amount above zero.

    >>> amount("1.5GB")
    1500000000
    """
    found = re.fullmatch(r"\s*([\d.]+(?:[eE]\d+)?)\s*([KMG]?)[BP]?\s*", text, re.IGNORECASE)
    try:
        value = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    except (ValueError, OverflowError):
        value = 0
    if value <= 0:
        raise BadKnob(f"{text!r} is not an amount; write it like 800MB, 1GB or 400MP")
    return value
