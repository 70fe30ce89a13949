"""Limit the threads of this process: of the nets, OpenCV, libvips and, where it is still possible, BLAS."""

import os
import sys

import cv2
import pyvips

from restora.core.threads import THREADS, threads_allowed

OF_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that libraries read when they are imported, so they are set before a process starts."""


def limit_threads(threads: int = 0) -> None:
    """Use at most so many threads from now on; 0: the number in $RESTORA_THREADS, and no limit without it."""
    threads = threads or threads_allowed()
    if not threads:
        return
    if os.environ.get(THREADS) != str(threads):
        os.environ.update(variables(threads))
    cv2.setNumThreads(threads)
    pyvips.concurrency_set(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def variables(threads: int) -> dict[str, str]:
    """The environment of a process with so many threads."""
    return dict.fromkeys((THREADS, *OF_LIBRARIES), str(threads))
