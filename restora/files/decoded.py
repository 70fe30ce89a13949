"""A frame of a clip as the decoder gives it, in less memory than its values."""

from dataclasses import dataclass

import av
import numpy as np

from restora.files.yuv import Layout, pixels_of


@dataclass(frozen=True)
class Decoded:
    """A decoded frame as a picture; its values are converted whenever they are read."""

    frame: av.VideoFrame
    layout: Layout

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.frame.height, self.frame.width, self.layout.channels

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, C), as `pixels_of` gives them."""
        return pixels_of(self.frame, self.layout)

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The pixels of a rectangle."""
        return self.pixels[top : top + height, left : left + width]
