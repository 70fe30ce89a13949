"""Decode a picture file with libvips, by the loader that restora wants."""

from pathlib import Path

import pyvips

JPEG = b"\xff\xd8\xff"
"""How JPEG files begin."""


def decode(file: Path, *, fail_on: str = "truncated", access: str = "random") -> pyvips.Image:
    """A file as libvips opens it; no pixel is decoded yet. Raises pyvips.Error.

    fail_on: "truncated" to raise an error where data is missing, "none" to go on. access: "sequential" where rows are
    read from top to bottom, once.
    """
    with file.open("rb") as stream:
        start = stream.read(len(JPEG))
    if start == JPEG:  # libvips would open one with a gain map by another loader, which gives no XMP
        return pyvips.Image.jpegload(str(file), fail_on=fail_on, access=access)
    # libvips reads brackets at the end of a name as options
    name = f"{file}[]" if file.name.endswith("]") else str(file)
    return pyvips.Image.new_from_file(name, fail_on=fail_on, access=access)
