"""Reading, computing and writing at the same time, each in a thread of its own, a few pieces ahead."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK = 0.1
"""Seconds after which a waiting thread looks whether the other one has ended."""


@contextmanager
def read_ahead(
    pieces: Iterator[T], ahead: int, dropped: Callable[[T], None] | None = None, patience: float | None = None
) -> Iterator[Iterator[T]]:
    """The pieces, made by a thread up to `ahead` before they are needed. Its errors are raised where they are read.

    With `dropped`, the thread does not wait if so many are ready: the next piece is given to `dropped` instead.
    patience: seconds to wait for the thread at the end, if it may be waiting for a source; None: as long as it takes.
    """
    waiting: Queue[tuple[str, Any]] = Queue(ahead)
    stop = Event()

    def work() -> None:
        try:
            for piece in pieces:
                if dropped and waiting.full() and not stop.is_set():
                    dropped(piece)
                elif not _put(waiting, ("piece", piece), stop):
                    return
            _put(waiting, ("end", None), stop)
        except BaseException as error:
            _put(waiting, ("error", error), stop)
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()

    def made() -> Iterator[T]:
        while True:
            kind, value = waiting.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    thread = Thread(target=work, name="restora-reads", daemon=True)
    thread.start()
    try:
        yield made()
    finally:
        stop.set()
        thread.join(patience)


@contextmanager
def write_behind(write: Callable[[T], None], behind: int) -> Iterator[Callable[[T], None]]:
    """A function that hands a piece to `write` in a thread; at the end of the block all pieces are written.

    An error of `write` is raised by the next call, or at the end of the block. If the block ends by an error, what it
    handed over before is written too.
    """
    waiting: Queue[tuple[bool, Any]] = Queue(behind)
    failed: list[BaseException] = []
    ended = Event()

    def work() -> None:
        try:
            while True:
                more, piece = waiting.get()
                if not more:
                    return
                write(piece)
        except BaseException as error:
            failed.append(error)
        finally:
            ended.set()

    def put(piece: T) -> None:
        if not _put(waiting, (True, piece), ended) and failed:
            raise failed[0]

    thread = Thread(target=work, name="restora-writes", daemon=True)
    thread.start()
    try:
        yield put
    finally:
        _put(waiting, (False, None), ended)
        thread.join()
    if failed:
        raise failed[0]


def _put(queue: "Queue[Any]", piece: Any, stop: Event) -> bool:
    """Put a piece as soon as there is room; False if the other side has ended."""
    while not stop.is_set():
        with suppress(Full):
            queue.put(piece, timeout=_LOOK)
            return True
    return False
