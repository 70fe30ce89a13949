"""What those who sent a picture are told of errors: no place on this machine, and what passes by itself as such."""

import errno
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restora.core.errors import RestoraError

SHORT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)
"""What the system is short of now and may have again later: space, file descriptors."""


class Full(RestoraError):
    """As many jobs wait as may, or the disk space for them is used up; try again later."""


def as_full(error: Exception) -> Full | None:
    """The error as one that passes by itself; None if it does not."""
    short = isinstance(error, OSError) and error.errno in SHORT
    if short or isinstance(error, sqlite3.OperationalError):
        return Full("the server cannot write or open its files now; try again later")
    return None


@contextmanager
def full_if_short() -> Iterator[None]:
    """Raise Full instead of errors that pass by themselves."""
    try:
        yield
    except Exception as error:
        if full := as_full(error):
            raise full from error
        raise


def printable(text: str) -> str:
    """The text as any encoding can have it: JSON can bring half a character."""
    return text.encode(errors="backslashreplace").decode()


def without_places(sentence: str, folder: Path) -> str:
    """The sentence without names of files and folders of this machine, those in `folder` among them."""
    known = "|".join(re.escape(str(place)) for place in (folder, tempfile.gettempdir()))
    return printable(re.sub(rf"({known}|(?<![\w/:.<])/[^\s:;,'\")/])[^\s:;,'\")]*", "the server's files", sentence))
