"""HEIC files, as phones write them. The libvips wheel has no HEVC decoder; pillow-heif decodes the whole picture."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from restora.core.errors import BadImage, MissingExtra

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_EITHER = (b"mif1", b"msf1")
"""Brands of any codec: the other brands of the file decide."""
_MOST = 500_000_000
"""Size limit in bytes of a file, which the library reads into memory."""
_UNSPECIFIED, _BT709, _AS_SRGB = 2, 1, (1, 2, 6, 13)
"""Codes of ITU-T H.273; writers use any of these curves to mean sRGB."""
_FAILURES = (RuntimeError, ValueError, EOFError, SyntaxError, OSError, MemoryError)
"""Exceptions of the library."""


def is_heic(file: Path) -> bool:
    """Whether a file is HEIC, by its first bytes."""
    with file.open("rb") as stream:
        return begins_as_heic(stream.read(256))


def begins_as_heic(start: bytes) -> bool:
    """Whether these are the first bytes of a HEIC file; 256 are enough."""
    if start[4:8] != b"ftyp":
        return False
    length = min(len(start), int.from_bytes(start[:4]))
    others = [start[at : at + 4] for at in range(16, length, 4)]
    return start[8:12] in _BRANDS or (start[8:12] in _EITHER and any(brand in _BRANDS for brand in others))


class Heic:
    """An open HEIC file, not decoded yet. Its pixels are upright, whatever its EXIF says."""

    def __init__(self, file: Path, name: str) -> None:
        """Open it. Raises MissingExtra without pillow-heif, BadImage for a damaged file; `name` is used in errors."""
        try:
            import pillow_heif
        except ModuleNotFoundError as error:
            hint = "install it with: pip install 'restora[heic]'"
            raise MissingExtra(f"{name} is a HEIC file, and reading it needs pillow-heif; {hint}") from error
        if file.stat().st_size > _MOST:
            raise BadImage(f"{name} is larger than {_MOST / 1e6:g} MB, the limit for HEIC files")
        self.name = name
        try:
            self._opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
            self._image = self._opened[self._opened.primary_index]
        except (*_FAILURES, IndexError) as error:
            raise self._damaged(error) from error
        self.width, self.height = self._image.size
        self._says: dict[str, Any] = dict(self._image.info)
        self.bits = int(self._says["bit_depth"])

    def notes(self) -> list[str]:
        """The parts of the file that are not read, in sentences for the user."""
        notes, beside = [], [kind.lower() for kind in self._says.get("aux", {})]
        if len(self._opened) > 1:
            notes.append(f"only the main one of the {len(self._opened)} pictures in the file was read")
        gain_maps = [kind for kind in beside if "gainmap" in kind or "21496" in kind]
        if gain_maps:
            notes.append("the gain map, which HDR displays use for more brightness, was not kept")
        if self._says.get("depth_images"):
            notes.append("the depth map was not kept")
        if len(beside) > len(gain_maps):
            notes.append("mattes or other auxiliary pictures were not kept")
        return notes

    def colour(self) -> tuple[bytes, ...]:
        """The colour space of a file without ICC profile, as a cICP chunk of PNG; None for sRGB."""
        codes = self._says.get("nclx_profile")
        if not codes or self._says.get("icc_profile"):
            return ()
        primaries, curve = int(codes["color_primaries"]), int(codes["transfer_characteristics"])
        if primaries in (_BT709, _UNSPECIFIED) and curve in _AS_SRGB:
            return ()
        body = b"cICP" + bytes([primaries, curve, 0, 1])
        return (struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)),)

    def put_in_tiles(self, path: Path) -> pyvips.Image:
        """Decode the pixels, write them to `path` as a tiled TIFF, and open that with the metadata of the file.

        Values of more than 8 bits use the high bits of 16. Raises BadImage for damaged data.
        """
        mode = self._image.mode
        letters = mode.partition(";")[0]
        bands = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}.get(letters)
        if bands is None:
            raise BadImage(f"{self.name} has pixels of mode {mode}; it must be grey or RGB, with or without alpha")
        try:
            values = np.asarray(self._image)
        except _FAILURES as error:
            raise self._damaged(error) from error
        stored = "ushort" if values.dtype == np.uint16 else "uchar"
        pixels = pyvips.Image.new_from_memory(values, self.width, self.height, bands, stored)
        space = ("grey16" if bands < 3 else "rgb16") if stored == "ushort" else ("b-w" if bands < 3 else "srgb")
        pixels = pixels.copy(interpretation=space)
        if letters.endswith("a"):  # premultiplied alpha
            white = (2**self.bits - 1) << (16 - self.bits) if stored == "ushort" else 255
            pixels = (pixels.unpremultiply(max_alpha=white) + 0.5).cast(stored).copy(interpretation=space)
        pixels.tiffsave(str(path), tile=True, tile_width=256, tile_height=256, bigtiff=True)
        return self._described(pyvips.Image.new_from_file(str(path)).copy(interpretation=space))

    def _described(self, image: pyvips.Image) -> pyvips.Image:
        """The image with the metadata of the file, in libvips' fields."""
        for field, key in {"exif-data": "exif", "icc-profile-data": "icc_profile", "xmp-data": "xmp"}.items():
            if self._says.get(key):
                image.set_type(pyvips.GValue.blob_type, field, bytes(self._says[key]))
        image.set_type(pyvips.GValue.gstr_type, "vips-loader", "heic")
        image.set_type(pyvips.GValue.gint_type, "bits-per-sample", self.bits)
        image.set_type(pyvips.GValue.gint_type, "orientation", 1)  # the library has applied it
        image.remove("resolution-unit")  # of the temporary TIFF
        return image.copy(xres=1, yres=1)

    def _damaged(self, error: BaseException) -> BadImage:
        lines = str(error).strip().splitlines()
        return BadImage(f"{self.name} is damaged: {lines[0] if lines else type(error).__name__}")
