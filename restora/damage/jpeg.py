"""JPEG compression: 8x8 blocks, quantised; the effect of a JPEG file of a given quality on a picture."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.damage.chain import Chain, Damage

SAMPLING = {
    444: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    422: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    420: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
"""Resolution of colour: full, half horizontally, or half in both directions."""


@dataclass(frozen=True)
class Jpeg(Damage):
    """Write the picture as JPEG at a quality of 1 (worst) to 100, and read it again; values are clipped and rounded.

    chroma: subsampling of colour, 420 (as cameras do), 422 or 444. down, right: position of the top left pixel on the
    8x8 grid, as after cropping a JPEG; 0 to 7. larger: factor by which the picture was larger when it was written,
    before it was shrunk; 1 to 4.
    """

    family: ClassVar[str] = "jpeg"
    kind: ClassVar[str] = "jpeg"
    first: ClassVar[bool] = True
    quality: int
    chroma: int = 420
    down: int = 0
    right: int = 0
    larger: float = 1.0

    def __post_init__(self) -> None:
        self.need(1 <= self.quality <= 100, "quality must be from 1 to 100")
        self.need(self.chroma in SAMPLING, "chroma must be 420, 422 or 444")
        self.need(
            0 <= min(self.down, self.right) <= max(self.down, self.right) < 8, "down and right must be from 0 to 7"
        )
        self.need(1 <= self.larger <= 4, "larger must be from 1 to 4")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The decoded JPEG of x."""
        height, width = x.shape[:2]
        if self.larger > 1:
            size = round(width * self.larger), round(height * self.larger)
            x = cv2.resize(np.ascontiguousarray(x), size, interpolation=cv2.INTER_CUBIC).reshape(size[1], size[0], -1)
        self.need(max(x.shape[:2]) <= 65500, "a side of a JPEG must be at most 65500 pixels")
        y = self._coded(np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8))
        if self.larger > 1:
            y = cv2.resize(y, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)
        return y.astype(np.float32) / 255

    def _coded(self, eight_bit: np.ndarray) -> np.ndarray:
        """(H, W, C) uint8, written and read."""
        shifted = np.pad(eight_bit, ((self.down, 0), (self.right, 0), (0, 0)), "symmetric")
        settings = [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[self.chroma]]
        # OpenCV stores BGR; the channel order matters, because JPEG weights red, green and blue differently.
        _, data = cv2.imencode(".jpg", shifted[:, :, ::-1], settings)
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)).reshape(shifted.shape)
        return decoded[self.down :, self.right :, ::-1]


def last_of_jpegs(damage: Damage) -> Jpeg | None:
    """The last JPEG of a damage that consists of JPEG only, once or several times; None for any other damage."""
    parts = damage.damages if isinstance(damage, Chain) else (damage,)
    jpegs = [part for part in parts if isinstance(part, Jpeg)]
    return jpegs[-1] if len(jpegs) == len(parts) else None
