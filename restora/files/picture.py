"""Open pictures, whole or by region, with libvips; nothing is decoded before the size has been checked."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyvips

from restora.core.errors import BadImage, Truncated
from restora.core.image import Image, Meta
from restora.files.appended import appended
from restora.files.decode import decode, in_tiles
from restora.files.disk import Nameless, check_room
from restora.files.extras import iptc_alone, jpeg_comments, png_colour, png_is_animated, png_text, tiff_says
from restora.files.heic import Heic, is_heic
from restora.files.incoming import FORMATS, check_file, copy_of_standard_input
from restora.files.salvage import KINDS, Salvage, salvage_of, upright_part
from restora.files.scale import check_scale
from restora.files.xmp import without_claims

MAX_PIXELS = 2_000_000_000
STDIO = Path("-")

# libvips caches operations by file name, and would show the old pixels of a file that was rewritten.
pyvips.cache_set_max(0)
# Loaders that libvips marks as unsafe for untrusted files (SVG, raw formats) stay off.
pyvips.block_untrusted_set(True)
# Its warnings would appear among our lines; important ones arrive as exceptions.
logging.getLogger("pyvips").setLevel(logging.ERROR)

_BITS = {"uchar": 8, "ushort": 16, "float": 32, "double": 32}
_WHITE = {8: 255.0, 16: 65535.0, 32: 1.0}
WHOLE = 50_000_000
"""Size in bytes up to which a decoded picture may be kept in memory."""
_SQUARE = 1024
"""Side of the parts in which a whole picture is scanned."""
_SHAPE = {"width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres"}
"""Fields of libvips that belong to the pixels, or are set by copy()."""


@dataclass(frozen=True)
class Picture:
    """An open picture file that is not in memory: upright, grey or RGB, with or without alpha.

    shape is (H, W, C), C = 1 or 3. `window` reads float32 values on the 0..1 scale.
    """

    name: str
    format: str  # of the file: png, jpg, tif, webp, avif, heic, gif
    shape: tuple[int, int, int]
    has_alpha: bool
    meta: Meta
    white: float  # the value in the file that means 1
    path: Path  # of the file; a temporary one for standard input
    region: Callable[[], pyvips.Region]  # to read rectangles from
    again: Callable[[], pyvips.Image]  # opens its pixels again, as libvips has them
    held: int  # bytes of the decoded picture that may stay in memory
    holder: object = None  # keeps a temporary file alive
    salvaged_rows: int = (
        0  # of a truncated file, in its stored orientation: rows that are present; 0: the file is complete
    )
    intact: tuple[int, int, int, int] | None = (
        None  # the area of these rows: (top, left, height, width); None: everywhere
    )
    faults: list[str] = field(default_factory=list)  # warnings of the decoder so far, in sentences for the user

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The pixels (height, width, C) of a rectangle inside the picture. Raises BadImage on damaged data."""
        return self._fetch(top, left, height, width)[:, :, : self.shape[2]]

    def alpha_window(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """The alpha (height, width) of a rectangle inside the picture, or None."""
        return self._fetch(top, left, height, width)[:, :, -1] if self.has_alpha else None

    def load(self) -> Image:
        """The whole picture, in memory."""
        values = self._fetch(0, 0, *self.shape[:2])
        alpha = values[:, :, -1].copy() if self.has_alpha else None
        pixels = np.ascontiguousarray(values[:, :, : self.shape[2]])
        return Image(pixels, alpha, meta=self.meta)

    def _fetch(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        try:
            data = self.region().fetch(left, top, width, height)
        except pyvips.Error as error:
            raise _damaged(self.name, None if self.salvaged_rows else self.path, self.format, error) from error
        except OSError as error:
            raise BadImage(f"cannot open {self.name}: {error.strerror}") from error
        kind = {8: np.uint8, 16: np.uint16, 32: np.float32}[self.meta.bits]
        values = np.frombuffer(data, kind).reshape(height, width, -1)
        return values.astype(np.float32) / np.float32(self.white)


def open_picture(path: Path, max_pixels: int = MAX_PIXELS, *, name: str = "", salvage: bool = False) -> Picture:
    """Open a picture file (`-` is standard input). Raises BadImage if it is missing, empty, too large or not a picture.

    For a file with missing or undecodable data, this or the first reading raises BadImage; mere warnings of the decoder
    are in `faults`. Data that decode to wrong pixels are detected where the format has checksums: always in PNG, mostly
    in TIFF with deflate, of which libtiff checks a part. JPEG, WebP, HEIC, GIF and other TIFF files have none.
    Floating-point values are refused if 1 cannot be white.

    name: used in messages; default: the path. With `salvage`, the present part of a truncated JPEG or PNG file is
    opened, and missing rows are as the decoder fills them, grey or black; without it, Truncated is raised, here or
    when the first missing row is read.
    """
    name = name or ("standard input" if path == STDIO else str(path))
    copied = copy_of_standard_input(name, max_pixels) if path == STDIO else None
    file = copied.path if copied else path
    check_file(file, name)
    source = _heic_source(file, name, max_pixels) if is_heic(file) else _source(file, name, max_pixels, salvage)
    raw, kind, notes = source.raw, source.kind, source.notes
    try:
        upright = raw.autorot()
        plain = _grey_or_rgb(upright, name, notes)
    except pyvips.Error as error:
        raise _damaged(name, file, kind, error) from error
    has_alpha = plain.bands in (2, 4)
    white = _white(raw, kind, plain.format)
    plain = _single(plain)
    shape = (plain.height, plain.width, plain.bands - has_alpha)
    if kind == "png" and png_is_animated(file):
        notes.append("only the first frame was read")

    def again() -> pyvips.Image:
        return _single(_grey_or_rgb(source.again().autorot(), name, []))

    def opened_again() -> pyvips.Region:  # libvips keeps rows of tiles, as wide as the picture, until it is closed
        return pyvips.Region.new(again())

    where, held = (opened_again, 0) if source.on_disk else (cache(opened_again), _decoded_bytes(raw))
    try:
        notes += check_scale(_squares(where, shape), name) if plain.format == "float" else []
    except pyvips.Error as error:
        raise _damaged(name, file, kind, error) from error
    meta = _with_extras(_meta(plain, upright is not raw and raw.width != upright.width, notes), file, kind)
    meta, holder = replace(meta, colour=source.colour or meta.colour), (copied, source.holder)
    picture = Picture(name, kind, shape, has_alpha, meta, white, file, where, again, held, holder, faults=source.faults)
    if source.part is None:
        return picture
    orientation = raw.get("orientation") if raw.get_typeof("orientation") else 1
    there = upright_part(source.part.rows, shape[:2], orientation)
    return replace(picture, salvaged_rows=source.part.rows, intact=there)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture of a file, in memory. Raises BadImage as `open_picture` does, or if its data are damaged."""
    return open_picture(path, max_pixels).load()


@dataclass
class _Source:
    """The source of the pixels of a file."""

    raw: pyvips.Image
    kind: str
    again: Callable[[], pyvips.Image]  # opens `raw` again
    on_disk: bool  # pixels are read from there tile by tile
    notes: list[str]
    holder: object = None  # keeps a temporary file alive
    part: Salvage | None = None  # the present part of a truncated file
    colour: tuple[bytes, ...] = ()  # as in Meta
    faults: list[str] = field(default_factory=list)  # as in Picture


def _source(file: Path, name: str, max_pixels: int, salvage: bool) -> _Source:
    """The source of a file that libvips decodes. Raises BadImage or Truncated."""
    raw = _load_lazily(file, name)
    _check_size(raw.height, raw.width, max_pixels, name)
    kind = _ending(raw.get("vips-loader"))
    part = _part_there(file, name, kind, raw.height) if salvage else None
    notes = [part.note(raw.height)] if part else []
    if raw.get_typeof("n-pages") and raw.get("n-pages") > 1:
        notes.append(f"only the first of {raw.get('n-pages')} pages or frames was read")
    large = _decoded_bytes(raw) > WHOLE
    source = _Source(raw, kind, partial(decode, file), large, notes, part=part)
    if in_tiles(raw):
        return source
    source.again = partial(_in_memory, file, source.faults, bool(part))
    if large:
        check_room(Path(tempfile.gettempdir()), _decoded_bytes(raw), "the decoded picture")
        source.holder = holder = Nameless()
        try:
            _decoded(file, source.faults, bool(part), partial(_put_in_tiles, holder.path))
        except pyvips.Error as error:
            raise _damaged(name, None if part else file, kind, error) from error
        source.again = partial(_with_header, str(holder.path), raw)
        source.raw = source.again()
    return source


def _decoded(
    file: Path, faults: list[str], salvage: bool, through: Callable[[pyvips.Image], pyvips.Image | None]
) -> pyvips.Image | None:
    """All pixels of a file, passed through `through`; warnings of the decoder, which complete files can cause too, are
    added to `faults`."""  # fmt: skip
    if salvage:
        return through(decode(file, access="sequential", fail_on="none"))
    try:
        return through(decode(file, access="sequential", fail_on="warning"))
    except pyvips.Error as error:
        warned = error
    result = through(decode(file, access="sequential"))
    faults.append(f"the decoder warns that the file may be damaged: {_reason(warned)}")
    return result


def _in_memory(file: Path, faults: list[str], salvage: bool) -> pyvips.Image:
    """All pixels of a file that cannot be decoded by region."""
    return _decoded(file, faults, salvage, lambda rows: rows.copy_memory())


def _put_in_tiles(path: Path, rows: pyvips.Image) -> None:
    """Write pixels as a tiled TIFF, a few rows at a time.

    libvips can do this too, but maps the result into memory, where it counts as resident.
    """
    try:
        rows.tiffsave(str(path), tile=True, tile_width=256, tile_height=256, bigtiff=True)
    except pyvips.Error as error:
        if f"{path}: write error" in error.detail:
            raise BadImage(f"cannot write the decoded picture in the folder {tempfile.gettempdir()}") from error
        raise


def _heic_source(file: Path, name: str, max_pixels: int) -> _Source:
    """The source of a HEIC file, which its library decodes whole, to the disk. Raises BadImage."""
    heic, holder = Heic(file, name), Nameless()
    _check_size(heic.height, heic.width, max_pixels, name)
    try:
        raw = heic.put_in_tiles(holder.path)
    except pyvips.Error as error:
        raise BadImage(f"{name} cannot be decoded: {_reason(error)}") from error
    again = partial(_with_header, str(holder.path), raw)
    return _Source(raw, "heic", again, True, heic.notes(), holder, colour=heic.colour())


def _check_size(height: int, width: int, max_pixels: int, name: str) -> None:
    """Raise BadImage if a picture has more pixels than allowed."""
    if height * width > max_pixels:
        raise BadImage(
            f"{name} has {height * width / 1e6:.4g} megapixels ({width}x{height}), more than the limit of"
            f" {max_pixels / 1e6:.4g}; allow more with --max-pixels {height * width}"
        )


def _part_there(file: Path, name: str, kind: str, height: int) -> Salvage | None:
    """The present part of a truncated file; None if the file is complete. Raises BadImage if no part is present."""
    part = salvage_of(file) if kind in KINDS else None
    if part and not part.rows:
        raise BadImage(f"{name} is damaged: none of its {height} rows can be read")
    return part


def _damaged(name: str, file: Path | None, kind: str, error: pyvips.Error) -> BadImage:
    """The error for data that the decoder refuses; file: None if the present part was requested."""
    part = salvage_of(file) if file and kind in KINDS else None
    if part and part.rows:
        return Truncated(f"{name} is damaged and a part of it is missing: {_reason(error)}")
    return BadImage(f"{name} is damaged: {_reason(error)}")


def _white(raw: pyvips.Image, kind: str, stored: str) -> float:
    """The number that means 1 in pixels that libvips stores as `stored`."""
    if kind in ("avif", "heic") and stored == "ushort":  # 10 or 12 bits use the high bits of 16
        depth = raw.get("bits-per-sample") if raw.get_typeof("bits-per-sample") else 16
        return float((2**depth - 1) << (16 - depth))
    return _WHITE[_BITS[stored]]


def _with_extras(meta: Meta, file: Path, kind: str) -> Meta:
    """The metadata with what libvips does not read, and without XMP properties that describe dropped data."""
    if kind == "png":
        meta = replace(meta, text=png_text(file), colour=png_colour(file))
    elif kind == "jpg":
        meta = replace(meta, comments=jpeg_comments(file), notes=(*meta.notes, *appended(file).notes()))
    elif kind == "tif":
        exif, iptc = tiff_says(file)
        meta = replace(meta, exif=exif, iptc=iptc)
    try:
        xmp = without_claims(meta.xmp or b"") or None
    except ValueError:
        note = "XMP was not kept: it cannot be parsed, and may describe data that were not kept"
        return replace(meta, xmp=None, notes=(*meta.notes, note))
    if xmp == meta.xmp:
        return meta
    return replace(meta, xmp=xmp, notes=(*meta.notes, "properties of data that were not kept were removed from XMP"))


def _load_lazily(path: Path, name: str) -> pyvips.Image:
    """The image of a file, opened with libvips. Raises BadImage."""
    try:
        raw = decode(path)
    except pyvips.Error as error:
        raise BadImage(f"{name} is not a picture that can be read ({FORMATS}): {_reason(error)}") from error
    if not raw.get("vips-loader").startswith("gif"):
        return raw
    # libvips does not detect a truncated GIF; a complete one ends with a semicolon, and perhaps padding.
    with path.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, 2) - 64))
        tail = stream.read()
    if not tail.rstrip(b"\0").endswith(b";"):
        raise BadImage(f"{name} is a truncated GIF")
    return raw


def _decoded_bytes(image: pyvips.Image) -> int:
    return image.width * image.height * image.bands * _BITS.get(image.format, 64) // 8


def _single(image: pyvips.Image) -> pyvips.Image:
    """Floating point in single precision."""
    return image.cast("float") if image.format == "double" else image


def _squares(where: Callable[[], pyvips.Region], shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """All values of a floating-point picture, square by square."""
    for top in range(0, shape[0], _SQUARE):
        for left in range(0, shape[1], _SQUARE):
            size = min(_SQUARE, shape[1] - left), min(_SQUARE, shape[0] - top)
            yield np.frombuffer(where().fetch(left, top, *size), np.float32)


def _with_header(path: str, image: pyvips.Image) -> pyvips.Image:
    """The pixels of a tiled TIFF with the metadata of `image`."""
    tiles = pyvips.Image.new_from_file(path).copy(interpretation=image.interpretation)
    tiles = tiles.copy(xres=image.xres, yres=image.yres)
    for own in ("resolution-unit", "bits-per-sample"):
        if image.get_typeof(own) == 0 and tiles.get_typeof(own):
            tiles.remove(own)
    for given in set(image.get_fields()) - _SHAPE:
        tiles.set_type(image.get_typeof(given), given, image.get(given))
    # EXIF may contain an orientation that the loader has applied already.
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
        raise BadImage(f"{name} has {image.format} values; they must be 8 bit, 16 bit or floating point")
    if not 1 <= image.bands <= 4 or (image.bands in (2, 4)) != image.hasalpha():
        raise BadImage(f"{name} has {image.bands} channels; it must be grey or RGB, with or without alpha")
    return image


def _blob(image: pyvips.Image, name: str) -> bytes | None:
    return bytes(image.get(name)) if image.get_typeof(name) else None


def _ending(loader: str) -> str:
    kinds = {"jpegload": "jpg", "pngload": "png", "tiffload": "tif", "webpload": "webp", "heifload": "avif"}
    return kinds.get(loader.removesuffix("_buffer").removesuffix("_source"), "gif")


def _reason(error: pyvips.Error) -> str:
    """The first line of the message of libvips."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
