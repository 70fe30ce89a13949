"""Worker processes: a function of one thing after the other, in several processes that share the cores.

A process that dies, as a decoder may crash on a bad file, fails on its own thing only; another process takes its place.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from restora.core.allocator import return_freed_memory
from restora.core.signals import alarm, end_by_exception
from restora.core.threads import cores
from restora.work.threads import limit_threads, variables

T = TypeVar("T")
R = TypeVar("R")
PATIENCE = 10.0
"""Seconds that a process has to remove its temporary files when it is ended."""


def each(work: Callable[[T], R], things: Iterable[T], jobs: int, died: Callable[[T, str], R]) -> Iterator[R]:
    """The results of a function for many things, as they are completed; with one job in this process, in order.

    work: can be pickled, as its arguments and results can, and handles errors itself. died: makes the result of a
    thing whose process died, from a sentence. All processes are ended if this generator is closed.
    """
    if jobs == 1:
        yield from map(work, things)
        return
    waiting = iter(things)
    crew: list[_Worker[T, R]] = []
    try:
        for thing in islice(waiting, jobs):
            crew.append(_Worker(work, max(1, cores() // jobs)))
            crew[-1].give(thing)
        while crew:
            ready = wait([worker.connection for worker in crew])
            for worker in [worker for worker in crew if worker.connection in ready]:
                result = worker.taken(died)
                yield result
                crew.remove(worker)
                crew += _next(worker, work, waiting, max(1, cores() // jobs))
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.end()


def _next(worker: "_Worker[T, R]", work: Callable[[T], R], waiting: Iterator[T], threads: int) -> "list[_Worker[T, R]]":
    """The worker, or one in its place if it died, with the next thing; none if there is none."""
    for thing in waiting:
        if not worker.process.is_alive():
            worker.end()
            worker = _Worker(work, threads)
        worker.give(thing)
        return [worker]
    worker.end()
    return []


class _Worker(Generic[T, R]):
    """A process, and what it works on."""

    def __init__(self, work: Callable[[T], R], threads: int) -> None:
        # A new interpreter: threads of libraries do not survive a fork.
        fresh = multiprocessing.get_context("spawn")
        self.connection, theirs = fresh.Pipe()
        self.process: BaseProcess = fresh.Process(target=_serve, args=(work, theirs, threads), daemon=True)
        with _environment(variables(threads)), _deaf_to_ctrl_c():
            self.process.start()
        theirs.close()
        self._thing: T | None = None

    def give(self, thing: T) -> None:
        self._thing = thing
        try:
            self.connection.send(thing)
        except OSError:
            return  # it died; so `taken` says

    def taken(self, died: Callable[[T, str], R]) -> R:
        assert self._thing is not None
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join(PATIENCE)
            return died(self._thing, f"its process ended ({_why(self.process.exitcode)})")

    def end(self) -> None:
        self.connection.close()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def _why(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        return f"{name}, perhaps for lack of memory" if -status == signal.SIGKILL else name
    return f"exit status {status}"


def _serve(work: Callable[[Any], Any], connection: Connection, threads: int) -> None:
    end_by_exception("SIGTERM", "SIGALRM")
    return_freed_memory()
    limit_threads(threads)
    try:
        while True:
            connection.send(work(connection.recv()))
    except (EOFError, OSError):  # the first process is gone, or needs no more
        return
    finally:
        alarm(0)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started meanwhile ignore Ctrl-C, which reaches all processes: the first one decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These environment variables, for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
