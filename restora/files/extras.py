"""What files say beside the picture and libvips does not hand on: text, and what TIFF files say of a photograph."""

import shutil
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

_SIGNATURE = 8
_HEADER = 33
"""Bytes of a PNG before anything may follow: signature and IHDR."""
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ELSEWHERE = (b"XML:com.adobe.xmp", b"Raw profile type ")
"""Keywords of text that is metadata of another kind."""
MOST = 1_000_000
"""Bytes of text that are kept of one file."""
_COMMENT, _PIXELS, _OF_APPLICATIONS = 0xFE, 0xDA, range(0xE0, 0xF0)
"""Markers of JPEG segments."""
_OF_THE_PHOTOGRAPH = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432)
"""Tags of TIFF 6.0 that are not about pixels: names of document and page, description, camera, software, date, host,
artist and copyright."""
_EXIF, _GPS = 34665, 34853
"""Tags that lead to directories of their own."""
_INTEROPERABILITY = 40965
"""One within that of EXIF, of no use to people."""


def png_text(path: Path) -> tuple[bytes, ...]:
    """The chunks of text of a PNG file, each with its length, type and checksum, as they stand there."""
    chunks: list[bytes] = []
    with path.open("rb") as stream:
        for kind, length in _png_chunks(stream):
            if kind not in _TEXT or sum(map(len, chunks)) + length > MOST:
                continue
            body = stream.read(length + 4)
            if not body.startswith(_ELSEWHERE):
                chunks.append(struct.pack(">I", length) + kind + body)
    return tuple(chunks)


def put_png_text(path: Path, chunks: tuple[bytes, ...]) -> None:
    """Put chunks of text into a PNG file, in front of its pixels."""
    _insert(path, _HEADER, b"".join(chunks))


def jpeg_comment(path: Path) -> bytes | None:
    """The first comment of a JPEG file, or None."""
    with path.open("rb") as stream:
        for marker, length in _jpeg_segments(stream):
            if marker == _COMMENT:
                return stream.read(length)
    return None


def put_jpeg_comment(path: Path, comment: bytes) -> None:
    """Put a comment into a JPEG file, behind what applications say."""
    with path.open("rb") as stream:
        at = next(stream.tell() - 4 for marker, _ in _jpeg_segments(stream) if marker not in _OF_APPLICATIONS)
    _insert(path, at, b"\xff" + bytes([_COMMENT]) + struct.pack(">H", len(comment) + 2) + comment)


def tiff_exif(path: Path) -> bytes | None:
    """What a TIFF file says of the photograph, as an EXIF block; None if nothing, or if it cannot be read."""
    from PIL.Image import Exif
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    block = Exif()
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
            head = head if head[2 if head.startswith(b"II") else 3] == 43 else head[:8]  # the longer one of BigTIFF
            directory = ImageFileDirectory_v2(head)
            stream.seek(directory.next)
            directory.load(stream)
            for tag in (*_OF_THE_PHOTOGRAPH, _EXIF, _GPS):
                if tag not in directory:
                    continue
                block[tag] = directory[tag]
                if tag in (_EXIF, _GPS):
                    own = ImageFileDirectory_v2(head, group=tag)
                    stream.seek(directory[tag])
                    own.load(stream)
                    block[tag] = {each: value for each, value in own.items() if each != _INTEROPERABILITY}
            return block.tobytes() if len(block) else None
    except (OSError, ValueError, TypeError, KeyError, SyntaxError, struct.error):  # strange tags are no reason to fail
        return None


def put_tiff_exif(path: Path, exif: bytes) -> None:
    """Make a TIFF file, in this machine's byte order, say of the photograph what an EXIF block does.

    What it says, then a new directory of it and of all that was there before, are written at its end. Raises
    ValueError for what is no EXIF.
    """
    from PIL.Image import Exif
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    block = Exif()
    try:
        block.load(exif)
        new_tags = _said(block)
    except (OSError, TypeError, KeyError, SyntaxError, struct.error) as error:
        raise ValueError("this is no EXIF") from error
    with path.open("r+b") as stream:
        head = stream.read(16)
        size, at_head, count_as, offset_as = (20, 8, "Q", "Q") if head[2] == 43 else (12, 4, "H", "I")

        def entries(directory: IO[bytes]) -> dict[bytes, bytes]:
            number = struct.unpack(f"={count_as}", directory.read(struct.calcsize(count_as)))[0]
            return {entry[:2]: entry for entry in (directory.read(size) for _ in range(number))}

        stream.seek(struct.unpack(f"={offset_as}", head[at_head : 2 * at_head])[0])
        before = entries(stream)
        start = stream.seek(0, 2)
        start += stream.write(b"\0" * (-start % 16))
        new = ImageFileDirectory_v2(head[: 2 * at_head])
        new.update(new_tags)
        said = new.tobytes(start)
        at = start + stream.write(said + b"\0" * (-len(said) % 16))
        both = before | entries(BytesIO(said))
        stream.write(struct.pack(f"={count_as}", len(both)))
        stream.writelines(both[tag] for tag in sorted(both, key=lambda tag: struct.unpack("=H", tag)))
        stream.write(struct.pack(f"={offset_as}", 0))  # no further page
        stream.seek(at_head)
        stream.write(struct.pack(f"={offset_as}", at))


def _said(block: Any) -> dict[int, Any]:
    """The tags of a directory that say something of the photograph; directories of their own as dictionaries."""
    said = {tag: block[tag] for tag in _OF_THE_PHOTOGRAPH if tag in block}
    own = {tag: dict(block.get_ifd(tag)) for tag in (_EXIF, _GPS)}
    own[_EXIF].pop(_INTEROPERABILITY, None)
    return said | {tag: values for tag, values in own.items() if values}


def _insert(path: Path, at: int, data: bytes) -> None:
    """Put data into a file, so many bytes after its beginning."""
    whole = path.with_name(path.name + ".text")
    try:
        with path.open("rb") as source, whole.open("wb") as target:
            target.write(source.read(at) + data)
            shutil.copyfileobj(source, target)
        shutil.copymode(path, whole)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def _jpeg_segments(stream: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Marker and length of each segment before the pixels and of their first, the stream standing at its data."""
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


def _png_chunks(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Type and length of each chunk, the stream standing at its data."""
    at = _SIGNATURE
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        at += length + 12
