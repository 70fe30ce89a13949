"""The pictures and clips that are given: files, folders, and lists of names."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from restora.core.errors import BadImage
from restora.files.container import container_of
from restora.files.save import READABLE

CLIPS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".vob", ".mts", ".m2ts", ".wmv", ".flv",
    ".ogv", ".3gp", ".mxf",
)  # fmt: skip
"""Endings of clips; a file of a folder with another ending is a clip if its first bytes are those of one."""


@dataclass(frozen=True)
class Found:
    """A file that was found: its path, and the folder below which it was; for a file that was named, its own folder."""

    path: Path
    root: Path


@dataclass
class Listing:
    """Files in order, each once; `others`: how many files of folders were left out, as they are no pictures or clips.

    problems: what could not be read, with a sentence for each.
    """

    found: list[Found] = field(default_factory=list)
    others: int = 0
    problems: list[tuple[Path, str]] = field(default_factory=list)


def listing(given: Iterable[Path], recursive: bool = False, leave_out: Path | None = None) -> Listing:
    """The files that are given, and the pictures and clips in the folders that are given, sorted by name.

    A file that is named is in the list whatever it is. Of a folder only files count that are pictures or clips by their
    endings, or clips by their first bytes. Hidden files and folders are left out; links to folders are not followed.
    recursive: folders in folders too. leave_out: a folder that is not entered, such as that of the results.
    """
    made, seen = Listing(), set()
    without = None if leave_out is None else leave_out.resolve()
    for path in given:
        for found in _below(path, recursive, without, made) if path.is_dir() else [Found(path, path.parent)]:
            key = os.path.abspath(found.path)  # noqa: PTH100  (links are kept: they may have names of their own)
            if key not in seen:
                seen.add(key)
                made.found.append(found)
    return made


def _below(root: Path, recursive: bool, without: Path | None, made: Listing) -> Iterator[Found]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            made.problems.append((folder, f"cannot read the folder {folder}: {error.strerror}"))
            continue
        inner = []
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                inner += [path] if recursive and path.resolve() != without else []
            elif _is_folder(entry):
                continue  # a link to a folder, perhaps to one above it
            elif path.suffix.lower() in (*READABLE, *CLIPS) or container_of(path):
                yield Found(path, root)
            else:
                made.others += 1
        folders += reversed(inner)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def names_in(data: bytes) -> list[Path]:
    """The paths in a list, one a line, or separated by NUL as by `find -print0`. Raises BadImage for an empty list."""
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    names = [Path(os.fsdecode(part)) for part in parts if part.strip()]
    if not names:
        raise BadImage("the list of files is empty")
    return names
