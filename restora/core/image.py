"""Image: pixels with alpha and metadata."""

from dataclasses import dataclass, field

import numpy as np

GREY_WEIGHTS = np.array([0.2989, 0.5870, 0.1140], np.float32)
"""Red, green, blue: ITU-R BT.601 luma as rounded by MATLAB's rgb2gray, which made the usual grey test sets."""


@dataclass(frozen=True)
class Meta:
    """The metadata of a file."""

    bits: int = 8  # per value in the file: 8, 16, or 32 for floating point
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None  # raw, without Photoshop's wrapper
    resolution: tuple[float, float] | None = None  # pixels per millimetre, horizontal and vertical
    text: tuple[bytes, ...] = ()  # complete text chunks of a PNG file
    colour: tuple[bytes, ...] = ()  # complete chunks of a PNG file about the meaning of its values
    comments: tuple[bytes, ...] = ()  # of a JPEG file
    notes: tuple[str, ...] = ()  # changes made by reading, in words for the user


@dataclass(frozen=True)
class Image:
    """A picture in memory.

    pixels: (H, W, C) float32 on the 0..1 scale, C = 1 (grey) or 3 (RGB, in the file's own colour space, upright).
    alpha: (H, W) float32 0..1, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    meta: Meta = field(default_factory=Meta)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width, channels = self.pixels.shape
        return height, width, channels

    @property
    def has_alpha(self) -> bool:
        """Whether there is alpha."""
        return self.alpha is not None

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The pixels of a rectangle that lies inside the picture."""
        return self.pixels[top : top + height, left : left + width]

    def alpha_window(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """The alpha of a rectangle that lies inside the picture, or None."""
        return None if self.alpha is None else self.alpha[top : top + height, left : left + width]


def to_grey(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W, 1) as (H, W, 1), weighted by GREY_WEIGHTS scaled to sum one."""
    if rgb.shape[-1] == 1:
        return rgb
    return (rgb @ (GREY_WEIGHTS / GREY_WEIGHTS.sum()))[..., None].astype(rgb.dtype)


def means(values: np.ndarray, factor: int) -> np.ndarray:
    """Values (H, W, C) shrunk by a factor, by means over blocks; H and W are multiples of it."""
    height, width, channels = values.shape
    return values.reshape(height // factor, factor, width // factor, factor, channels).mean((1, 3))
