"""Decode a picture file with libvips, with a fixed choice of loader."""

from pathlib import Path

import pyvips

JPEG = b"\xff\xd8\xff"
"""First bytes of JPEG files."""


def decode(file: Path, *, fail_on: str = "", access: str = "random") -> pyvips.Image:
    """The image of a file, opened with libvips; no pixel is decoded yet. Raises pyvips.Error.

    fail_on: when libvips raises an error: "error" if data are missing or cannot be decoded, "warning" also if the
    decoder warns, "none" never; default: the strictest level that every complete file of the format passes. access:
    "sequential" if rows are read once from top to bottom.
    """
    with file.open("rb") as stream:
        start = stream.read(len(JPEG))
    level = fail_on or "error"
    if start == JPEG:  # libvips would open one with a gain map with a loader that does not read XMP
        return pyvips.Image.jpegload(str(file), fail_on=level, access=access)
    # libvips reads brackets at the end of a name as options
    name = f"{file}[]" if file.name.endswith("]") else str(file)
    image = pyvips.Image.new_from_file(name, fail_on=level, access=access)
    if fail_on or not in_tiles(image):
        return image
    # At a lower level it returns black for a missing tile; warnings about the directory do not count at this level.
    return pyvips.Image.new_from_file(name, fail_on="warning", access=access)


def in_tiles(image: pyvips.Image) -> bool:
    """Whether an opened image is decoded tile by tile, and not as a whole."""
    return image.get_typeof("tile-width") != 0
