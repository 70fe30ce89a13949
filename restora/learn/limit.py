"""A limit on memory, for work on files that others made: what asks for more fails instead of filling the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS = Path("/proc/self/status")
SHARE = 0.75
"""Of the computer's memory, where nothing says how much work may take."""


@contextmanager
def more_memory(most: int | None = None) -> Iterator[None]:
    """Within it the process may take so many more bytes; then allocations fail, as MemoryError or torch's own error.

    most: SHARE of the computer's memory if not given. It counts for all threads, and works on Linux only; elsewhere
    nothing happens.
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
    """The bytes that count for the limit at this moment."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024
