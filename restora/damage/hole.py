"""Holes: y = m x, where the mask m is 1 on known pixels and 0 in the hole."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.core.errors import BadDamage
from restora.damage.chain import Chain, Damage


class Hole(Damage):
    """Pixels set to black; `mask` marks the known ones."""

    family: ClassVar[str] = "hole"

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """m, (H, W) bool, True = known."""
        raise BadDamage(f"{self} has no mask")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """m x."""
        return x * self.mask(x.shape[0], x.shape[1], rng)[:, :, None].astype(np.float32)

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """m y: a mask is its own adjoint."""
        return self.apply(y, rng)


@dataclass(frozen=True)
class RectangleHole(Hole):
    """One rectangle, in pixels from the top left corner."""

    kind: ClassVar[str] = "rectangle"
    first: ClassVar[bool] = True
    top: int
    left: int
    height: int
    width: int

    def __post_init__(self) -> None:
        self.need(min(self.top, self.left) >= 0, "top and left must be 0 or more")
        self.need(min(self.height, self.width) >= 1, "height and width must be 1 or more")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False inside the rectangle."""
        m = np.ones((height, width), bool)
        m[self.top : self.top + self.height, self.left : self.left + self.width] = False
        return m


@dataclass(frozen=True)
class PixelHole(Hole):
    """Scattered pixels: a random share of them is missing."""

    kind: ClassVar[str] = "pixels"
    share: float

    def __post_init__(self) -> None:
        self.need(0 <= self.share <= 1, "share must be from 0 to 1")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False with probability `share`."""
        return rng.random((height, width)) >= self.share


@dataclass(frozen=True)
class MaskHole(Hole):
    """A mask picture of the same size: white is the hole, black is known."""

    kind: ClassVar[str] = "mask"
    file: str

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False where the file is brighter than half."""
        try:
            decoded = cv2.imdecode(np.fromfile(self.file, np.uint8), cv2.IMREAD_GRAYSCALE)
        except (OSError, cv2.error) as error:
            raise BadDamage(f"cannot read a mask from {self.file}: {error}") from error
        self.need(decoded is not None, "the file must be a picture")
        white = np.asarray(decoded)
        self.need(white.shape == (height, width), f"the mask must be {width}x{height}, as the picture is")
        return white < 128


@dataclass(frozen=True)
class ScratchHole(Hole):
    """Thin, slightly bent lines across the picture, `width` pixels thick, as on old photographs."""

    kind: ClassVar[str] = "scratches"
    count: int
    width: int = 2

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 10000, "count must be from 1 to 10000")
        self.need(1 <= self.width <= 100, "width must be from 1 to 100 pixels")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False on the lines: each a quadratic curve through three random points."""
        hole = np.zeros((height, width), np.uint8)
        t = np.linspace(0, 1, 64)[:, None]
        for _ in range(self.count):
            a, c = rng.random((2, 2)) * (width, height)
            b = (a + c) / 2 + rng.normal(0, 0.05, 2) * (width, height)
            curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
            cv2.polylines(hole, [np.rint(curve).astype(np.int32)], False, 1, self.width)
        return hole == 0


@dataclass(frozen=True)
class TextHole(Hole):
    """Lines of text over the whole picture, `size` pixels high, like a watermark or a date stamp."""

    kind: ClassVar[str] = "text"
    size: int = 24
    words: str = "restora"

    def __post_init__(self) -> None:
        self.need(6 <= self.size <= 1000, "size must be from 6 to 1000 pixels")
        self.need(bool(self.words.strip()), "words must not be empty")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False under the letters; each line starts at a random position."""
        hole = np.zeros((height, width), np.uint8)
        scale = self.size / 22  # Hershey capitals are about 22 pixels high at scale 1
        thickness = max(1, self.size // 12)
        line = " ".join([self.words] * (1 + width // max(1, len(self.words) * self.size // 2) + 1))
        for bottom in range(self.size + self.size // 2, height + self.size, 3 * self.size):
            start = -int(rng.integers(0, max(1, self.size * 4)))
            cv2.putText(hole, line, (start, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, 1, thickness)
        return hole == 0


@dataclass(frozen=True)
class StrokeHole(Hole):
    """Strokes of a brush, `width` pixels thick: each wanders over a part of the picture."""

    kind: ClassVar[str] = "strokes"
    count: int = 3
    width: int = 16

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(1 <= self.width <= 1000, "width must be from 1 to 1000 pixels")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False on the strokes: 3 to 8 straight pieces each, a few times as long as they are wide."""
        hole = np.zeros((height, width), np.uint8)
        for _ in range(self.count):
            turns = rng.uniform(-1.2, 1.2, int(rng.integers(3, 9))).cumsum() + rng.uniform(0, 2 * np.pi)
            lengths = rng.uniform(1, 3, len(turns)) * self.width
            pieces = np.stack([np.cos(turns), np.sin(turns)], 1) * lengths[:, None]
            points = rng.random(2) * (width, height) + np.vstack([np.zeros((1, 2)), pieces.cumsum(0)])
            cv2.polylines(hole, [np.rint(points).astype(np.int32)], False, 1, self.width)
        return hole == 0


@dataclass(frozen=True)
class BlobHole(Hole):
    """Irregular spots, `size` pixels across, that cover about a share of the picture, as of peeled paint or mould."""

    kind: ClassVar[str] = "blobs"
    share: float = 0.1
    size: float = 16.0

    def __post_init__(self) -> None:
        self.need(0 < self.share < 1, "share must be above 0 and below 1")
        self.need(1 <= self.size <= 1000, "size must be from 1 to 1000 pixels")

    def mask(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """False where smooth noise is highest."""
        smooth = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), self.size / 2)
        return np.asarray(smooth < np.quantile(smooth, 1 - self.share))


def with_hole(damage: Damage, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The damaged picture y of x (H, W, C), and its missing pixels (H, W, 1) float32, 1 = missing.

    Raises BadDamage unless the last damage is a hole.
    """
    parts = damage.damages if isinstance(damage, Chain) else (damage,)
    hole = parts[-1]
    if not isinstance(hole, Hole):
        raise BadDamage(f"{damage} does not end with a hole, which a net that fills holes is trained on")
    for part in parts[:-1]:
        x = part.apply(x, rng)
    m = hole.mask(x.shape[0], x.shape[1], rng)[:, :, None].astype(np.float32)
    return x * m, 1 - m
