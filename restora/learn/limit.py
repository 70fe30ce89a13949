"""A memory limit for work on untrusted files: an excessive request fails instead of filling the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS = Path("/proc/self/status")
SHARE = 0.75
"""Share of the computer's memory, used if no limit is given."""


@contextmanager
def more_memory(most: int | None = None) -> Iterator[None]:
    """A context in which the process may allocate at most so many more bytes; otherwise MemoryError or torch's error.

    most: default: SHARE of the computer's memory. It holds for all threads, on Linux only; on other systems it has no
    effect.
    """
    held = _held()
    if held is None:
        yield
        return
    import resource

    if most is None:
        most = round(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + most
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _held() -> int | None:
    """The bytes that count towards the limit now."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024
