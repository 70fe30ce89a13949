"""Signals that end the process raise an exception instead, so that temporary files are removed."""

import signal
from types import FrameType

ENDING = ("SIGTERM", "SIGHUP", "SIGALRM")


def end_by_exception(*names: str) -> None:
    """Make these signals raise SystemExit, with the status of a process that was ended by SIGTERM."""
    for name in names or ENDING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)


def alarm(seconds: float) -> None:
    """Set the alarm; zero cancels it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _end(number: int, frame: FrameType | None) -> None:
    # A library may swallow an exception raised in its Python callback; the alarm then raises another one.
    alarm(0.5)
    if not _logs(frame):
        raise SystemExit(128 + signal.SIGTERM)


def _logs(frame: FrameType | None) -> bool:
    """Whether pyvips is logging: it would print the exception and go on."""
    while frame:
        if frame.f_code.co_name == "_log_handler_callback":
            return True
        frame = frame.f_back
    return False
