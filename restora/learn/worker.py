"""A worker of learn.supply: a process that makes batches. It does not need torch, and does not import it."""

import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np

Layout = list[tuple[str, tuple[int, ...], str, int]]
"""The arrays in a slot: name, shape, dtype, offset in bytes."""


class Maker(Protocol):
    """Makes batches (learn.game.Batches)."""

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """Named arrays."""


def work(
    connection: Connection,
    batches: Maker,
    steps: tuple[int, int],
    share: tuple[int, int],
    path: Path,
    shape: tuple[int, int],
) -> None:
    """The main loop of a worker: write its next batch to each free slot."""
    import cv2

    cv2.setNumThreads(1)
    slots, step = np.asarray(np.memmap(path, np.uint8, "r+", shape=shape)), steps[0]
    connection.send(None)  # its files are open
    try:
        while True:
            slot = connection.recv()
            connection.send((slot, put(batches.batch(step, *share), slots[slot])))
            step += steps[1]
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the other end is closed
    except Exception:
        connection.send(traceback.format_exc())


def put(batch: Mapping[str, np.ndarray], slot: np.ndarray) -> Layout:
    """Write a batch to a slot; returns its layout. All batches of a run have one size."""
    layout: Layout = []
    start = 0
    for name, array in batch.items():
        array_in(slot, array.shape, array.dtype.str, start)[...] = array
        layout.append((name, array.shape, array.dtype.str, start))
        start += -(-array.nbytes // 64) * 64
    return layout


def array_in(slot: np.ndarray, shape: tuple[int, ...], kind: str, start: int) -> np.ndarray:
    """The array in a slot at an offset; a view."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return slot[start : start + size].view(kind).reshape(shape)
