"""Pairs of pictures of two kinds, A and B, in the layouts of the field.

    FOLDER/A/name.jpg, FOLDER/B/name.png    one file for each side, matched by name without ending
    FOLDER/name.jpg                         A on the left half and B on the right half of each picture

For translation without pairs, A/ and B/ hold any pictures.
"""

from dataclasses import dataclass

import numpy as np

from restora.core.errors import BadImage, RestoraError
from restora.data.photographs import Photograph, locate, photographs, pixels_of

NAMED = 5
"""Files without a partner that an error names."""


@dataclass(frozen=True)
class Pair:
    """Two files, or one with A on the left and B on the right."""

    a: Photograph
    b: Photograph

    @property
    def sha256(self) -> str:
        """The checksum by which pairs are ordered."""
        return self.a.sha256

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """A and B, (H, W, 3) uint8. Raises BadImage if they differ in size."""
        if self.a is self.b:
            both = pixels_of(self.a)
            if both.shape[1] % 2:
                raise BadImage(f"{self.a.path} is {both.shape[1]} pixels wide, which cannot be halved into A and B")
            half = both.shape[1] // 2
            return both[:, :half], both[:, half:]
        a, b = pixels_of(self.a), pixels_of(self.b)
        if a.shape != b.shape:
            sizes = [f"{side.shape[1]}x{side.shape[0]}" for side in (a, b)]
            raise BadImage(f"{self.a.path} is {sizes[0]} and {self.b.path} is {sizes[1]}; pairs must have one size")
        return a, b


def pairs_in(name: str, licence: str) -> list[Pair]:
    """The pairs of a folder, by name (data.photographs.locate). Raises RestoraError for files without a partner."""
    folder = locate(name)
    if not (folder / "A").is_dir() and not (folder / "B").is_dir():
        return [Pair(photo, photo) for photo in photographs(folder, licence)]
    a, b = sides_of(name, licence)
    by_name = [_by_stem(side) for side in (a, b)]
    alone = [
        str(each.path) for mine, other in (by_name, by_name[::-1]) for stem, each in mine.items() if stem not in other
    ]
    if alone:
        more = f" and {len(alone) - NAMED} more" if len(alone) > NAMED else ""
        raise RestoraError(f"no picture of the same name on the other side for {', '.join(alone[:NAMED])}{more}")
    return [Pair(photo, by_name[1][stem]) for stem, photo in by_name[0].items()]


def sides_of(name: str, licence: str) -> tuple[list[Photograph], list[Photograph]]:
    """The pictures of A/ and of B/. Raises RestoraError if one of these folders does not exist or is empty."""
    folder = locate(name)
    for side in "AB":
        if not (folder / side).is_dir():
            raise RestoraError(f"{folder} must have the folders A and B; {side} does not exist")
    return photographs(folder / "A", licence), photographs(folder / "B", licence)


def _by_stem(side: list[Photograph]) -> dict[str, Photograph]:
    found: dict[str, Photograph] = {}
    for photo in side:
        if photo.path.stem in found:
            raise RestoraError(f"{found[photo.path.stem].path} and {photo.path} have the same name without ending")
        found[photo.path.stem] = photo
    return found
