"""A picture file on the disk that is filled from the top and, if requested, survives its process, for --resume."""

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
"""Side of the tiles that are written; libvips cannot read larger ones of very small pictures."""

DTYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}
"""Number type of a picture by its bits per value."""


class Canvas:
    """A TIFF file of uncompressed tiles, complete from the start, black where nothing has been written yet.

    Its disk space is allocated before anything is written; written tiles do not move.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], bits: int, rows: int = 0) -> None:
        """Create the file for a picture (H, W, C) or, if `rows` of it exist, open it.

        All methods raise BadImage if the file cannot be written.
        """
        self.shape, self.dtype, self.rows = shape, np.dtype(DTYPES[bits]), rows
        self._place = f"in the folder {path.resolve().parent}"  # Linux reports it even for files without a name
        with writing(self._place):
            if not rows:
                self._make(path)
            with path.open("rb") as stream, tifffile.TiffFile(stream) as tiff:
                self._start = tiff.pages[0].dataoffsets[0]
            self._file = path.open("r+b")

    def _make(self, path: Path) -> None:
        bands = self.shape[2]
        # tifffile cannot reopen a file without a name by its path.
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
        """Write a rectangle (h, w, C) of the next rows, in stored numbers; returns whether it completes the row.

        Its sides are multiples of TILE except at the right and bottom.
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
        """Return when everything written so far would survive a power cut."""
        with writing(self._place):
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; nothing more can be written."""
        with writing(self._place):
            self._file.close()


@dataclass
class Unfinished:
    """An unfinished result.

    The file `pixels` has its first `rows` rows; `tally` has the counters of its maker.
    """

    target: Path
    binding: Mapping[str, Any]  # everything that determines the pixels, in words for users
    rows: int = 0
    tally: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> Path:
        """The canvas."""
        return self._beside(".tif")

    @property
    def encoded(self) -> Path:
        """The temporary path of the encoded result."""
        return self._beside(f"-result{self.target.suffix}")

    @property
    def facts(self) -> Path:
        """The path of binding, rows and tally, which never count more than `pixels` has on the disk."""
        return self._beside(".json")

    def keep(self, canvas: Canvas) -> None:
        """Make everything on the canvas durable, and record it."""
        canvas.sync()
        values = {"binding": self.binding, "rows": canvas.rows, "tally": self.tally}
        new = self._beside(".new")
        with writing(new):
            new.write_text(json.dumps(values, indent=2))
            sync(new)
            new.replace(self.facts)
            with suppress(OSError):  # if a folder cannot be opened
                sync(self.target.parent)
        self.rows = canvas.rows

    def find(self) -> str:
        """Load what exists, if it was made from the same inputs; otherwise return the reason in a sentence."""
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
            return f"the unfinished {self.target.name} is damaged; starting over"
        if others:
            return f"the unfinished {self.target.name} was made with another {' and '.join(others)}; starting over"
        if not whole:
            return f"the unfinished {self.target.name} is truncated; starting over"
        self.rows, self.tally = rows, tally
        return ""

    def remove(self) -> None:
        """Remove all files."""
        for path in (self.facts, self._beside(".new"), self.encoded, self.pixels):
            path.unlink(missing_ok=True)

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(f".{self.target.name}.restora-part{ending}")


class Kept(Unfinished):
    """A result whose pixels stay beside it, uncompressed, when it is complete; it cannot be resumed."""

    @property
    def pixels(self) -> Path:
        """The canvas."""
        return kept_pixels(self.target)

    def keep(self, canvas: Canvas) -> None:
        """Nothing is recorded."""


def kept_pixels(target: Path) -> Path:
    """Where the pixels of a result are kept: a tiled TIFF file of the same depth, without compression."""
    return target.with_name(f"{target.name}.pixels.tif")


@contextmanager
def unfinished(
    target: Path, binding: Mapping[str, Any], height: int, say: Callable[[str], None]
) -> Iterator[Unfinished]:
    """The unfinished result for `target`, which has `height` rows; kept if the block ends before the result exists.

    `say` gets a sentence: where it resumes, why it does not, or what is kept. Raises RestoraError if another process is
    writing the same result.
    """
    part = Unfinished(target, json.loads(json.dumps(binding)))
    with alone(part.pixels, target):
        anew = part.find()
        if part.rows or anew:
            say(anew or f"resuming {target.name} at row {part.rows} of {height}")
        if not part.rows:
            part.facts.unlink(missing_ok=True)  # before its pixels are overwritten
        try:
            yield part
        except BaseException:
            if part.rows:
                say(f"stopped; {part.rows} of {height} rows are kept, the same command with --resume continues there")
            else:
                part.remove()
            raise
        part.remove()


@contextmanager
def alone(path: Path, target: Path) -> Iterator[None]:
    """Lock a file, created if absent, against other processes, if the system can."""
    try:
        stream = path.open("ab")
    except OSError as error:
        raise BadImage(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    with stream:
        if lock(stream.fileno()) is False:
            raise RestoraError(f"another process is writing {target}; wait for it, or give another name")
        yield
