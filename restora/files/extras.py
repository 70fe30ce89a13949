"""Metadata that libvips does not pass on: text of PNG and JPEG, and the tags of TIFF files about the photograph."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from restora.files.png_colour import COLOUR
from restora.files.tags import EXIF, IPTC, Directory, Form, Tag, entries_of, form_of, packed, read_directory

_BLOCK = 1 << 20
"""Bytes moved at a time."""
_SIGNATURE = 8
_HEADER = 33
"""Bytes of a PNG before any other chunk: signature and IHDR."""
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
"""Keyword of the text that libvips passes on as XMP."""
MOST = 1_000_000
"""Limit in bytes on the text kept of one file."""
_COMMENT, _PIXELS, _STEPS, _OF_APPLICATIONS = 0xFE, 0xDA, 0xDB, range(0xE0, 0xF0)
"""Markers of JPEG segments."""
_ZIGZAG = sorted(range(64), key=lambda at: (at // 8 + at % 8, at if (at // 8 + at % 8) % 2 else -at))
"""The places of an 8x8 block in the order in which JPEG stores them."""
_OF_THE_PHOTOGRAPH = (269, 270, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, *range(40091, 40096), 33432)
"""Tags that do not concern pixels: names of document and page, description, camera, software, date, host, artist,
copyright; rating, title and keywords as Windows writes them."""
_INTEROPERABILITY = 40965
"""A subdirectory of EXIF that users do not need."""
_EXIF = b"Exif\0\0"
_PHOTOSHOP, _RESOURCE, _IPTC = b"Photoshop 3.0\0", b"8BIM", b"\x04\x04"
"""In JPEG files IPTC is a Photoshop resource."""


def png_text(path: Path) -> tuple[bytes, ...]:
    """The text chunks of a PNG file, each with its length, type and checksum, unchanged."""
    return tuple(chunk for chunk in _whole_chunks(path, _TEXT) if not chunk[8:].startswith(_XMP))


def png_colour(path: Path) -> tuple[bytes, ...]:
    """The chunks of a PNG file that define its colour space, as `png_text`; one of each type."""
    return tuple({chunk[4:8]: chunk for chunk in _whole_chunks(path, COLOUR)}.values())


def put_png_chunks(path: Path, chunks: tuple[bytes, ...]) -> None:
    """Insert chunks into a PNG file, before its palette and pixels."""
    _insert(path, _HEADER, b"".join(chunks))


def png_is_animated(path: Path) -> bool:
    """Whether a PNG file is animated."""
    with path.open("rb") as stream:
        return any(kind == b"acTL" for kind, _ in _png_chunks(stream))


def jpeg_comments(path: Path) -> tuple[bytes, ...]:
    """The comments of a JPEG file."""
    with path.open("rb") as stream:
        return tuple(stream.read(length) for marker, length in _jpeg_segments(stream) if marker == _COMMENT)


def jpeg_steps(path: Path) -> np.ndarray | None:
    """The (8, 8) steps of the quantiser of luma in a JPEG file; None if the file has none, or is no JPEG."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\xff\xd8":
            return None
        for marker, length in _jpeg_segments(stream):
            data = stream.read(length) if marker == _STEPS else b""
            while data:  # several tables may share a segment; that of luma has the number 0
                wide, number = data[0] >> 4, data[0] & 15
                values = np.frombuffer(data[1 : 1 + 64 * (1 + wide)], ">u2" if wide else "u1")
                if number == 0 and len(values) == 64:
                    steps = np.empty(64)
                    steps[_ZIGZAG] = values
                    return steps.reshape(8, 8)
                data = data[1 + 64 * (1 + wide) :]
    return None


def put_jpeg_comments(path: Path, comments: tuple[bytes, ...]) -> None:
    """Insert comments into a JPEG file, after the application segments."""
    with path.open("rb") as stream:
        at = next(stream.tell() - 4 for marker, _ in _jpeg_segments(stream) if marker not in _OF_APPLICATIONS)
    heads = (struct.pack(">BBH", 0xFF, _COMMENT, len(comment) + 2) for comment in comments)
    _insert(path, at, b"".join(head + comment for head, comment in zip(heads, comments, strict=True)))


def tiff_says(path: Path) -> tuple[bytes | None, bytes | None]:
    """The metadata of a TIFF file about the photograph: an EXIF block, and IPTC; None if absent."""
    try:
        with path.open("rb") as stream:
            form, found = read_directory(stream)
    except (OSError, ValueError):  # libvips can still read its pixels
        return None, None
    iptc = found.tags.get(IPTC)
    said = _said(found)
    plain = Form(form.order)
    exif = _EXIF + {"<": b"II", ">": b"MM"}[form.order] + plain.pack("HI", 42, 8) + packed(said, plain, 8)
    return exif if said.tags or said.inner else None, iptc.data if iptc else None


def put_into_tiff(path: Path, exif: bytes | None, iptc: bytes | None) -> None:
    """Write an EXIF block and IPTC into a TIFF file: its directory is written again at the end of the file.

    Raises ValueError for data that are not EXIF.
    """
    order, said = Form("<"), Directory()
    if exif:
        order, found = read_directory(BytesIO(exif.removeprefix(_EXIF)))
        said = _said(found)
    with path.open("r+b") as stream:
        form, at = form_of(stream.read(16))
        said = said if order.order == form.order else said.turned()
        if iptc:
            said.tags[IPTC] = Tag(7, len(iptc), iptc)
        before = entries_of(stream, form, at)
        end = stream.seek(0, 2)
        end += stream.write(b"\0" * (-end % 16))
        stream.write(packed(said, form, end, before))
        stream.seek(form.size)
        stream.write(form.pack(form.wide, end))


def iptc_alone(resources: bytes) -> bytes:
    """The IPTC data in Photoshop resources, as in JPEG files; other data are returned unchanged."""
    if not resources.startswith(_PHOTOSHOP):
        return resources
    at = len(_PHOTOSHOP)
    while resources[at : at + 4] == _RESOURCE:
        kind, name = resources[at + 4 : at + 6], resources[at + 6] if at + 6 < len(resources) else 0
        start = at + 6 + (name + 2) // 2 * 2 + 4
        length = int.from_bytes(resources[start - 4 : start])
        if kind == _IPTC:
            return resources[start : start + length]
        at = start + (length + 1) // 2 * 2
    return b""


def iptc_as_resource(iptc: bytes) -> bytes:
    """IPTC as a Photoshop resource, for JPEG files."""
    return _PHOTOSHOP + _RESOURCE + _IPTC + bytes(2) + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


def _said(found: Directory) -> Directory:
    """The tags of a directory that describe the photograph."""
    inner = {number: dict(own) for number, own in found.inner.items()}
    inner.get(EXIF, {}).pop(_INTEROPERABILITY, None)
    tags = {number: found.tags[number] for number in _OF_THE_PHOTOGRAPH if number in found.tags}
    return Directory(tags, {number: own for number, own in inner.items() if own})


def _insert(path: Path, at: int, data: bytes) -> None:
    """Insert data into a file at an offset; the rest is moved, from its end on."""
    with path.open("r+b") as stream:
        end = stream.seek(0, 2)
        while end > at:
            start = max(at, end - _BLOCK)
            stream.seek(start)
            block = stream.read(end - start)
            stream.seek(start + len(data))
            stream.write(block)
            end = start
        stream.seek(at)
        stream.write(data)


def _jpeg_segments(stream: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Marker and length of each segment before the pixels and of their first; the stream is at the segment's data."""
    at = 2
    while True:
        stream.seek(at)
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return
        length = int.from_bytes(head[2:])
        yield head[1], length - 2
        if head[1] == _PIXELS:
            return
        at += 2 + length


def _whole_chunks(path: Path, kinds: tuple[bytes, ...]) -> Iterator[bytes]:
    """The chunks of some types of a PNG file, unchanged; truncated ones are left out."""
    left = MOST
    with path.open("rb") as stream:
        for kind, length in _png_chunks(stream):
            if kind not in kinds or length > left:
                continue
            left -= length
            body = stream.read(length + 4)
            if zlib.crc32(kind + body[:-4]) == int.from_bytes(body[-4:]):
                yield struct.pack(">I", length) + kind + body


def _png_chunks(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Type and length of each chunk; the stream is at its data."""
    at = _SIGNATURE
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        at += length + 12
