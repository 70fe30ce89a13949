"""JPEG compression: 8x8 blocks, quantised; what a JPEG file does to a picture at a quality."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.damage.chain import Damage


@dataclass(frozen=True)
class Jpeg(Damage):
    """Write the picture as JPEG at a quality of 1 (worst) to 100, and read it again; values are clipped and rounded."""

    family: ClassVar[str] = "jpeg"
    kind: ClassVar[str] = "jpeg"
    first: ClassVar[bool] = True
    quality: int

    def __post_init__(self) -> None:
        self.need(1 <= self.quality <= 100, "quality must be from 1 to 100")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The decoded JPEG of x (colour subsampled 4:2:0, as cameras do)."""
        self.need(max(x.shape[:2]) <= 65500, "JPEG holds at most 65500 pixels a side")
        eight_bit = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
        # OpenCV stores BGR; the channel order matters, as JPEG weighs red, green and blue differently.
        _, data = cv2.imencode(".jpg", eight_bit[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)).reshape(x.shape)
        return decoded[:, :, ::-1].astype(np.float32) / 255
