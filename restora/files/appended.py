"""Data after the picture in a JPEG file: gain maps, further pictures, the video of a motion photo."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from restora.files.decode import JPEG

_BLOCK = 1 << 20
"""Bytes searched at a time."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends the data of a scan; restart markers and stuffed zeros do not."""
_SCAN, _END = 0xDA, 0xD9
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a segment."""
_GAIN_MAP = (b"hdrgm:", b"urn:iso:std:iso:ts:21496:-1", b"HDRGainMap")
"""Marks in the head of a gain map: of Adobe and Google, of ISO 21496-1, of Apple."""
_HEAD = 1 << 16
MOST = 100
"""Limit on the number of pictures; the rest counts as other data."""
_MOST_FILL = 1000
"""Limit on the number of fill bytes between two segments, and of markers without a segment."""
_SAMSUNG_VIDEO = b"MotionPhoto_Data"


@dataclass(frozen=True)
class Appended:
    """The data after the first picture: numbers of gain maps and other pictures, a video, bytes of other data."""

    gain_maps: int = 0
    pictures: int = 0
    video: bool = False
    other: int = 0

    def notes(self) -> list[str]:
        """What is not kept, in sentences for the user."""
        notes = []
        if self.gain_maps:
            notes.append("the gain map, which HDR displays use for more brightness, was not kept")
        if self.pictures:
            several = f"{self.pictures} further pictures" if self.pictures > 1 else "the second picture"
            notes.append(f"{several} in the file {'were' if self.pictures > 1 else 'was'} not kept")
        if self.video:
            notes.append("the video of this motion photo was not kept")
        if self.other:
            notes.append(f"{self.other} bytes of unknown data after the picture were not kept")
        return notes


def appended(path: Path) -> Appended:
    """The data after the first picture of a JPEG file; empty if the file is truncated."""
    gain_maps = pictures = 0
    with path.open("rb") as stream:
        at = _end_of_picture(stream, 0)
        while at is not None:
            at = _skip_padding(stream, at)
            if gain_maps + pictures >= MOST:
                return Appended(gain_maps, pictures, other=stream.seek(0, 2) - at)
            stream.seek(at)
            head = stream.read(_HEAD)
            if not head.strip():
                break
            if head.startswith(JPEG):
                is_map = any(mark in head for mark in _GAIN_MAP)
                gain_maps, pictures = gain_maps + is_map, pictures + (not is_map)
                at = _end_of_picture(stream, at)
            elif b"ftyp" in head[:8] or _holds(stream, at, _SAMSUNG_VIDEO):
                return Appended(gain_maps, pictures, video=True)
            else:
                return Appended(gain_maps, pictures, other=stream.seek(0, 2) - at)
    return Appended(gain_maps, pictures)


def _end_of_picture(stream: IO[bytes], at: int) -> int | None:
    """The offset of the end of the JPEG picture that starts at an offset; None if it is truncated or damaged."""
    at, left = at + 2, _MOST_FILL
    while left:
        stream.seek(at)
        head = stream.read(4)
        if len(head) < 2 or head[0] != 0xFF:
            return None
        if head[1] == _END:
            return at + 2
        if head[1] == 0xFF or head[1] in _ALONE:  # a fill byte, or a marker
            at, left = at + (1 if head[1] == 0xFF else 2), left - 1
        else:
            at += 2 + int.from_bytes(head[2:])
            if head[1] == _SCAN:
                found = next((where for where in _found(stream, at, _MARKER, 1)), None)
                if found is None:
                    return None
                at = found
    return None


def _found(stream: IO[bytes], at: int, pattern: re.Pattern[bytes], overlap: int) -> Iterator[int]:
    """The offsets of a pattern of at most `overlap` + 1 bytes, from an offset on, block by block."""
    stream.seek(at)
    before = b""
    while block := stream.read(_BLOCK):
        data = before + block
        for found in pattern.finditer(data):
            yield at - len(before) + found.start()
        at += len(block)
        before = data[-overlap:]


def _holds(stream: IO[bytes], at: int, word: bytes) -> bool:
    return any(True for _ in _found(stream, at, re.compile(re.escape(word)), len(word) - 1))


def _skip_padding(stream: IO[bytes], at: int) -> int:
    """The offset of the first byte that is not zero, or the end of the file."""
    stream.seek(at)
    while block := stream.read(_BLOCK):
        rest = block.lstrip(b"\0")
        at += len(block) - len(rest)
        if rest:
            break
    return at
