"""Named test sets: which pictures, and a checksum that says so."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from restora.core.errors import RestoraError
from restora.core.names import nearest
from restora.data.photographs import locate, pictures, sha256

FOLDERS = {
    "Set5": "eval/Set5",
    "Set12": "eval/Set12",
    "Set14": "eval/Set14",
    "BSD68": "eval/BSD68",
    "CBSD68": "eval/BSD100",
}
"""Folders under the data root."""


@dataclass(frozen=True)
class TestSet:
    """Pictures in order. sha256 is of their checksums one after the other."""

    name: str
    paths: tuple[Path, ...]
    sha256: str


def test_set(name: str) -> TestSet:
    """A test set by name. Raises RestoraError if it is unknown or not on this disk."""
    if name not in FOLDERS:
        raise RestoraError(f"no test set is called {name!r}; {nearest(name, FOLDERS)}")
    folder = locate(FOLDERS[name])
    paths = pictures(folder)
    if name == "CBSD68":  # the 68 of BSD100 that are the colour versions of BSD68, in its order
        paths = [folder / line for line in (folder.parent / "cbsd68.txt").read_text().split()]
    digest = hashlib.sha256("".join(map(sha256, paths)).encode()).hexdigest()
    return TestSet(name, tuple(paths), digest)
