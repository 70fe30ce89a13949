"""Decode a picture file with libvips, by the loader that restora wants."""

from pathlib import Path

import pyvips

JPEG = b"\xff\xd8\xff"
"""How JPEG files begin."""


def decode(file: Path, *, fail_on: str = "", access: str = "random") -> pyvips.Image:
    """A file as libvips opens it; no pixel is decoded yet. Raises pyvips.Error.

    fail_on: what libvips raises an error for: "error" where data are missing or cannot be decoded, "warning" also
    where the decoder only warns, "none" to go on; what no whole file of a format needs, if it is not given. access:
    "sequential" where rows are read from top to bottom, once.
    """
    with file.open("rb") as stream:
        start = stream.read(len(JPEG))
    level = fail_on or "error"
    if start == JPEG:  # libvips would open one with a gain map by another loader, which gives no XMP
        return pyvips.Image.jpegload(str(file), fail_on=level, access=access)
    # libvips reads brackets at the end of a name as options
    name = f"{file}[]" if file.name.endswith("]") else str(file)
    image = pyvips.Image.new_from_file(name, fail_on=level, access=access)
    if fail_on or not in_tiles(image):
        return image
    # At a lower level it gives black for a tile that is missing; warnings of the directory it does not count there.
    return pyvips.Image.new_from_file(name, fail_on="warning", access=access)


def in_tiles(image: pyvips.Image) -> bool:
    """Whether an image as it was opened is decoded tile by tile, and not as a whole."""
    return image.get_typeof("tile-width") != 0
