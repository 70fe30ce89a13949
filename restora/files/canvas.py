"""A picture on the disk that is filled from the top, and, if wanted, outlives its process, to be resumed."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from restora.core.errors import BadImage, RestoraError
from restora.files.disk import lock, sync, writing

TILE = 256
"""Side of the tiles in which pictures are written; libvips does not read larger ones of very small pictures."""

DTYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}
"""Of the numbers of a picture with so many bits a value."""


class Canvas:
    """A TIFF file of uncompressed tiles, whole from the start, black where nothing has been put yet.

    Its size is known and its place on the disk taken before anything is put; what was put stays where it is.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], bits: int, rows: int = 0) -> None:
        """Make the file for a picture (H, W, C), or, if so many rows of it are there, open it.

        This and all else raises BadImage where it cannot be written.
        """
        self.shape, self.dtype, self.rows = shape, np.dtype(DTYPES[bits]), rows
        self._place = f"in the folder {path.resolve().parent}"  # Linux tells it of files without a name, too
        with writing(self._place):
            if not rows:
                self._make(path)
            with path.open("rb") as stream, tifffile.TiffFile(stream) as tiff:
                self._start = tiff.pages[0].dataoffsets[0]
            self._file = path.open("r+b")

    def _make(self, path: Path) -> None:
        bands = self.shape[2]
        # By its own path tifffile would not reach a file without a name.
        with path.open("wb") as stream, tifffile.TiffWriter(stream, bigtiff=True) as tiff:
            tiff.write(
                None,
                shape=self.shape if bands > 1 else self.shape[:2],
                dtype=self.dtype,
                tile=(TILE, TILE),
                photometric="rgb" if bands >= 3 else "minisblack",
                extrasamples=["unassalpha"] if bands in (2, 4) else None,
                planarconfig="contig" if bands > 1 else None,
                metadata=None,
            )

    def put(self, left: int, numbers: np.ndarray) -> bool:
        """A rectangle (h, w, C) of the next rows, in the numbers that are stored; whether it was the last of them.

        The sides are multiples of TILE but at the right and bottom.
        """
        across, square = -(-self.shape[1] // TILE), np.zeros((TILE, TILE, self.shape[2]), self.dtype)
        for top in range(0, numbers.shape[0], TILE):
            before = (self.rows + top) // TILE * across + left // TILE
            with writing(self._place):
                self._file.seek(self._start + before * square.nbytes)
            for start in range(0, numbers.shape[1], TILE):
                part = numbers[top : top + TILE, start : start + TILE]
                square[:] = 0
                square[: part.shape[0], : part.shape[1]] = part
                with writing(self._place):
                    self._file.write(square.tobytes())
        last = left + numbers.shape[1] == self.shape[1]
        self.rows += numbers.shape[0] if last else 0
        return last

    def sync(self) -> None:
        """Return when all that was put would be there after a power cut."""
        with writing(self._place):
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing more will be put."""
        with writing(self._place):
            self._file.close()


@dataclass
class Unfinished:
    """What there is of a result that is not finished.

    `rows` of it, from the top, are in the file `pixels`; `tally` is what its maker counted while making them.
    """

    target: Path
    binding: Mapping[str, Any]  # in words for people: all that the pixels follow from
    rows: int = 0
    tally: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> Path:
        """The canvas."""
        return self._beside(".tif")

    @property
    def encoded(self) -> Path:
        """Where the result is written before it takes its name."""
        return self._beside(f"-result{self.target.suffix}")

    @property
    def facts(self) -> Path:
        """The binding, the rows and the tally; of no more than is safely in `pixels`."""
        return self._beside(".json")

    def keep(self, canvas: Canvas) -> None:
        """All that was put on the canvas so far stays, whatever happens."""
        canvas.sync()
        values = {"binding": self.binding, "rows": canvas.rows, "tally": self.tally}
        new = self._beside(".new")
        with writing(new):
            new.write_text(json.dumps(values, indent=2))
            sync(new)
            new.replace(self.facts)
            with suppress(OSError):  # where a folder cannot be opened
                sync(self.target.parent)
        self.rows = canvas.rows

    def find(self) -> str:
        """Take up what is there, if it was made from the same; otherwise say, in a sentence, why not."""
        try:
            found = json.loads(self.facts.read_text())
            others = [name for name in self.binding if found["binding"].get(name) != self.binding[name]]
            rows, tally = int(found["rows"]), dict(found["tally"])
            with tifffile.TiffFile(self.pixels) as tiff:
                page = tiff.pages[0]
                whole = self.pixels.stat().st_size == page.dataoffsets[0] + sum(page.databytecounts)
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, tifffile.TiffFileError):
            return f"the unfinished {self.target.name} is damaged; it starts again"
        if others:
            return f"the unfinished {self.target.name} was made with another {' and '.join(others)}; it starts again"
        if not whole:
            return f"the unfinished {self.target.name} was cut off; it starts again"
        self.rows, self.tally = rows, tally
        return ""

    def remove(self) -> None:
        """Leave nothing behind."""
        for path in (self.facts, self._beside(".new"), self.encoded, self.pixels):
            path.unlink(missing_ok=True)

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(f".{self.target.name}.restora-part{ending}")


@contextmanager
def unfinished(
    target: Path, binding: Mapping[str, Any], height: int, say: Callable[[str], None]
) -> Iterator[Unfinished]:
    """What there is of the result `target` of so many rows; kept if the block is left before the result is there.

    `say` is told in a sentence where it goes on, why not, or what is kept. Raises RestoraError if another process is
    at it.
    """
    part = Unfinished(target, json.loads(json.dumps(binding)))
    with _alone(part.pixels, target):
        anew = part.find()
        if part.rows or anew:
            say(anew or f"goes on with {target.name} at row {part.rows} of {height}")
        if not part.rows:
            part.facts.unlink(missing_ok=True)  # before its pixels are written over
        try:
            yield part
        except BaseException:
            if part.rows:
                say(f"stopped; {part.rows} of {height} rows are kept, and the same command resumes there")
            else:
                part.remove()
            raise
        part.remove()


@contextmanager
def _alone(path: Path, target: Path) -> Iterator[None]:
    """Hold a file, made if absent, against other processes that would hold it too; where the system can."""
    try:
        stream = path.open("ab")
    except OSError as error:
        raise BadImage(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    with stream:
        if lock(stream.fileno()) is False:
            raise RestoraError(f"another process is making {target}; wait for it, or name another file")
        yield
