"""Mistyped names: suggest the one that was probably meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence fragment: the closest known name, or all of them.

    >>> nearest("medain", ["median", "wiener"])
    'did you mean median?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
