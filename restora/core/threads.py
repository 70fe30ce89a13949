"""How many threads this process may use at a time. An environment variable, which child processes inherit."""

import os

from restora.core.errors import BadKnob

THREADS = "RESTORA_THREADS"


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_allowed() -> int:
    """The number in $RESTORA_THREADS; 0 if it is not set: each library then uses what it takes for best.

    Raises BadKnob for anything but a whole number above zero.
    """
    text = os.environ.get(THREADS, "")
    if not text:
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise BadKnob(f"${THREADS} must be a number of threads above zero, not {text!r}")
    return int(text)
