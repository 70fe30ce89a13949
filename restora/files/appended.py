"""What stands behind the picture in a JPEG file: gain maps, further pictures, the video of a motion photo."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from restora.files.decode import JPEG

_BLOCK = 1 << 20
"""Bytes that are searched at a time."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends the data of a scan; restart markers and stuffed zeros do not."""
_SCAN, _END = 0xDA, 0xD9
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a segment."""
_GAIN_MAP = (b"hdrgm:", b"urn:iso:std:iso:ts:21496:-1", b"HDRGainMap")
"""What the head of a gain map holds: as Adobe and Google write it, by ISO 21496-1, as Apple writes it."""
_HEAD = 1 << 16
MOST = 100
"""Pictures that are looked at; what follows them counts as other data."""
_MOST_FILL = 1000
"""Bytes to fill up between two segments, and markers without one, that are accepted."""
_SAMSUNG_VIDEO = b"MotionPhoto_Data"


@dataclass(frozen=True)
class Appended:
    """How many gain maps and other pictures stand behind the first, whether a video does, and bytes of other data."""

    gain_maps: int = 0
    pictures: int = 0
    video: bool = False
    other: int = 0

    def notes(self) -> list[str]:
        """What is not kept, in sentences for the user."""
        notes = []
        if self.gain_maps:
            notes.append("the gain map, from which HDR displays take more brightness, was not kept")
        if self.pictures:
            several = f"{self.pictures} further pictures" if self.pictures > 1 else "the second picture"
            notes.append(f"{several} in the file {'were' if self.pictures > 1 else 'was'} not kept")
        if self.video:
            notes.append("the video of this motion photo was not kept")
        if self.other:
            notes.append(f"{self.other} bytes behind the picture, of an unknown kind, were not kept")
        return notes


def appended(path: Path) -> Appended:
    """What stands behind the first picture of a JPEG file; nothing where the file is truncated."""
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
    """Where the JPEG picture that begins at a place ends; None if it is cut off or damaged."""
    at, left = at + 2, _MOST_FILL
    while left:
        stream.seek(at)
        head = stream.read(4)
        if len(head) < 2 or head[0] != 0xFF:
            return None
        if head[1] == _END:
            return at + 2
        if head[1] == 0xFF or head[1] in _ALONE:  # a byte to fill up, or a marker
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
    """Where a pattern of at most `overlap` + 1 bytes is found from a place on, block by block."""
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
    """The place of the first byte that is not zero, or the end of the file."""
    stream.seek(at)
    while block := stream.read(_BLOCK):
        rest = block.lstrip(b"\0")
        at += len(block) - len(rest)
        if rest:
            break
    return at
