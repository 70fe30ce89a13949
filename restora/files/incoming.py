"""Checks before any decoder reads a file: it must exist, have data, not be a pipe, and have a supported format."""

import sys
from pathlib import Path

from restora.core.errors import BadImage
from restora.files.disk import Nameless, writing
from restora.files.heic import begins_as_heic

FORMATS = "PNG, JPEG, TIFF, WebP, AVIF, HEIC and GIF"
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")
_BRANDS = (b"ftypavif", b"ftypavis", b"ftypmif1")
"""First bytes of the formats; those of AVIF follow after four bytes, those of WebP after eight."""
_START = 256
_BLOCK = 1 << 20
"""Bytes copied at a time."""
_A_PIXEL, _BESIDE = 16, 200_000_000
"""Largest number of bytes per pixel (four floating-point values), and bytes allowed for metadata."""


def check_file(path: Path, name: str) -> None:
    """Raise BadImage for anything but a file whose first bytes are those of a supported format."""
    try:
        if path.is_dir():
            raise BadImage(f"{name} is a folder, not a picture")
        if not path.stat() or not path.is_file():
            raise BadImage(f"{name} is a pipe or a device, not a file; to read standard input use -")
        with path.open("rb") as stream:
            start = stream.read(_START)
        str(path).encode()
    except OSError as error:
        raise BadImage(f"cannot open {name}: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise BadImage(f"cannot open {name!r}: its name is not Unicode") from error
    _check_start(start, name)


def copy_of_standard_input(name: str, max_pixels: int) -> Nameless:
    """Standard input copied to a file, because it is read by region, and twice.

    Raises BadImage if its first bytes are not those of a supported format, before it reads more, or if it has more
    bytes than a picture of so many pixels can have.
    """
    if sys.stdin is None:
        raise BadImage("standard input is closed")
    source, most = sys.stdin.buffer, max_pixels * _A_PIXEL + _BESIDE
    block = source.read(_START)
    _check_start(block, name)
    made, length = Nameless(), 0
    with writing(f"a copy of {name}"), made.path.open("wb") as target:
        while block:
            length += len(block)
            if length > most:
                raise BadImage(
                    f"{name} has more than {most / 1e6:.0f} MB, the most that a picture of {max_pixels / 1e6:.4g}"
                    " megapixels can have; allow more with --max-pixels"
                )
            target.write(block)
            block = source.read(_BLOCK)
    return made


def _check_start(start: bytes, name: str) -> None:
    if not start:
        raise BadImage(f"{name} is empty (0 bytes)")
    known = start.startswith(_STARTS) or start[8:12] == b"WEBP" or start[4:12] in _BRANDS
    if not known and not begins_as_heic(start):
        raise BadImage(f"{name} is not a picture that can be read ({FORMATS})")  # before any decoder sees it
