"""Error messages for clients: without paths of this machine, and temporary errors marked as such."""

import errno
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from restora.core.errors import RestoraError
from restora.core.plan import Step

SHORT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)
"""Error numbers of temporary shortages: space, file descriptors."""


class Full(RestoraError):
    """The queue is full, or the disk space for jobs is used up; try again later."""


def as_full(error: Exception) -> Full | None:
    """The error as Full if it is temporary, else None."""
    short = isinstance(error, OSError) and error.errno in SHORT
    if short or isinstance(error, sqlite3.OperationalError):
        return Full("the server cannot write or open its files now; try again later")
    return None


@contextmanager
def full_if_short() -> Iterator[None]:
    """Raise Full instead of temporary errors."""
    try:
        yield
    except Exception as error:
        if full := as_full(error):
            raise full from error
        raise


def printable(text: str) -> str:
    """The text without lone surrogates, which JSON can contain and encodings refuse."""
    return text.encode(errors="backslashreplace").decode()


def without_places(sentence: str, folder: Path) -> str:
    """The sentence without paths of this machine, including those in `folder`."""
    known = "|".join(re.escape(str(place)) for place in (folder, tempfile.gettempdir()))
    return printable(re.sub(rf"({known}|(?<![\w/:.<])/[^\s:;,'\")/])[^\s:;,'\")]*", "the server's files", sentence))


def with_plain_names(step: Step) -> Step:
    """The step with the names of its inputs instead of their paths, which must not be shown."""
    inputs = {name: {**given, "file": name} if "file" in given else given for name, given in step.inputs.items()}
    return replace(step, inputs=inputs)


def with_plain_products(products: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The entries of products in a report with file names for downloads, NAME.png or NAME.json, instead of paths."""

    def plain(name: str, facts: Mapping[str, str]) -> dict[str, str]:
        return {**facts, "file": f"{name}{Path(facts['file']).suffix}"} if "file" in facts else dict(facts)

    return {name: plain(name, facts) for name, facts in products.items()}
