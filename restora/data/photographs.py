"""Folders of photographs, and a manifest of what is in them."""

import csv
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from restora.core.errors import RestoraError

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".avif"}


@dataclass(frozen=True)
class Photograph:
    """A file with its checksum and the terms on which it may be used."""

    path: Path
    sha256: str
    licence: str


def data_root() -> Path:
    """Where data sets lie: $RESTORA_DATA, else ../shared/data."""
    return Path(os.environ.get("RESTORA_DATA", "../shared/data"))


def locate(name: str) -> Path:
    """The path `name`, from here or from the data root. Raises RestoraError if it is in neither."""
    for path in (Path(name), data_root() / name):
        if path.exists():
            return path
    raise RestoraError(f"{name} is neither here nor under {data_root()}; set RESTORA_DATA to the folder of data sets")


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted by name. Raises RestoraError if there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS) if folder.is_dir() else []
    if not found:
        raise RestoraError(f"{folder} holds no pictures ({', '.join(sorted(ENDINGS))})")
    return found


def photographs(folder: Path, licence: str, leave_out: Iterable[str] = ()) -> list[Photograph]:
    """The pictures of a folder with checksums; licences from its SOURCES.csv (file, licence), else `licence`."""
    named: dict[str, str] = {}
    sources = folder / "SOURCES.csv"
    if sources.exists():
        with sources.open(newline="") as lines:
            named = {row["file"]: row["licence"] for row in csv.DictReader(lines)}
    unwanted = {Path(name).name for name in leave_out}
    return [
        Photograph(path, sha256(path), named.get(path.name, licence))
        for path in pictures(folder)
        if path.name not in unwanted
    ]


def split(all_photographs: list[Photograph], hold_out: int) -> tuple[list[Photograph], list[Photograph]]:
    """(to train on, held out): the `hold_out` photographs with the lowest checksums are kept for validation."""
    held = sorted(all_photographs, key=lambda photo: photo.sha256)[:hold_out]
    return [photo for photo in all_photographs if photo not in held], held


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
