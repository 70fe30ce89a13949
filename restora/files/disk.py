"""Writing files safely: temporary files without a name, files renamed when they are complete, and free disk space."""

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
"""Where Linux lists the open files of a process, including those without a name."""
REPORT = 1_000_000
"""Bytes reserved for the report beside a result."""


class Nameless:
    """A temporary file that disappears with this object or its process; on Linux also after kill -9.

    On other systems it has a name and remains after a kill.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Create it in a folder, by default in the temporary folder of the system. Raises BadImage if this fails."""
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
    """Turn an OSError in the block into BadImage, which says that `what` cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadImage(f"cannot write {what}: {error.strerror or error}") from error


def check_room(folder: Path, needed: int, what: str = "the result") -> None:
    """Raise BadImage if the disk of a folder has fewer free bytes than needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BadImage(
            f"{what} may need {needed / 1e6:.0f} MB of temporary space on the disk of {folder},"
            f" but only {free / 1e6:.0f} MB are free"
        )


def check_name(path: Path) -> None:
    """Raise BadImage for a name that the file system does not accept, and for anything but an ordinary file."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadImage(f"cannot write {path}: {error.strerror}") from error
    if path.is_symlink():
        raise BadImage(f"{path} is a symbolic link, which is not replaced; give the path of its target")
    if path.is_dir():
        raise BadImage(f"{path} is a folder; name a file in it")
    if not path.is_file():
        raise BadImage(f"{path} is a pipe or a device, which is not replaced; to write to standard output use -o -")


def put_in_place(part: Path, path: Path, force: bool) -> None:
    """Rename a finished file as soon as its data are on the disk; it may keep the other name too.

    Raises OutputExists if the file has been created meanwhile and force is not set, BadImage as `check_name` does.
    """
    sync(part)
    if force:
        check_name(path)
        part.replace(path)
    else:
        try:
            _name(part, path)
        except FileExistsError as error:
            raise OutputExists(f"{path} was created by another program meanwhile; overwrite it with --force") from error
    with suppress(OSError):  # if a folder cannot be opened
        sync(path.parent)


def _name(part: Path, path: Path) -> None:
    """Give a file another name. Raises FileExistsError; of two concurrent calls, one fails."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken first, so a kill here leaves an empty file
        path.touch(exist_ok=False)
        try:
            part.replace(path)
        except BaseException:
            path.unlink()
            raise


def sync(path: Path) -> None:
    """Return when the data of a file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def aside(path: Path, part: Path | None = None) -> Iterator[Path]:
    """A path beside `path` to write to, `part` if it is given; if it still exists at the end it is removed.

    Files left by killed processes that wrote `path` are removed too.
    """
    handle = None
    try:
        if part is None:
            handle, part = _new_part(path)
        else:
            part.touch()
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())  # a private file stays private
    except OSError as error:
        raise BadImage(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def _new_part(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked while its handle is open; files of ended processes are removed."""
    start, end = f".{path.stem[:40]}-restora-", f".part{path.suffix}"
    pattern = re.compile(f"{re.escape(start)}[a-z0-9_]{{8}}{re.escape(end)}")
    for other in path.parent.iterdir():
        if pattern.fullmatch(other.name):
            _remove_if_left(other)
    while True:
        handle, made = tempfile.mkstemp(prefix=start, suffix=end, dir=path.parent)
        if lock(handle) is not False and Path(made).exists():
            return handle, Path(made)
        os.close(handle)  # another process took it for an abandoned file, and removes it


def _remove_if_left(part: Path) -> None:
    with suppress(OSError):
        handle = os.open(part, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if lock(handle):
                part.unlink()
        finally:
            os.close(handle)


def lock(handle: int) -> bool | None:
    """Lock an open file until it is closed; False if another process has the lock, None if locking is not possible."""
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


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it was deleted meanwhile."""
    with suppress(OSError):
        return path.stat().st_size
    return 0
