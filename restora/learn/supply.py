"""Batches made ahead of the step that needs them, by a thread or by worker processes.

Worker n of W makes the batches n, n + W, n + 2W and so on, and writes each to one of two slots of a memory-mapped file;
it waits while both are full. So batches arrive in order for any number of workers, and memory is bounded.
"""

import os
import shutil
import tempfile
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor

from restora.core.allocator import SHARED_MEMORY
from restora.learn.device import Device
from restora.learn.game import Batches
from restora.learn.worker import array_in, work

SLOTS = 2
"""Number of batches that a worker may be ahead."""
PHOTOGRAPHS = 4 * 10**9
"""Approximate memory of the photographs in bytes."""
AHEAD = 2
"""Number of batches prepared in this process from those of workers."""


class Supply:
    """The batches from `step` on, in order, as tensors on the device.

    Raises RuntimeError, with the worker's traceback, if a worker fails.
    """

    def __init__(
        self, batches: Batches, step: int, device: Device, *, workers: int = 0, rank: int = 0, processes: int = 1
    ) -> None:
        self.device, self.waited = device, 0.0
        self._source: Workers | Here = (
            Workers(batches, step, workers, rank, processes) if workers else Here(batches, step, rank, processes)
        )
        self._thread = ThreadPoolExecutor(1)
        self._ready: deque[Future[dict[str, Tensor]]] = deque()
        for _ in range(AHEAD if workers else 1):
            self._order()

    def next(self) -> dict[str, Tensor]:
        """The next batch. The time spent waiting is added to `waited`."""
        started = time.monotonic()
        pinned = self._ready.popleft().result()
        self.waited += time.monotonic() - started
        self._order()
        return self.device.copied(pinned)

    def __enter__(self) -> "Supply":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.stop()
        self._thread.shutdown(cancel_futures=True)
        self._source.close()

    def _order(self) -> None:
        self._ready.append(self._thread.submit(self._source.next, self.device))


class Here:
    """Batches made in this process, when they are asked for."""

    def __init__(self, batches: Batches, step: int, rank: int, processes: int) -> None:
        self._batches, self._step, self._share = batches, step, (rank, processes)

    def next(self, device: Device) -> dict[str, Tensor]:
        """The next batch."""
        made = self._batches.batch(self._step, *self._share)
        self._step += 1
        return device.pinned(made)

    def stop(self) -> None:
        """Does nothing: no process runs."""

    def close(self) -> None:
        """Does nothing: nothing is open."""


class Workers:
    """Batches made by worker processes, which run from the start. Raises RuntimeError if one cannot begin.

    rank, processes: the share of each batch that is made.
    """

    def __init__(self, batches: Batches, step: int, workers: int, rank: int, processes: int) -> None:
        first = batches.batch(step, rank, processes)
        size = sum(-(-array.nbytes // 64) * 64 for array in first.values())
        self._first: dict[str, np.ndarray] | None = first
        self._turn = 0
        self._workers: list[tuple[BaseProcess, Connection, np.ndarray]] = []
        folder = _folder(SLOTS * workers * size)
        try:
            self._begin(batches.shared(folder), (step, workers), (rank, processes), folder, size)
        except BaseException:
            self.stop()
            self.close()
            raise
        finally:
            # Mapped files remain usable without a name: from now on even a kill leaves nothing behind.
            shutil.rmtree(folder, ignore_errors=True)

    def _begin(self, shared: Batches, steps: tuple[int, int], share: tuple[int, int], folder: Path, size: int) -> None:
        """Start the workers, and wait until each has opened its files."""
        context = get_context("spawn")  # forked children would inherit locks of libraries in an unknown state
        kept = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ |= dict.fromkeys(ONE_THREAD, "1")  # children read it when they load their libraries
        try:
            for number in range(steps[1]):
                path = folder / f"slots-{number}"
                slots = np.asarray(np.memmap(path, np.uint8, "w+", shape=(SLOTS, size)))
                mine, its = context.Pipe()
                parts = (its, shared, (steps[0] + 1 + number, steps[1]), share, path, slots.shape)
                worker = context.Process(target=work, args=parts, daemon=True)
                worker.start()
                its.close()
                self._workers.append((worker, mine, slots))
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        for process, connection, _ in self._workers:
            _heard(process, connection)
            for slot in range(SLOTS):
                with suppress(BrokenPipeError):
                    connection.send(slot)

    @property
    def processes(self) -> list[BaseProcess]:
        """The workers; the first makes the batch after the one of `step`."""
        return [process for process, _, _ in self._workers]

    def next(self, device: Device) -> dict[str, Tensor]:
        """The next batch, copied from its slot. Raises RuntimeError if its worker failed or has ended."""
        if self._first is not None:
            first, self._first = self._first, None
            return device.pinned(first)
        process, connection, slots = self._workers[self._turn]
        self._turn = (self._turn + 1) % len(self._workers)
        slot, layout = _heard(process, connection)
        made = {name: array_in(slots[slot], shape, kind, start) for name, shape, kind, start in layout}
        if not device.is_cuda:  # pinning copies already; otherwise copy, because the slot is reused
            made = {name: array.copy() for name, array in made.items()}
        pinned = device.pinned(made)
        with suppress(BrokenPipeError):  # the worker has ended; its last message is read at its next turn
            connection.send(slot)
        return pinned

    def stop(self) -> None:
        """Stop the workers, so that no process waits for them."""
        for process, _, _ in self._workers:
            process.terminate()
            process.join()

    def close(self) -> None:
        """Close the connections to the workers."""
        for _, connection, _ in self._workers:
            connection.close()
        self._workers.clear()


def _heard(process: BaseProcess, connection: Connection) -> Any:
    """The message of a worker. Raises RuntimeError if it failed or has ended."""
    try:
        told = connection.recv()
    except (EOFError, OSError) as error:
        process.join(1)
        raise RuntimeError(
            f"a worker process for batches ended with status {process.exitcode};"
            " it may lack memory: train with fewer --workers"
        ) from error
    if isinstance(told, str):
        raise RuntimeError(f"a worker process for batches failed:\n{told}")
    return told


ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""There are as many workers as cores; several threads per worker would only slow each other down."""


def _folder(least: int) -> Path:
    """A new folder in memory if there is room for the slots and the photographs, otherwise on the disk."""
    room = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
    place = SHARED_MEMORY if room > least + PHOTOGRAPHS else None
    return Path(tempfile.mkdtemp(prefix=f"restora-{os.getpid()}-", dir=place))
