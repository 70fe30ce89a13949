"""Folders of photographs, a manifest of what is in them, and their pixels.

Pixels are read by OpenCV, so that training needs no libvips; of 8-bit JPEG and PNG both give the same.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadImage, RestoraError

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".avif"}


@dataclass(frozen=True)
class Photograph:
    """A file with its checksum and the terms on which it may be used.

    The checksum is the original's where a packed copy takes its place, so that both choose the same to hold out.
    """

    path: Path
    sha256: str
    licence: str
    copy: str = ""  # what was done to the original, if this is a copy of it


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
    """The pictures of a folder with checksums; licences from its SOURCES.csv (file, licence), else `licence`.

    If files are copies in another form, SOURCES.csv has columns sha256, that of the original, and copy, what was done.
    """
    rows: dict[str, dict[str, str]] = {}
    sources = folder / "SOURCES.csv"
    if sources.exists():
        with sources.open(newline="") as lines:
            rows = {row["file"]: row for row in csv.DictReader(lines)}
    unwanted = {Path(name).name for name in leave_out}
    return [
        Photograph(path, row.get("sha256") or sha256(path), row.get("licence") or licence, row.get("copy") or "")
        for path in pictures(folder)
        if path.name not in unwanted
        for row in (rows.get(path.name, {}),)
    ]


def gather(folders: Iterable[str], licence: str, leave_out: str = "") -> list[Photograph]:
    """The photographs of several folders, by their names (see `locate`).

    leave_out: the name of a file that lists, one a line, pictures that are left out.
    """
    names = locate(leave_out).read_text().split() if leave_out else []
    return [photo for folder in folders for photo in photographs(locate(folder), licence, names)]


def pixels_of(photo: Photograph) -> np.ndarray:
    """(H, W, 3) uint8, upright; 16 bits are rounded to 8. Raises BadImage for what OpenCV cannot read."""
    data = np.fromfile(photo.path, np.uint8)
    found = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
    if found is None:
        raise BadImage(f"{photo.path} is no picture that can be trained on; give JPEG, PNG or TIFF")
    if found.dtype != np.uint8:
        highest = np.iinfo(found.dtype).max if found.dtype.kind == "u" else 1
        found = np.rint(found.astype(np.float32).clip(0, highest) * (255 / highest)).astype(np.uint8)
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def split(all_photographs: list[Photograph], hold_out: int) -> tuple[list[Photograph], list[Photograph]]:
    """(to train on, held out): the `hold_out` photographs with the lowest checksums are kept for validation."""
    held = sorted(all_photographs, key=lambda photo: photo.sha256)[:hold_out]
    return [photo for photo in all_photographs if photo not in held], held
