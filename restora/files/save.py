"""Write pictures with their metadata: to a temporary file first, then renamed; nothing is overwritten by default."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyvips

from restora.core.errors import BadImage, OutputExists
from restora.core.image import Image, Meta
from restora.files.canvas import DTYPES, TILE, Canvas, Unfinished
from restora.files.decode import decode
from restora.files.disk import REPORT, Nameless, aside, check_name, check_room, put_in_place, writing
from restora.files.extras import iptc_as_resource, put_into_tiff, put_jpeg_comments, put_png_chunks
from restora.files.picture import STDIO
from restora.files.png_colour import space_of

_KINDS = {
    ".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".tif": "tif", ".tiff": "tif", ".webp": "webp", ".avif": "avif",
    ".gif": "gif",
}  # fmt: skip
_READ_ONLY = (".heic", ".heif", ".hif", ".heics", ".heifs")
"""Endings of formats that are read but not written."""
READABLE = (*_KINDS, *_READ_ONLY)
"""Endings of pictures that can be read."""
FORMATS = {"png": ".png", "jpg": ".jpg", "tif": ".tif", "webp": ".webp", "avif": ".avif", "gif": ".gif"}
"""Formats that can be written, with the endings of their files."""
SEGMENT = 65_400
"""Maximum bytes of EXIF, XMP or IPTC in a JPEG file, with room for their names."""
OPTIMISED = 16_000_000
"""Pixels up to which the codes of a JPEG file are made for its content. The file is a tenth smaller, but the encoder
holds six bytes for each pixel."""
_LONGEST = {"webp": 16383, "jpg": 65500, "avif": 16384, "gif": 65535}


def written_as(kind: str) -> str:
    """The format of the result for a picture of a format, by default."""
    return "jpg" if kind == "heic" else kind


def default_output(picture: Path) -> Path:
    """The default output file beside a picture."""
    ending = ".jpg" if picture.suffix.lower() in _READ_ONLY else picture.suffix
    return picture.parent / f"{picture.stem}.restored{ending}"


def check_output(path: Path, shape: tuple[int, int, int], force: bool, fallback: str = "png") -> str:
    """The output format of `path` (png, jpg, tif, webp, avif, gif); for `-` it is `fallback`.

    Raises BadImage if the ending is unknown or the format cannot hold the size, OutputExists if the file exists and
    `force` is not set. Called before any work is done.
    """
    kind = written_as(fallback) if path == STDIO else _KINDS.get(path.suffix.lower())
    if path != STDIO and path.suffix.lower() in _READ_ONLY:
        raise BadImage(f"{path} must not be HEIC, which can only be read; end it in .jpg, or in .png for no loss")
    if kind is None:
        raise BadImage(f"{path} has no known ending; end it in {', '.join(_KINDS)}")
    if max(shape[:2]) > _LONGEST.get(kind, 10**9):
        raise BadImage(f"{kind} cannot hold {shape[1]}x{shape[0]} pixels (at most {_LONGEST[kind]} a side); use .tif")
    if path == STDIO:
        if sys.stdout is None:
            raise BadImage("standard output is closed")
    else:
        if any("\ud800" <= letter <= "\udfff" for letter in str(path)):  # bytes that are not UTF-8
            raise BadImage(f"cannot write {path!r}: its name is not Unicode")
        if not path.parent.is_dir():
            raise BadImage(f"the folder {path.parent} does not exist")
        if os.path.lexists(path) and not path.is_dir() and not force:
            raise OutputExists(f"{path} exists; overwrite it with --force")
        check_name(path)
    return kind


def write(image: Image, path: Path, *, force: bool = False, quality: int = 95, kind: str = "") -> list[str]:
    """Write `image` to `path` in the format of its ending; what the format could not keep, in words.

    8 and 16 bit and floating point are kept where the format has them. quality is for JPEG, WebP and AVIF, 1 to 100;
    100 is lossless in WebP and AVIF. Raises OutputExists, or BadImage for a format or size that cannot be written.
    """
    kind = check_output(path, image.shape, force, kind or "png")
    values = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    if not np.isfinite(values).all():
        raise BadImage("the picture holds NaN or infinity and was not written")
    bits, notes = _bits(image.meta.bits, kind)
    numbers = quantise(values, bits)
    height, width, bands = numbers.shape
    vips = pyvips.Image.new_from_memory(
        numbers.tobytes(), width, height, bands, {8: "uchar", 16: "ushort", 32: "float"}[bits]
    )
    return notes + _save(vips, replace(image.meta, bits=bits), path, kind, quality, force)


def as_png(image: Image) -> bytes:
    """The PNG bytes of a small picture, 8 bits, in its colour space, for display."""
    values = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    height, width, bands = values.shape
    vips = pyvips.Image.new_from_memory(quantise(values, 8).tobytes(), width, height, bands, "uchar")
    vips = vips.copy(interpretation="b-w" if bands < 3 else "srgb")
    _attach(vips, Meta(icc=colour_profile(image.meta, bands < 3)), "png")
    return bytes(vips.pngsave_buffer())


def colour_profile(meta: Meta, grey: bool) -> bytes | None:
    """The ICC profile of a picture, also if a PNG file describes its colour space in other words; None: sRGB."""
    return _with_colour_space(Meta(icc=meta.icc, colour=meta.colour), "jpg", grey)[0].icc


def copy(source: Path, target: Path, *, force: bool = False) -> None:
    """Copy a file byte for byte; `-` is standard output. Raises OutputExists."""
    if target == STDIO:
        with source.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    check_room(target.parent, source.stat().st_size + REPORT)
    with writing(target), aside(target) as part:
        shutil.copyfile(source, part)
        put_in_place(part, target, force)


def write_text(text: str, path: Path, *, force: bool = False) -> None:
    """Write a text file, aside first, then renamed. Raises OutputExists, or BadImage if it cannot be written."""
    if path.exists() and not force:
        raise OutputExists(f"{path} exists; overwrite it with --force")
    if not path.parent.is_dir():
        raise BadImage(f"cannot write {path}: its folder does not exist")
    check_name(path)
    with writing(path), aside(path) as part:
        part.write_text(text + "\n")
        put_in_place(part, path, force)


def quantise(values: np.ndarray, bits: int) -> np.ndarray:
    """0..1 values as uint8 or uint16, rounded and clipped; for 32 bits, float32 unchanged."""
    if bits == 32:
        return np.ascontiguousarray(values, np.float32)
    white = 2**bits - 1
    return np.rint(np.clip(values, 0, 1) * np.float32(white)).astype(np.uint8 if bits == 8 else np.uint16)


def write_by_tiles(
    tiles: Iterator[tuple[int, np.ndarray]],
    shape: tuple[int, int, int],
    meta: Meta,
    path: Path,
    *,
    force: bool = False,
    quality: int = 95,
    kind: str = "",
    part: Unfinished | None = None,
) -> list[str]:
    """Write a picture that is never whole in memory; otherwise as `write`.

    `tiles` yields rectangles as (left, values (h, w, C) float32), C including alpha, row by row from the top left, or
    from the first row that `part` does not have. All tiles of a row have one height, and all sides are multiples of
    TILE except at the right and bottom. Tiles are stored in a temporary file beside the target, or in that of `part`,
    which keeps each finished row. Raises BadImage before the first tile is requested if the disk has no room for that
    file and the result.
    """
    kind = check_output(path, shape, force, kind or "png")
    bits, notes = _bits(meta.bits, kind)
    folder = path.parent if path != STDIO else Path(tempfile.gettempdir())
    pixels = shape[0] * shape[1] * shape[2] * np.dtype(DTYPES[bits]).itemsize
    encoded = pixels if kind in ("tif", "png") else pixels // 4
    check_room(folder, encoded + (0 if part and part.rows else pixels) + REPORT)
    with nullcontext(part) if part else closing(Nameless(folder)) as made:
        raw = made.pixels if isinstance(made, Unfinished) else made.path
        with closing(Canvas(raw, shape, bits, part.rows if part else 0)) as canvas:
            for left, values in tiles:
                if not np.isfinite(values).all():
                    raise BadImage("the picture holds NaN or infinity and was not written")
                if canvas.put(left, quantise(values, bits)) and part:
                    part.keep(canvas)
        vips = decode(raw, access="sequential")
        through = part.encoded if part else None
        return notes + _save(vips, replace(meta, bits=bits), path, kind, quality, force, through)


def _bits(wanted: int, kind: str) -> tuple[int, list[str]]:
    """The bit depth that a format can store, and a note for the user if it is less than requested."""
    best = {"tif": 32, "png": 16, "avif": 16}.get(kind, 8)
    notes = [f"{kind} holds {best} bits per value, not the {wanted} of the original"] if best < wanted else []
    if kind == "avif" and wanted >= 16:
        notes = ["avif holds 12 bits per value, not the 16 or more of the original"]
    return min(wanted, best), notes


def _save(
    vips: pyvips.Image, meta: Meta, path: Path, kind: str, quality: int, force: bool, through: Path | None = None
) -> list[str]:
    grey = vips.bands < 3
    spaces = {8: ("b-w", "srgb"), 16: ("grey16", "rgb16"), 32: ("b-w", "scrgb")}
    vips = vips.copy(interpretation=spaces[meta.bits][0 if grey else 1])
    if meta.resolution:
        vips = vips.copy(xres=meta.resolution[0], yres=meta.resolution[1])
    meta, notes = _with_colour_space(meta, kind, grey)
    notes += _attach(vips, meta, kind)
    if kind == "jpg" and vips.hasalpha():
        notes.append("jpg has no transparency: the picture was put on white")
        vips = vips.flatten(background=255)
    if kind == "gif":
        notes.append("gif has 256 colours and no partial transparency: the picture was reduced to that")
    saver = {"tif": "tiffsave", "jpg": "jpegsave", "avif": "heifsave"}.get(kind, f"{kind}save")
    try:
        with _aside(path, through) as part:
            getattr(vips, saver)(str(part), **_options(vips, kind, meta.bits, quality))
            notes += _put_extras(part, meta, kind)
            if path == STDIO:
                copy(part, path)
            else:
                put_in_place(part, path, force)
    except (OSError, pyvips.Error) as error:
        reason = str(error).strip().splitlines()[-1]
        raise BadImage(f"cannot write {path}: {reason}") from error
    return notes


def _options(vips: pyvips.Image, kind: str, bits: int, quality: int) -> dict[str, object]:
    """Options of libvips' saver of a format."""
    options: dict[str, dict[str, object]] = {
        "jpg": {
            "Q": quality,
            "subsample_mode": "off" if quality >= 90 else "auto",
            "optimize_coding": vips.width * vips.height <= OPTIMISED,
        },
        "tif": {
            "compression": "deflate",
            "predictor": "horizontal" if bits < 32 else "none",
            "bigtiff": vips.width * vips.height > 10**8,
            # libvips writes but does not read tiles that are larger than the picture
            "tile": min(vips.width, vips.height) > TILE,
            "tile_width": TILE,
            "tile_height": TILE,
        },
        "webp": {"Q": quality, "lossless": quality == 100, "exact": True},
        "avif": {
            "Q": quality,
            "lossless": quality == 100,
            "compression": "av1",
            "effort": 2,
            "bitdepth": 12 if bits == 16 else 8,
            "subsample_mode": "off",
        },
    }
    return options.get(kind, {})


@contextmanager
def _aside(path: Path, through: Path | None) -> Iterator[Path]:
    """The temporary path for `path`, see `aside`; for standard output, a file without a name."""
    if path != STDIO:
        with aside(path, through) as part:
            yield part
    else:
        with closing(Nameless()) as made:
            yield made.path


def _put_extras(path: Path, meta: Meta, kind: str) -> list[str]:
    """Add the metadata that libvips does not write to a file; what was not possible, in words."""
    if kind == "png" and (meta.colour or meta.text):
        put_png_chunks(path, meta.colour + meta.text)
    if kind == "jpg" and meta.comments:
        put_jpeg_comments(path, meta.comments)
    if kind == "tif" and (meta.exif or meta.iptc):
        try:
            put_into_tiff(path, meta.exif, meta.iptc)
        except ValueError:
            if meta.iptc:
                put_into_tiff(path, None, meta.iptc)
            return ["tif was written without the EXIF data, because they cannot be read"]
    return []


def _with_colour_space(meta: Meta, kind: str, grey: bool) -> tuple[Meta, list[str]]:
    """The colour space of a PNG file for another format, and notes for the user."""
    if kind == "png" and meta.icc:  # it is more precise than the other chunks and replaces them
        return replace(meta, colour=tuple(chunk for chunk in meta.colour if chunk[4:8] != b"sRGB")), []
    if not meta.colour or kind == "png":
        return meta, []
    if meta.icc:
        coded = any(chunk[4:8] == b"cICP" for chunk in meta.colour)
        return meta, [f"{kind} was written without cICP; the ICC profile was kept"] if coded else []
    space = space_of(meta.colour, kind, grey)
    if space.profile and kind == "gif":
        return meta, ["gif cannot hold the colour space of the original, so colours will look wrong"]
    return replace(meta, icc=space.profile), [space.note] if space.note else []


def _attach(vips: pyvips.Image, meta: Meta, kind: str) -> list[str]:
    """Attach the metadata to a picture; what the format will lose, in words."""
    blobs = {"icc-profile-data": meta.icc, "exif-data": meta.exif, "xmp-data": meta.xmp}
    if kind == "jpg" and meta.iptc:
        blobs["iptc-data"] = iptc_as_resource(meta.iptc)
    large = {name for name, data in blobs.items() if kind == "jpg" and name != "icc-profile-data" and _too_large(data)}
    for name, data in blobs.items():
        if data and name not in large:
            vips.set_type(pyvips.GValue.blob_type, name, data)
    if meta.exif:  # the pixels are upright already; viewers must not rotate them again
        vips.set_type(pyvips.GValue.gint_type, "orientation", 1)
    has = {"EXIF": meta.exif, "ICC": meta.icc, "XMP": meta.xmp, "IPTC": meta.iptc, "comment": b"".join(meta.comments)}
    has |= {"text": b"".join(meta.text)}
    keeps = {
        "png": ("EXIF", "ICC", "XMP", "text"),
        "jpg": ("EXIF", "ICC", "XMP", "IPTC", "comment"),
        "tif": ("EXIF", "ICC", "XMP", "IPTC"),
        "gif": (),
    }.get(kind, ("EXIF", "ICC", "XMP"))
    lost = [f"{kind} was written without the {what} data" for what, data in has.items() if data and what not in keeps]
    names = [name.removesuffix("-data").upper() for name in sorted(large)]
    return lost + [f"jpg was written without the {name} data, which exceed its limit of 64 KB" for name in names]


def _too_large(data: bytes | None) -> bool:
    return len(data or b"") > SEGMENT
