"""A folder of pictures, all of one size, as a clip: frames in the natural order of their names."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from av.stream import Disposition

from restora.core.checksum import sha256
from restora.core.errors import BadImage
from restora.core.image import Image
from restora.files.clip import Clip, Frame, check_size
from restora.files.clip_times import Times
from restora.files.decode import decode
from restora.files.picture import open_picture
from restora.files.yuv import Layout

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
TIMES = "times.csv"
"""The times of the frames in seconds, as fractions: a header, then lines NUMBER,SECONDS."""
RATE = Fraction(25)
"""Frames a second if nothing says it."""
FINEST = 2**31 - 1
"""Limit on ticks a second."""
SRGB = (2, 2, 1, 13)
"""FFmpeg's numbers of full range, no matrix, and the primaries and transfer of sRGB."""
TURNED = range(5, 9)
"""Orientations whose width is that of the upright height."""


@dataclass(frozen=True)
class FrameFolder(Clip):
    """A clip whose frames are files. at: their times in ticks."""

    pictures: tuple[Path, ...] = ()
    at: tuple[int, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[tuple[Any, Any]]:
        """No streams besides the pictures."""
        yield Nothing(), Nothing()

    def checksum(self) -> str:
        """A checksum of the names and bytes of all files, and of their times."""
        lines = [f"{path.name} {sha256(path)}" for path in self.pictures]
        return hashlib.sha256("\n".join([*lines, str(self.at), str(self.times.tick)]).encode()).hexdigest()

    def frames(self, first: int = 0, count: int | None = None) -> Iterator[Frame]:
        """The frames from `first` on, at most `count`. Raises BadImage for a file that cannot be read."""
        last = len(self.pictures) if count is None else min(len(self.pictures), first + count)
        for number in range(first, last):
            yield Frame(number, self.at[number] * self.times.tick, self._pixels(number))

    def near(self, share: float, most: int = 24) -> np.ndarray:
        """The pixels of the frame at a share (0 to 1) of the length."""
        frames, place = self.run_near(share, 0, most)
        return frames[place].pixels

    def run_near(self, share: float, reach: int, most: int = 24) -> tuple[list[Image], int]:
        """Consecutive frames, and the place among them of the one that `near` gives; `reach` before and after it."""
        middle = min(len(self.pictures) - 1, int(share * len(self.pictures)))
        numbers = range(max(0, middle - reach), min(len(self.pictures), middle + reach + 1))
        return [Image(self._pixels(number)) for number in numbers], middle - numbers[0]

    def _pixels(self, number: int) -> np.ndarray:
        picture = open_picture(self.pictures[number])
        pixels = picture.load().pixels
        for fault in picture.faults:
            self._fault(f"{self.pictures[number].name}: {fault}")
        return np.ascontiguousarray(np.broadcast_to(pixels, self.shape), np.float32)


class Nothing:
    """Stands for the container of a folder, which has no other streams, and for a stream without tags."""

    streams, metadata, index, disposition = (), dict[str, str](), -1, Disposition.default

    def chapters(self) -> list[dict[str, Any]]:
        """None."""
        return []


def open_folder(path: Path, max_pixels: int, rate: Fraction | None = None) -> FrameFolder:
    """Open a folder of pictures; only their headers are read. Times are those of times.csv if it is there, else even.

    rate: frames a second; default: RATE. Raises BadImage for a folder without pictures, or with pictures of several
    sizes or too many pixels, or for times that do not fit.
    """
    pictures = tuple(sorted((each for each in path.iterdir() if _is_picture(each)), key=_natural))
    if not pictures:
        raise BadImage(f"{path} is a folder without pictures ({', '.join(ENDINGS)})")
    headers = [_header(each) for each in pictures]
    height, width = _one_size(pictures, [size for size, _, _ in headers])
    colours, bits = max(channels for _, channels, _ in headers), max(deep for _, _, deep in headers)
    layout = Layout("rgb" if colours > 2 else "grey", bits, full=True)
    notes = ["transparency was not kept"] if any(channels in (2, 4) for _, channels, _ in headers) else []
    if (path / TIMES).exists():
        seconds = _times_in(path / TIMES, len(pictures))
        notes += [f"the times are those of {TIMES}, not of --fps"] if rate else []
    else:
        seconds = [number / (rate or RATE) for number in range(len(pictures))]
    times, at = _times(seconds, rate or RATE, path)
    count = len(pictures)
    even = (count - 1) / (seconds[-1] - seconds[0]) if count > 1 and seconds[-1] > seconds[0] else rate or RATE
    folder = FrameFolder(
        path, str(path), "folder", pictures[0].suffix[1:].lower(), "pictures", (height, width, layout.channels), layout,
        even, times, SRGB, Fraction(1), None, None, notes=tuple(notes), pictures=pictures, at=at,
    )  # fmt: skip
    check_size(folder, max_pixels)
    return folder


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts 2.png before 10.png."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _header(path: Path) -> tuple[tuple[int, int], int, int]:
    """((height, width) upright, channels, bits) of a picture file. Raises BadImage."""
    try:
        image = decode(path)
        turned = image.get_typeof("orientation") and image.get("orientation") in TURNED
        size = (image.width, image.height) if turned else (image.height, image.width)
        return size, image.bands, 8 if image.format == "uchar" else 16
    except (pyvips.Error, OSError) as error:
        raise BadImage(f"{path} cannot be read as a picture") from error


def _one_size(pictures: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for picture, size in zip(pictures, sizes, strict=True):
        if size != sizes[0]:
            raise BadImage(
                f"all frames must have one size: {pictures[0]} has {sizes[0][1]}x{sizes[0][0]} pixels,"
                f" but {picture} has {size[1]}x{size[0]}"
            )
    return sizes[0]


def _times_in(path: Path, count: int) -> list[Fraction]:
    """The times of a file, one for each of `count` frames. Raises BadImage."""
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()][1:]
        seconds = [Fraction(line.split(",")[1].strip()) for line in lines]
    except (OSError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadImage(f"{path} must have a header and lines NUMBER,SECONDS, such as 2,1/25 ({error})") from error
    if len(seconds) != count:
        raise BadImage(f"{path} has {len(seconds)} times, but the folder has {count} frames")
    if any(after < before for before, after in pairwise(seconds)):
        raise BadImage(f"{path} must not go back in time")
    return seconds


def _times(seconds: Sequence[Fraction], rate: Fraction, path: Path) -> tuple[Times, tuple[int, ...]]:
    """The times, and those of all frames, in ticks in which they are whole numbers. Raises BadImage."""
    ticks = rate.numerator
    for each in seconds:
        ticks = lcm(ticks, each.denominator)
        if ticks > FINEST:
            raise BadImage(f"the times of {path} have no common unit; write them as fractions or with fewer digits")
    at = tuple(int(each * ticks) for each in seconds)
    gaps = Counter(after - before for before, after in pairwise(at) if after > before)
    step = gaps.most_common(1)[0][0] if gaps else max(1, round(ticks / rate))
    run = alike = 1
    for before, after in pairwise(at):
        run = run + 1 if after == before else 1
        alike = max(alike, run)
    return Times(Fraction(1, ticks), len(at), at[0], at[-1], at[-1] + step, step, alike), at
