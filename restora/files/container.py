"""Containers of clips: which files are clips, and whether the end of one is missing."""

import struct
from pathlib import Path

from restora.files.heic import begins_as_heic

STARTS = {
    b"\x1a\x45\xdf\xa3": "Matroska", b"OggS": "Ogg", b"FLV\x01": "Flash", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "ASF",
    b"\x00\x00\x01\xba": "MPEG program stream", b"\x00\x00\x01\xb3": "MPEG video", b"\x06\x0e\x2b\x34": "MXF",
    b"DKIF": "IVF", b"YUV4MPEG2": "YUV4MPEG",
}  # fmt: skip
"""The first bytes of containers that are known by them."""
FOLDER = "folder"
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof")
"""Names of the boxes that an MP4 or QuickTime file can begin with."""
PICTURES = (b"ftypavif", b"ftypavis", b"ftypmif1")
TS = 188
"""Bytes of a packet of an MPEG transport stream."""
_START = 4 * TS


def container_of(path: Path) -> str:
    """The name of the container of a clip, by its first bytes, or that it is a folder, of frames.

    Empty for a file that is no clip or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return FOLDER if path.is_dir() else ""
    for first, name in STARTS.items():
        if start.startswith(first):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "AVI"
    if start[4:8] in BOXES and start[4:12] not in PICTURES and not begins_as_heic(start):
        return "MP4"
    if any(start[shift::step][:3] == b"GGG" for shift, step in ((0, TS), (4, TS + 4))):
        return "MPEG transport stream"
    return ""


def is_cut_off(path: Path) -> bool:
    """Whether a clip is shorter than its container says. False where it does not say."""
    kind, length = container_of(path), path.stat().st_size
    with path.open("rb") as file:
        if kind == "AVI":
            return bool(8 + struct.unpack("<4xI", file.read(8))[0] > length)
        if kind == "MP4":
            position = 0
            while position + 8 <= length and position >= 0:
                file.seek(position)
                position = _end_of_box(position, file.read(16), length)
            return position != length
        if kind == "Matroska":
            file.seek(4)
            header, at = _number(file.read(8))
            file.seek(4 + at + header)
            segment = file.read(12)
            size, bytes_ = _number(segment[4:])
            unknown = size == 2 ** (7 * bytes_) - 1  # of a recording that was stopped without being closed
            return segment[:4] == b"\x18\x53\x80\x67" and not unknown and 8 + at + header + bytes_ + size > length
    return False


def _end_of_box(start: int, head: bytes, length: int) -> int:
    size = struct.unpack(">I", head[:4])[0]
    if size == 1 and len(head) == 16:
        size = struct.unpack(">Q", head[8:])[0]
    return length if size == 0 else start + max(8, size)


def _number(data: bytes) -> tuple[int, int]:
    """The value and the number of bytes of a number of EBML, whose leading zero bits say how many bytes it has."""
    count = 9 - data[0].bit_length() if data else 1
    return int.from_bytes(data[:count], "big") & ~(1 << 7 * count), count
