"""What files say beside the picture and libvips does not hand on: PNG text, kept as it is; the rest is named."""

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import tifffile

_SIGNATURE = 8
_HEADER = 33
"""Bytes of a PNG before anything may follow: signature and IHDR."""
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ELSEWHERE = (b"XML:com.adobe.xmp", b"Raw profile type ")
"""Keywords of text that is metadata of another kind."""
MOST = 1_000_000
"""Bytes of text that are kept of one file."""
_SAYING = {
    269: "DocumentName", 271: "Make", 272: "Model", 285: "PageName", 305: "Software", 306: "DateTime", 315: "Artist",
    316: "HostComputer", 33432: "Copyright", 34665: "EXIF", 34853: "GPS",
}  # fmt: skip


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
    whole = path.with_name(path.name + ".text")
    try:
        with path.open("rb") as source, whole.open("wb") as target:
            target.write(source.read(_HEADER))
            target.writelines(chunks)
            shutil.copyfileobj(source, target)
        shutil.copymode(path, whole)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def unkept(path: Path, kind: str) -> list[str]:
    """What a JPEG or TIFF file says that will not be in any result, in words."""
    if kind == "jpg" and _jpeg_has_comment(path):
        return ["the comment of the JPEG file is not kept"]
    if kind == "tif":
        names = _tiff_says(path)
        return [f"not kept of the TIFF file: {', '.join(names)}"] if names else []
    return []


def _tiff_says(path: Path) -> list[str]:
    try:
        with tifffile.TiffFile(path) as file:
            return [name for code, name in _SAYING.items() if code in file.pages[0].tags]
    except (tifffile.TiffFileError, ValueError, IndexError):  # libvips reads more kinds
        return []


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
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


def _jpeg_has_comment(path: Path) -> bool:
    """Whether there is a comment among the segments before the pixels."""
    with path.open("rb") as stream:
        at = 2
        while True:
            stream.seek(at)
            head = stream.read(4)
            if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:  # the pixels begin
                return False
            if head[1] == 0xFE:
                return True
            at += 2 + int.from_bytes(head[2:])
