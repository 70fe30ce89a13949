"""Pictures in one memory-mapped file: many processes read them, and they are in memory only once."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np


class Shelf(Sequence[np.ndarray]):
    """(H, W, C) uint8 pictures of any sizes, read-only; another process receives the file name, not the data."""

    def __init__(self, path: Path, shapes: Sequence[tuple[int, ...]]) -> None:
        self.path, self.shapes = path, list(shapes)
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        everything = np.asarray(np.memmap(path, np.uint8, "r"))
        self._pictures = [
            everything[end - int(np.prod(shape)) : end].reshape(shape)
            for end, shape in zip(ends, self.shapes, strict=True)
        ]

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        return self._pictures[index]

    def __len__(self) -> int:
        return len(self.shapes)

    def __reduce__(self) -> tuple[type["Shelf"], tuple[Path, list[tuple[int, ...]]]]:
        return Shelf, (self.path, self.shapes)


def shelved(pictures: Iterable[np.ndarray], path: Path) -> Shelf:
    """Write (H, W, C) uint8 pictures to a file, and open it."""
    shapes = []
    with path.open("wb") as file:
        for picture in pictures:
            file.write(np.ascontiguousarray(picture, np.uint8).data)
            shapes.append(picture.shape)
    return Shelf(path, shapes)
