"""A worker of learn.supply: a process that makes batches. It has no use for torch, and does not import it."""

import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np

Layout = list[tuple[str, tuple[int, ...], str, int]]
"""Of the arrays in a slot: name, shape, kind of number, offset in bytes."""


class Maker(Protocol):
    """What makes batches (learn.game.Batches)."""

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
    """What a worker does: fill each slot that is free with the next of its batches."""
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
        return  # the other end is gone
    except Exception:
        connection.send(traceback.format_exc())


def put(batch: Mapping[str, np.ndarray], slot: np.ndarray) -> Layout:
    """Write a batch into a slot; how it lies there. All batches of a run are of one size."""
    layout: Layout = []
    start = 0
    for name, array in batch.items():
        array_in(slot, array.shape, array.dtype.str, start)[...] = array
        layout.append((name, array.shape, array.dtype.str, start))
        start += -(-array.nbytes // 64) * 64
    return layout


def array_in(slot: np.ndarray, shape: tuple[int, ...], kind: str, start: int) -> np.ndarray:
    """The array that lies in a slot from a byte on; a view."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return slot[start : start + size].view(kind).reshape(shape)
