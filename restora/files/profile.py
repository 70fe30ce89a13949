"""ICC profiles of RGB and grey colour spaces, from their primaries and a curve (ICC.1:2022, version 4)."""

import struct
from collections.abc import Sequence

import numpy as np

Point = tuple[float, float]
"""Chromaticity: x and y of CIE 1931."""

_D50 = np.array([0.9642, 1.0, 0.8249])
"""XYZ of the white point of the connection space."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""g, a, b, c, d: a value v stands for light (a v + b)^g, below d for c v (IEC 61966-2-1)."""
SRGB_PRIMARIES: tuple[Point, Point, Point] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65: Point = (0.3127, 0.3290)


def icc_profile(name: str, primaries: Sequence[Point], white: Point, curve: Sequence[float], grey: bool) -> bytes:
    """The profile of a colour space with a curve: (g,) for v^g, or five numbers as SRGB_CURVE.

    primaries: of red, green and blue; ignored for grey. Raises ValueError if the primaries span no colours.
    """
    to_d50 = _adaptation(_xyz(white))
    tags = {b"desc": _text(name), b"cprt": _text("No copyright"), b"wtpt": _xyz_tag(_D50), b"chad": _matrix(to_d50)}
    if grey:
        tags[b"kTRC"] = _curve(curve)
    else:
        columns = np.stack([_xyz(point) for point in primaries], 1)
        if abs(np.linalg.det(columns)) < 1e-6:
            raise ValueError("the primaries lie on a line")
        colours = to_d50 @ (columns * np.linalg.solve(columns, _xyz(white)))
        for letter, colour in zip(b"rgb", colours.T, strict=True):
            tags[bytes([letter]) + b"XYZ"] = _xyz_tag(colour)
            tags[bytes([letter]) + b"TRC"] = _curve(curve)
    return _packed(tags, b"GRAY" if grey else b"RGB ")


def _packed(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """Header, table of tags, and their values."""
    at = 128 + 4 + 12 * len(tags)
    table, values = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(values), len(value))
        values += value + bytes(-len(value) % 4)
    header = struct.pack(">I4xI4s4s4s", at + len(values), 0x04300000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _numbers(*_D50)
    return header.ljust(128, b"\0") + table + values


def _xyz(point: Point) -> np.ndarray:
    """XYZ of a chromaticity, with Y = 1."""
    x, y = point
    if y <= 0:
        raise ValueError("the y of a chromaticity must not be 0")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: np.ndarray) -> np.ndarray:
    """The matrix (3, 3) that converts XYZ under a white point to XYZ under D50, by Bradford."""
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD


def _numbers(*values: float) -> bytes:
    """Numbers as s15Fixed16Number. Raises ValueError if one is out of range."""
    try:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
    except (struct.error, OverflowError) as error:
        raise ValueError("a number is too large for a profile") from error


def _text(words: str) -> bytes:
    text = words.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text


def _xyz_tag(xyz: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + _numbers(*xyz)


def _matrix(matrix: np.ndarray) -> bytes:
    return b"sf32" + bytes(4) + _numbers(*matrix.ravel())


def _curve(curve: Sequence[float]) -> bytes:
    kind = {1: 0, 5: 3}[len(curve)]
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _numbers(*curve)
