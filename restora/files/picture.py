"""Open pictures, whole or by region, through libvips; nothing is decoded before its size is known to be allowed."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyvips

from restora.core.errors import BadImage
from restora.core.image import Image, Meta
from restora.files.extras import iptc_alone, jpeg_comments, png_is_animated, png_text, tiff_says

MAX_PIXELS = 2_000_000_000
STDIO = Path("-")

# libvips remembers operations by file name, and would show a file's old pixels after it was rewritten.
pyvips.cache_set_max(0)
# Loaders that libvips itself calls unsafe on untrusted files (SVG, raw formats) stay off.
pyvips.block_untrusted_set(True)
# Its warnings would appear among our lines; what matters of them comes as an exception.
logging.getLogger("pyvips").setLevel(logging.ERROR)

_BITS = {"uchar": 8, "ushort": 16, "float": 32, "double": 32}
_WHITE = {8: 255.0, 16: 65535.0, 32: 1.0}
WHOLE = 50_000_000
"""Bytes up to which a decoded picture may stand in memory."""
_SHAPE = {"width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres"}
"""Fields of libvips that belong to the pixels, or are set by copy()."""
_FORMATS = "PNG, JPEG, TIFF, WebP, AVIF and GIF"
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")
_BRANDS = (b"ftypavif", b"ftypavis", b"ftypmif1")
"""How the files of these formats begin; AVIF after four bytes, WebP after eight."""


@dataclass(frozen=True)
class Picture:
    """A picture file that is open but not in memory: upright, grey or RGB, with or without alpha.

    shape is (H, W, C), C = 1 or 3. `window` reads float32 values on the 0..1 scale.
    """

    name: str
    format: str  # the file's own ending: png, jpg, tif, webp, avif, gif
    shape: tuple[int, int, int]
    has_alpha: bool
    meta: Meta
    white: float  # the number in the file that stands for 1
    path: Path  # of the file, a temporary one for standard input
    region: Callable[[], pyvips.Region]  # to read rectangles from
    held: int  # bytes of the decoded picture that may stay in memory
    holder: object = None  # keeps a temporary file alive

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The pixels (height, width, C) of a rectangle inside the picture. Raises BadImage on damaged data."""
        return self._fetch(top, left, height, width)[:, :, : self.shape[2]]

    def alpha_window(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """The alpha (height, width) of a rectangle inside the picture, or None."""
        return self._fetch(top, left, height, width)[:, :, -1] if self.has_alpha else None

    def load(self) -> Image:
        """All of it, in memory."""
        values = self._fetch(0, 0, *self.shape[:2])
        alpha = values[:, :, -1].copy() if self.has_alpha else None
        pixels = np.ascontiguousarray(values[:, :, : self.shape[2]])
        return Image(pixels, alpha, meta=self.meta)

    def _fetch(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        try:
            data = self.region().fetch(left, top, width, height)
        except pyvips.Error as error:
            raise BadImage(f"{self.name} is damaged: {_reason(error)}") from error
        kind = {8: np.uint8, 16: np.uint16, 32: np.float32}[self.meta.bits]
        values = np.frombuffer(data, kind).reshape(height, width, -1)
        if self.meta.bits == 32 and not np.isfinite(values).all():
            raise BadImage(f"{self.name} holds NaN or infinity")
        return values.astype(np.float32) / np.float32(self.white)


def open_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture file (`-` is standard input). Raises BadImage if it is absent, empty, too large or no picture."""
    name = "standard input" if path == STDIO else str(path)
    copied = _copy_of_standard_input() if path == STDIO else None
    file = Path(copied.name) if copied else path
    holder: object = copied
    raw = _load_lazily(file, name)
    height, width = raw.height, raw.width
    if height * width > max_pixels:
        raise BadImage(
            f"{name} has {height * width / 1e6:.4g} megapixels ({width}x{height}), more than the"
            f" {max_pixels / 1e6:.4g} allowed; allow more with --max-pixels {height * width}"
        )
    loader = raw.get("vips-loader")
    notes = []
    if raw.get_typeof("n-pages") and raw.get("n-pages") > 1:
        notes.append(f"only the first of {raw.get('n-pages')} pages or frames was read")
    large = _decoded_bytes(raw) > WHOLE
    source = partial(pyvips.Image.new_from_file, _whole_name(file), fail_on="truncated")
    try:
        if large and not raw.get_typeof("tile-width"):
            tiles = tempfile.NamedTemporaryFile(prefix="restora-", suffix=".tif")  # noqa: SIM115
            _put_in_tiles(file, Path(tiles.name))
            source, holder = partial(_with_header, tiles.name, raw), (holder, tiles)
            raw = source()
        upright = raw.autorot()
        plain = _grey_or_rgb(upright, name, notes)
    except pyvips.Error as error:
        raise BadImage(f"{name} cannot be read: {_reason(error)}") from error
    has_alpha = plain.bands in (2, 4)
    depth = raw.get("bits-per-sample") if raw.get_typeof("bits-per-sample") else 16
    white = _WHITE[_BITS[plain.format]]
    if loader.startswith("heif") and plain.format == "ushort":  # 10 or 12 bits stand at the top of 16
        white = float((2**depth - 1) << (16 - depth))
    plain = _single(plain)
    shape = (plain.height, plain.width, plain.bands - has_alpha)
    kind = _ending(loader)
    if kind == "png" and png_is_animated(file):
        notes.append("only the first frame was read")
    meta = _meta(plain, upright is not raw and raw.width != upright.width, notes)
    if kind == "png":
        meta = replace(meta, text=png_text(file))
    elif kind == "jpg":
        meta = replace(meta, comments=jpeg_comments(file))
    elif kind == "tif":
        exif, iptc = tiff_says(file)
        meta = replace(meta, exif=exif, iptc=iptc)
    region = pyvips.Region.new(plain)

    def opened_again() -> pyvips.Region:
        """libvips keeps rows of tiles that were decoded, as wide as the picture, until it is closed."""
        return pyvips.Region.new(_single(_grey_or_rgb(source().autorot(), name, [])))

    where, held = (opened_again, 0) if large else (lambda: region, _decoded_bytes(raw))
    return Picture(name, kind, shape, has_alpha, meta, white, file, where, held, holder)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture of a file, in memory. Raises BadImage as `open_picture` does, or if its data are damaged."""
    return open_picture(path, max_pixels).load()


def _copy_of_standard_input() -> "tempfile._TemporaryFileWrapper[bytes]":
    """Standard input in a temporary file, removed when the object goes: it may be read by region, and twice."""
    if sys.stdin is None:
        raise BadImage("standard input is closed")
    copy = tempfile.NamedTemporaryFile(prefix="restora-")  # noqa: SIM115
    shutil.copyfileobj(sys.stdin.buffer, copy)
    copy.flush()
    return copy


def _whole_name(path: Path) -> str:
    """A file's name as libvips takes it, which reads brackets at the end as options."""
    return f"{path}[]" if path.name.endswith("]") else str(path)


def _load_lazily(path: Path, name: str) -> pyvips.Image:
    try:
        if path.is_dir():
            raise BadImage(f"{name} is a folder, not a picture")
        size = path.stat().st_size
        if not path.is_file():
            raise BadImage(f"{name} is a pipe or a device, not a file; pipe a picture in with -")
        with path.open("rb") as stream:
            start = stream.read(16)
            stream.seek(max(0, size - 64))
            tail = stream.read()
        file = _whole_name(path)
        file.encode()
    except OSError as error:
        raise BadImage(f"cannot open {name}: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise BadImage(f"cannot open {path!r}: its name is not Unicode") from error
    if size == 0:
        raise BadImage(f"{name} is empty (0 bytes)")
    if not (start.startswith(_STARTS) or start[8:12] == b"WEBP" or start[4:12] in _BRANDS):
        raise BadImage(f"{name} is not a picture that can be read ({_FORMATS})")  # no decoder sees it
    try:
        raw = pyvips.Image.new_from_file(file, fail_on="truncated")
    except pyvips.Error as error:
        raise BadImage(f"{name} is not a picture that can be read ({_FORMATS}): {_reason(error)}") from error
    # libvips does not report a GIF that was cut off; a whole one ends in a semicolon, and perhaps padding.
    if raw.get("vips-loader").startswith("gif") and not tail.rstrip(b"\0").endswith(b";"):
        raise BadImage(f"{name} is a GIF that was cut off")
    return raw


def _decoded_bytes(image: pyvips.Image) -> int:
    return image.width * image.height * image.bands * _BITS.get(image.format, 64) // 8


def _single(image: pyvips.Image) -> pyvips.Image:
    """Floating point in single precision."""
    return image.cast("float") if image.format == "double" else image


def _put_in_tiles(file: Path, path: Path) -> None:
    """Write the pixels of a picture file as a TIFF in tiles to `path`.

    A format that can only be decoded from top to bottom is decoded once, a few rows at a time. libvips would do so
    too, but map the result into memory, where it counts as resident.
    """
    rows = pyvips.Image.new_from_file(_whole_name(file), access="sequential", fail_on="truncated")
    rows.tiffsave(str(path), tile=True, tile_width=256, tile_height=256, bigtiff=True)


def _with_header(path: str, image: pyvips.Image) -> pyvips.Image:
    """The pixels of a TIFF in tiles with the metadata of `image`."""
    tiles = pyvips.Image.new_from_file(path).copy(interpretation=image.interpretation)
    tiles = tiles.copy(xres=image.xres, yres=image.yres)
    for field in ("resolution-unit", "bits-per-sample"):
        if image.get_typeof(field) == 0 and tiles.get_typeof(field):
            tiles.remove(field)
    for field in set(image.get_fields()) - _SHAPE:
        tiles.set_type(image.get_typeof(field), field, image.get(field))
    # EXIF may name an orientation that the loader has dealt with.
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    tiles.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return tiles


def _meta(image: pyvips.Image, turned: bool, notes: list[str]) -> Meta:
    across, down = image.xres, image.yres
    known = image.get_typeof("resolution-unit") != 0 or (across, down) != (1.0, 1.0)
    return Meta(
        bits=_BITS[image.format],
        icc=_blob(image, "icc-profile-data"),
        exif=_blob(image, "exif-data"),
        xmp=_blob(image, "xmp-data"),
        iptc=iptc_alone(_blob(image, "iptc-data") or b"") or None,
        resolution=((down, across) if turned else (across, down)) if known else None,
        notes=tuple(notes),
    )


def _grey_or_rgb(image: pyvips.Image, name: str, notes: list[str]) -> pyvips.Image:
    """One or three bands, and perhaps alpha, in uchar, ushort, float or double."""
    if image.interpretation == "cmyk":
        notes.append("CMYK was converted to sRGB")
        depth = 16 if image.format == "ushort" else 8
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
    elif image.interpretation in ("lab", "labs", "lch", "xyz", "yxy", "hsv"):
        notes.append(f"{image.interpretation} colour was converted to sRGB")
        image = image.colourspace("srgb")
    if image.format not in _BITS:
        raise BadImage(f"{name} stores {image.format} values; 8 bit, 16 bit and floating point are supported")
    if not 1 <= image.bands <= 4 or (image.bands in (2, 4)) != image.hasalpha():
        raise BadImage(f"{name} has {image.bands} channels; grey or RGB, with or without alpha, is supported")
    return image


def _blob(image: pyvips.Image, name: str) -> bytes | None:
    return bytes(image.get(name)) if image.get_typeof(name) else None


def _ending(loader: str) -> str:
    kinds = {"jpegload": "jpg", "pngload": "png", "tiffload": "tif", "webpload": "webp", "heifload": "avif"}
    return kinds.get(loader.removesuffix("_buffer").removesuffix("_source"), "gif")


def _reason(error: pyvips.Error) -> str:
    """The first line of libvips' own words."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
