"""Pyramids: pictures for display in tiles, at full size and at halves of it, in 8 bits and sRGB.

A pyramid is a TIFF file with one page for each level; level 0 has every pixel. It is not compressed, so that a tile is
read at once.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips

from restora.core.errors import BadImage
from restora.files.disk import check_room
from restora.files.picture import Picture
from restora.files.save import colour_profile

SIDE = 512
"""Side of the tiles of a picture in pixels."""
QUALITY = 92
"""JPEG quality of tiles, without reduced colour."""
BLOCK = 32
"""Side of the blocks in which two pictures are compared."""
COMPARED = 6_000_000
"""Pixels up to which they are compared at full size, and otherwise at half."""
ALIKE = 0.8
"""Share of the largest change from which the detail of a region decides."""


def write_pyramid(picture: Picture, target: Path) -> None:
    """Write the pyramid of an open picture. Raises BadImage if its data are damaged or the disk is full."""
    height, width = picture.shape[:2]
    check_room(target.parent, 2 * height * width * (picture.shape[2] + picture.has_alpha))
    try:
        _for_display(picture).tiffsave(
            str(target), tile=True, pyramid=True, tile_width=256, tile_height=256, compression="none", bigtiff=True
        )
    except pyvips.Error as error:
        picture.window(height - 1, 0, 1, 1)  # a damaged file is described better by its reader
        raise BadImage(f"{picture.name} cannot be displayed: {str(error).strip().splitlines()[-1]}") from error


def _for_display(picture: Picture) -> pyvips.Image:
    """The picture in 8 bits, with its colours converted to sRGB."""
    image, bits = picture.again(), picture.meta.bits
    if bits == 32:
        image = (image * 255).rint()
    elif bits == 16:
        image = (image * (255 / picture.white)).rint()
    image = image.cast("uchar").copy(interpretation="b-w" if picture.shape[2] == 1 else "srgb")
    profile = colour_profile(picture.meta, picture.shape[2] == 1)
    if not profile:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        return image.icc_transform("srgb", embedded=True)
    except pyvips.Error:  # a profile that cannot be used is ignored, as browsers do
        return image


@dataclass(frozen=True)
class Pyramid:
    """A pyramid in a file."""

    path: Path

    def sizes(self) -> list[tuple[int, int]]:
        """The (width, height) of each level."""
        return [(page.width, page.height) for page in map(self._level, range(self._level(0).get("n-pages")))]

    def tile(self, level: int, row: int, column: int) -> bytes:
        """A tile for a browser: JPEG, or PNG if the picture has alpha. Raises BadImage if there is none there."""
        return encoded(self.part(level, row * SIDE, column * SIDE, SIDE))

    def part(self, level: int, top: int, left: int, side: int) -> pyvips.Image:
        """A square of a level, cropped to it. Raises BadImage if it is outside."""
        image = self._level(level)
        if not (0 <= left < image.width and 0 <= top < image.height):
            raise BadImage("there is no such part of the picture")
        return image.crop(left, top, min(side, image.width - left), min(side, image.height - top))

    def _level(self, level: int) -> pyvips.Image:
        try:
            return pyvips.Image.new_from_file(str(self.path), page=level)
        except pyvips.Error as error:
            raise BadImage("there is no such part of the picture") from error


def encoded(image: pyvips.Image) -> bytes:
    """A part of a picture for a browser, JPEG, or PNG with alpha."""
    if image.hasalpha():
        return bytes(image.pngsave_buffer(compression=1))
    return bytes(image.jpegsave_buffer(Q=QUALITY, subsample_mode="off"))


def most_changed(before: Pyramid, after: Pyramid, size: tuple[int, int]) -> tuple[int, int]:
    """The middle (x, y), in pixels of the result, of the region of a (width, height) that changed most.

    Where several changed almost as much, as with noise, it is the one with the most detail in the result: it is in
    focus, and shows whether detail was kept. A picture of another size is compared at the size of the result.
    """
    width, height = after.sizes()[0]
    level = int(width * height > COMPARED and len(after.sizes()) > 1)
    one, other = before.part(level, 0, 0, 10**9), after.part(level, 0, 0, 10**9)
    if (one.width, one.height) != (other.width, other.height):
        one = one.resize(other.width / one.width, vscale=other.height / one.height)
    change = (_colours(one) - _colours(other)).abs()
    grey = _colours(other).bandmean()
    detail = (grey - grey.gaussblur(2)).abs()
    changed, detailed = _blocks(change.bandmean()), _blocks(detail)
    high, wide = (
        min(blocks, max(1, round(side / 2**level / BLOCK)))
        for side, blocks in zip(size[::-1], changed.shape, strict=True)
    )
    changed, detailed = _means(changed, high, wide), _means(detailed, high, wide)
    best = np.argmax(np.where(changed >= ALIKE * changed.max(), detailed, -1))
    top, left = (int(start) for start in np.unravel_index(best, changed.shape))
    x, y = ((start + blocks / 2) * BLOCK * 2**level for start, blocks in ((left, wide), (top, high)))
    return min(width, round(x)), min(height, round(y))


def _colours(image: pyvips.Image) -> pyvips.Image:
    return image.extract_band(0, n=image.bands - 1) if image.hasalpha() else image


def _blocks(image: pyvips.Image) -> np.ndarray:
    """The means of the blocks of a picture of one band; a block at the edge may be smaller."""
    right, down = -image.width % BLOCK, -image.height % BLOCK
    whole = image.embed(0, 0, image.width + right, image.height + down, extend="copy").cast("float")
    return whole.shrink(BLOCK, BLOCK).numpy()


def _means(blocks: np.ndarray, high: int, wide: int) -> np.ndarray:
    """The means of all rectangles of so many blocks."""
    return np.lib.stride_tricks.sliding_window_view(blocks, (high, wide)).mean((2, 3))
