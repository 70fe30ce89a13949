"""Memory: settings of glibc's allocator, and the folder for shared memory."""

import ctypes
import os
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
"""On Linux; other systems do not have it."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # malloc.h


def return_freed_memory() -> None:
    """Allocate each block of a megabyte or more from the system, and return it when it is freed.

    By default glibc keeps freed blocks of up to 32 MB after a while, as large as a piece of a picture. For a gigapixel
    with a thousand pieces of different sizes the process then grew by 300 MB.
    """
    _ask(_MMAP_THRESHOLD, 2**20)


def reuse_freed_memory() -> None:
    """Keep freed blocks of up to 32 MB for the next ones of their size, such as those of the next frame of a clip.

    Else each array of a frame costs a page fault per 4 KiB, together half of the time of a fast filter.
    """
    _ask(_MMAP_THRESHOLD, 2**25)
    _ask(_TRIM_THRESHOLD, 2**28)


def keep_freed_memory() -> None:
    """Keep freed blocks instead of returning them to the system.

    Activations are allocated and freed at every layer; returning them each time costs a page fault per 4 KiB,
    a third of the time of a step.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    _ask(_TRIM_THRESHOLD, 2**31 - 1)
    _ask(_MMAP_MAX, 0)


def _ask(option: int, value: int) -> None:
    try:
        ctypes.CDLL("libc.so.6").mallopt(option, value)
    except (OSError, AttributeError):
        return
