"""The shape of pixels in a Matroska file, which FFmpeg's muxer takes from a field that PyAV does not set."""

from fractions import Fraction
from pathlib import Path

_HEAD = 1 << 16
_UNKNOWN = bytes.fromhex("54b28104")
"""DisplayUnit: the muxer writes that it knows no size for display."""
_ROOM = bytes.fromhex("ec01000000000000020000")
"""Void: an element of eleven bytes that the muxer leaves after the picture's."""


def put_aspect(path: Path, size: tuple[int, int], aspect: Fraction) -> bool:
    """Write the size for display of frames of (height, width) with pixels of an aspect; whether there was room.

    The file must have been written without checksums of its elements.
    """
    with path.open("r+b") as file:
        head = file.read(_HEAD)
        unit = head.find(_UNKNOWN)
        room = head.find(_ROOM, unit)
        start = head.rfind(b"\xe0", 0, unit)
        if min(unit, room, start) < 0:
            return False
        length = head[start + 1] & 0x7F
        height, width = size
        display = (
            b"\x54\xb0\x83" + round(width * aspect).to_bytes(3, "big") + b"\x54\xba\x83" + height.to_bytes(3, "big")
        )
        grown = length + len(display) - len(_UNKNOWN)
        end = start + 2 + length
        if not head[start + 1] & 0x80 or not unit < end <= room or grown > 0x7E:
            return False
        left = len(_ROOM) - (grown - length)
        video = head[start + 2 : unit] + display + head[unit + len(_UNKNOWN) : end]
        rest = head[end:room] + b"\xec" + (0x80 | left - 2).to_bytes() + bytes(left - 2)
        file.seek(start)
        file.write(b"\xe0" + (0x80 | grown).to_bytes() + video + rest)
    return True
