"""Files while they are made: without a name, or aside and then given theirs; and the room that they need."""

import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from restora.core.errors import BadImage, OutputExists

_OPEN_FILES = Path("/proc/self/fd")
"""Where Linux has the open files of a process, those without a name too."""
REPORT = 1_000_000
"""Bytes that are left for the report beside a result."""


class Nameless:
    """A temporary file that is gone when this object goes, or its process: on Linux also after kill -9.

    Elsewhere it has a name, and stays after a kill.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Make it in a folder, or where the system has such files. Raises BadImage if that cannot be."""
        with writing(f"in the folder {folder or tempfile.gettempdir()}"):
            if _OPEN_FILES.is_dir():
                handle: IO[bytes] = tempfile.TemporaryFile(prefix="restora-", dir=folder)  # noqa: SIM115
                self.path = _OPEN_FILES / str(handle.fileno())
            else:
                handle = tempfile.NamedTemporaryFile(prefix="restora-", dir=folder)  # noqa: SIM115
                self.path = Path(handle.name)
        self.close = weakref.finalize(self, handle.close)


@contextmanager
def writing(what: object) -> Iterator[None]:
    """An error of the system in the block becomes BadImage: so `what` cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadImage(f"cannot write {what}: {error.strerror or error}") from error


def check_room(folder: Path, needed: int, what: str = "the result") -> None:
    """Raise BadImage if fewer bytes than needed are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BadImage(
            f"{what} may need {needed / 1e6:.0f} MB on the disk of {folder} while it is made,"
            f" where {free / 1e6:.0f} MB are free"
        )


def check_name(path: Path) -> None:
    """Raise BadImage for a name that the disk does not take, or of what is no ordinary file: that is not replaced."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadImage(f"cannot write {path}: {error.strerror}") from error
    if path.is_symlink():
        raise BadImage(f"{path} is a symbolic link, which is not replaced; name the file that it leads to")
    if path.is_dir():
        raise BadImage(f"{path} is a folder; name a file in it")
    if not path.is_file():
        raise BadImage(f"{path} is a pipe or a device, which is not replaced; write to standard output with -o -")


def put_in_place(part: Path, path: Path, force: bool) -> None:
    """Give a finished file its name as soon as its data are safely on the disk; it may keep the other name too.

    Raises OutputExists if another has come there meanwhile and force is not set, BadImage as `check_name` does.
    """
    sync(part)
    if force:
        check_name(path)
        part.replace(path)
    else:
        try:
            _name(part, path)
        except FileExistsError as error:
            raise OutputExists(f"{path} has been made by others meanwhile; overwrite it with --force") from error
    with suppress(OSError):  # where a folder cannot be opened
        sync(path.parent)


def _name(part: Path, path: Path) -> None:
    """Give a file another name. Raises FileExistsError; of two that do so at once, one fails."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without links: the name is taken first, so a kill right now leaves an empty file
        path.touch(exist_ok=False)
        try:
            part.replace(path)
        except BaseException:
            path.unlink()
            raise


def sync(path: Path) -> None:
    """Return when what was written of a file, or the names in a folder, would be there after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def aside(path: Path, part: Path | None = None) -> Iterator[Path]:
    """A path beside `path` to write to, `part` if it is given; whatever is still there at the end is removed.

    So is what killed processes left that wrote `path`.
    """
    handle = None
    try:
        if part is None:
            handle, part = _new_part(path)
        else:
            part.touch()
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())  # what was private stays so
    except OSError as error:
        raise BadImage(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def _new_part(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked as long as its handle is open; those whose process is gone are removed."""
    start, end = f".{path.stem[:40]}-restora-", f".part{path.suffix}"
    pattern = re.compile(f"{re.escape(start)}[a-z0-9_]{{8}}{re.escape(end)}")
    for other in path.parent.iterdir():
        if pattern.fullmatch(other.name):
            _remove_if_left(other)
    while True:
        handle, made = tempfile.mkstemp(prefix=start, suffix=end, dir=path.parent)
        if lock(handle) is not False and Path(made).exists():
            return handle, Path(made)
        os.close(handle)  # another process took it for one that was left, and removes it


def _remove_if_left(part: Path) -> None:
    with suppress(OSError):
        handle = os.open(part, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if lock(handle):
                part.unlink()
        finally:
            os.close(handle)


def lock(handle: int) -> bool | None:
    """Lock an open file until it is closed; False if another process has, None where files cannot be locked."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
