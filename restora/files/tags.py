"""Directories of tags in TIFF files and EXIF blocks, read and written byte for byte, whatever they contain."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

import numpy as np

EXIF, GPS, IPTC = 34665, 34853, 33723
"""Tags of TIFF: the first two point to directories of their own."""
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes to swap when the byte order changes, by the type of a tag; fractions (5 and 10) are pairs."""
_PAIRS = (5, 10)
_MOST = 10_000_000
"""Limit in bytes on all values of a directory; more is not metadata, but pixels, damage or an attack."""


@dataclass(frozen=True)
class Tag:
    """A value: its type by the number of the standard, its count, and its bytes in the byte order of the directory."""

    kind: int
    count: int
    data: bytes

    def turned(self) -> "Tag":
        """The same in the other byte order."""
        return Tag(self.kind, self.count, np.frombuffer(self.data, f"u{_UNITS[self.kind]}").byteswap().tobytes())


@dataclass(frozen=True)
class Form:
    """How a file stores directories: its byte order, < or >, and whether it is a BigTIFF."""

    order: str
    big: bool = False

    def pack(self, kind: str, *values: int) -> bytes:
        """Numbers packed as by struct."""
        return struct.pack(self.order + kind, *values)

    @property
    def size(self) -> int:
        """Bytes of an offset, and of a value stored in its entry."""
        return 8 if self.big else 4

    @property
    def wide(self) -> str:
        """The struct format of an offset."""
        return "Q" if self.big else "I"

    @property
    def number(self) -> str:
        """The struct format of the number of entries."""
        return "Q" if self.big else "H"


@dataclass
class Directory:
    """Tags by number, and subdirectories by the number of their tag."""

    tags: dict[int, Tag] = field(default_factory=dict)
    inner: dict[int, dict[int, Tag]] = field(default_factory=dict)

    def turned(self) -> "Directory":
        """The same in the other byte order."""
        inner = {number: {n: tag.turned() for n, tag in own.items()} for number, own in self.inner.items()}
        return Directory({number: tag.turned() for number, tag in self.tags.items()}, inner)


def form_of(head: bytes) -> tuple[Form, int]:
    """The form of a TIFF file or EXIF block with these first 16 bytes, and the offset of its first directory.

    Raises ValueError for other data.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise ValueError("this is neither TIFF nor EXIF")
    form = Form(order, struct.unpack(f"{order}H", head[2:4])[0] == 43)
    where = head[8:16] if form.big else head[4:8]
    if len(where) < form.size:
        raise ValueError("this is truncated")
    return form, struct.unpack(f"{order}{form.wide}", where)[0]


def entries_of(stream: IO[bytes], form: Form, at: int) -> dict[int, bytes]:
    """The entries of the directory at an offset, by tag, unchanged. Raises ValueError if it is truncated."""
    found = _read(stream, at, struct.calcsize(form.order + form.number))
    length = 4 + 2 * form.size
    try:
        number = min(65535, struct.unpack(form.order + form.number, found)[0])
    except struct.error as error:
        raise ValueError("a directory is missing") from error
    data = stream.read(number * length)
    parts = [data[start : start + length] for start in range(0, len(data) - length + 1, length)]
    return {struct.unpack(f"{form.order}H", part[:2])[0]: part for part in parts}


def _read(stream: IO[bytes], at: int, length: int) -> bytes:
    """Up to so many bytes from an offset on; none beyond the largest possible file."""
    try:
        stream.seek(at)
    except (OverflowError, OSError):  # a BigTIFF may contain offsets up to 2^64
        return b""
    return stream.read(length)


def tags_of(stream: IO[bytes], form: Form, at: int) -> dict[int, Tag]:
    """The tags of the directory at an offset; damaged ones are left out."""
    tags, left = {}, _MOST
    for number, entry in entries_of(stream, form, at).items():
        kind, count = struct.unpack(f"{form.order}H{form.wide}", entry[2 : 4 + form.size])
        length = count * _UNITS.get(kind, 0) * (2 if kind in _PAIRS else 1)
        value = entry[4 + form.size :]
        if form.size < length <= left:
            left -= length
            value = _read(stream, struct.unpack(f"{form.order}{form.wide}", value)[0], length)
        if 0 < length <= len(value):
            tags[number] = Tag(kind, count, value[:length])
    return tags


def read_directory(stream: IO[bytes]) -> tuple[Form, Directory]:
    """The first directory of a TIFF file or EXIF block, with those of EXIF and GPS. Raises ValueError otherwise."""
    form, at = form_of(stream.read(16))
    found = Directory(tags_of(stream, form, at))
    for number in (EXIF, GPS):
        tag = found.tags.pop(number, None)
        if tag and len(tag.data) in (4, 8):
            where = struct.unpack(form.order + ("Q" if len(tag.data) == 8 else "I"), tag.data)[0]
            try:
                found.inner[number] = tags_of(stream, form, where)
            except ValueError:
                continue
    return form, found


def packed(directory: Directory, form: Form, at: int, entries: Mapping[int, bytes] | None = None) -> bytes:
    """The bytes of a directory for an offset, followed by its values and subdirectories.

    entries: other entries whose values are in the file already and stay where they are.
    """
    entries = {number: entry for number, entry in (entries or {}).items() if number not in directory.tags}
    numbers = sorted({*directory.tags, *directory.inner, *entries})
    start = at + struct.calcsize(form.order + form.number) + len(numbers) * (4 + 2 * form.size) + form.size
    rows, behind = BytesIO(), BytesIO()
    for number in numbers:
        if number in directory.inner:
            inside = packed(Directory(directory.inner[number]), form, start + behind.tell())
            tag = Tag(16 if form.big else 4, 1, form.pack(form.wide, start + behind.tell()))
            behind.write(inside)
        elif number in entries:
            rows.write(entries[number])
            continue
        else:
            tag = directory.tags[number]
        value = tag.data.ljust(form.size, b"\0")
        if len(value) > form.size:
            value = form.pack(form.wide, start + behind.tell())
            behind.write(tag.data + b"\0" * (-len(tag.data) % 8))
        rows.write(form.pack(f"HH{form.wide}", number, tag.kind, tag.count) + value)
    return form.pack(form.number, len(numbers)) + rows.getvalue() + form.pack(form.wide, 0) + behind.getvalue()
