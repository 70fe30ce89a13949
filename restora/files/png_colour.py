"""The colour space of a PNG file without ICC profile: its chunks, and an equal ICC profile for other formats."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from restora.files.profile import D65, SRGB_CURVE, SRGB_PRIMARIES, Point, icc_profile

COLOUR = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")
"""Chunks that define the colour space, in order of priority; the last two are about HDR displays."""
_NEAR_SRGB = 200
"""Tolerance, in units of 1e-5, within which a gamma of 1/2.2 and primaries count as sRGB."""
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_PRIMARIES: dict[int, tuple[tuple[Point, Point, Point], Point]] = {
    1: (SRGB_PRIMARIES, D65),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), D65),
    7: (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), D65),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (_P3, (0.314, 0.351)),
    12: (_P3, D65),
}
"""Primaries and white point by their code in ITU-T H.273."""
_BT709 = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 14, 15), _BT709), 4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE,
}  # fmt: skip
"""Curves by their code in ITU-T H.273; PQ and HLG, for HDR, cannot be stored in a profile."""


@dataclass(frozen=True)
class Space:
    """The colour space of a PNG file for another format: a profile (None: sRGB), and a note for the user."""

    profile: bytes | None
    note: str = ""


def space_of(chunks: Sequence[bytes], kind: str, grey: bool) -> Space:
    """The colour space defined by chunks, each with length, type and checksum, for a picture written as `kind`."""
    found = {chunk[4:8]: chunk[8:-4] for chunk in chunks}
    if b"cICP" in found:
        return _by_code(found[b"cICP"], kind, grey)
    if b"sRGB" in found or not {b"gAMA", b"cHRM"} & found.keys():
        return Space(None)
    return _by_numbers(found, kind, grey)


def _by_code(code: bytes, kind: str, grey: bool) -> Space:
    """From cICP: codes of primaries, curve and matrix, and whether the range is full."""
    if code == bytes([1, 13, 0, 1]):
        return Space(None)
    primaries, curve = _PRIMARIES.get(code[0]) if code else None, _CURVES.get(code[1]) if len(code) == 4 else None
    if primaries is None or curve is None or code[2:] != b"\0\1":
        said = "/".join(map(str, code))
        return Space(
            None, f"{kind} cannot hold the colour space of the original (cICP {said}), so colours will look wrong"
        )
    profile = icc_profile(f"cICP {code[0]}/{code[1]}", *primaries, curve, grey)
    return Space(profile, f"{kind} has no cICP: an ICC profile of the same colour space was written")


def _by_numbers(found: dict[bytes, bytes], kind: str, grey: bool) -> Space:
    """From gAMA, the encoding exponent, and cHRM, white point and primaries; in units of 1e-5."""
    lost = Space(None, f"{kind} was written without gAMA and cHRM, because they are damaged")
    usual = [*D65, *(part for point in SRGB_PRIMARIES for part in point)]
    try:
        (gamma,) = struct.unpack(">I", found[b"gAMA"]) if b"gAMA" in found else (0,)
        points = struct.unpack(">8I", found[b"cHRM"]) if b"cHRM" in found else [round(1e5 * part) for part in usual]
        if b"gAMA" in found and not gamma:
            return lost
        as_srgb = not gamma or abs(gamma - 45455) <= _NEAR_SRGB
        same = all(abs(one - 1e5 * other) <= _NEAR_SRGB for one, other in zip(points, usual, strict=True))
        if as_srgb and (same or grey):
            return Space(None)
        white, *primaries = [(points[at] / 1e5, points[at + 1] / 1e5) for at in range(0, 8, 2)]
        curve = SRGB_CURVE if as_srgb else (1e5 / gamma,)
        profile = icc_profile(f"gamma {1e5 / gamma:.4g}" if gamma else "cHRM", primaries, white, curve, grey)
    except (struct.error, ValueError):
        return lost
    return Space(profile, f"{kind} has no gAMA and cHRM: an ICC profile of the same colour space was written")
