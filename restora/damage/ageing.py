"""Ageing of photographs: faded dyes, lost contrast, sepia toning, yellowed paper and stains.

Values are those of the file, which grow about as the 1/GAMMA-th power of light.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.core.errors import BadDamage
from restora.core.image import to_grey
from restora.damage.chain import Damage

GAMMA = 2.2
"""Exponent of the tone curve, nearly that of sRGB."""
BLACK = 0.1
"""The black of a print, on the scale of values: 1/160 of the light of its white."""
YELLOW = np.array([0.2, 0.4, 1.0], np.float32)
"""How much of red, green and blue yellowed paper absorbs, relative to blue."""
BROWN = np.array([0.5, 0.8, 1.2], np.float32)
"""How much of red, green and blue a stain absorbs, relative to its density."""
TONED = np.array([0.75, 1.0, 1.35], np.float32)
"""Exponents of red, green and blue of a sepia print: the tone is strongest between black and white."""


@dataclass(frozen=True)
class DyeFading(Damage):
    """Faded dyes: y + b = (1 + b) ((x + b) / (1 + b))^(1 - share) with b = BLACK, for each channel.

    A dye that loses a share of its molecules loses this share of its density, and density is a logarithm. White stays,
    black is lifted. red, green, blue: the share lost by the dye that absorbs this colour (cyan, magenta, yellow);
    0 to 0.95. A grey picture loses the mean of the three.
    """

    family: ClassVar[str] = "fade"
    kind: ClassVar[str] = "dyes"
    first: ClassVar[bool] = True
    red: float
    green: float
    blue: float

    def __post_init__(self) -> None:
        shares = self.red, self.green, self.blue
        self.need(all(0 <= share <= 0.95 for share in shares), "red, green and blue must be from 0 to 0.95")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with a part of its density."""
        share = np.array([self.red, self.green, self.blue], np.float32)
        kept = 1 - (share if x.shape[2] == 3 else share.mean())
        y = (1 + BLACK) * np.power((np.maximum(x, 0) + BLACK) / (1 + BLACK), kept) - BLACK
        return np.asarray(y, np.float32)


@dataclass(frozen=True)
class LostContrast(Damage):
    """Contrast lost alike at all tones, as under dirt or stray light: y = black + (white - black) x."""

    family: ClassVar[str] = "fade"
    kind: ClassVar[str] = "contrast"
    black: float
    white: float = 1.0

    def __post_init__(self) -> None:
        self.need(0 <= self.black < self.white <= 1, "black and white must be from 0 to 1, and black below white")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x between black and white."""
        return np.asarray(self.black + (self.white - self.black) * x, np.float32)


@dataclass(frozen=True)
class Sepia(Damage):
    """A toned print: the grey picture with brown middle tones; amount 1 leaves no other colour. Grey stays grey."""

    family: ClassVar[str] = "sepia"
    kind: ClassVar[str] = "sepia"
    first: ClassVar[bool] = True
    amount: float = 1.0

    def __post_init__(self) -> None:
        self.need(0 <= self.amount <= 1, "amount must be from 0 to 1")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x, mixed with its toned version."""
        if x.shape[2] != 3:
            return x
        toned = np.power(np.maximum(to_grey(x), 0), TONED)
        return np.asarray(x + self.amount * (toned - x), np.float32)


class _Filter(Damage):
    """A layer that absorbs light: y = t x, t between 0 and 1 for each value. It is its own adjoint."""

    def layer(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """t, which can be multiplied with a picture (H, W, C)."""
        raise BadDamage(f"{self} has no layer")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """t x."""
        return np.asarray(x * self.layer(x.shape, rng), np.float32)

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """t y."""
        return self.apply(y, rng)


@dataclass(frozen=True)
class Yellowing(_Filter):
    """Yellowed paper: white loses the share `amount` of blue, and less of green and red; black stays. 0 to 1."""

    family: ClassVar[str] = "yellow"
    kind: ClassVar[str] = "paper"
    first: ClassVar[bool] = True
    amount: float

    def __post_init__(self) -> None:
        self.need(0 <= self.amount <= 1, "amount must be from 0 to 1")

    def layer(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """One factor for each channel."""
        return 1 - np.float32(self.amount) * (YELLOW if shape[2] == 3 else YELLOW.mean())


@dataclass(frozen=True)
class Stain(_Filter):
    """Brown stains with soft, irregular edges, as from water or glue.

    count: how many. size: their diameter as a share of the shorter side. density: logarithm to base 10 of the light
    lost at the centre.
    """

    family: ClassVar[str] = "stain"
    kind: ClassVar[str] = "blotches"
    first: ClassVar[bool] = True
    count: int = 2
    size: float = 0.4
    density: float = 0.3

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 100, "count must be from 1 to 100")
        self.need(0.02 <= self.size <= 2, "size must be from 0.02 to 2 of the shorter side")
        self.need(0 <= self.density <= 3, "density must be from 0 to 3")

    def layer(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """(H, W, C): the light that the stains leave."""
        height, width, channels = shape
        depth, down, right = np.zeros((height, width), np.float32), *np.mgrid[:height, :width].astype(np.float32)
        radius = max(1.0, self.size * min(height, width) / 2)
        for _ in range(self.count):
            top, left = rng.random(2) * (height, width)
            rough = cv2.resize(rng.random((8, 8), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
            away = np.hypot(down - top, right - left) / radius + 0.6 * (rough - 0.5)
            depth += np.clip(2 * (1 - away), 0, 1)
        colour = BROWN if channels == 3 else BROWN[1:2]
        return np.asarray(10 ** (-self.density / GAMMA * depth[:, :, None] * colour), np.float32)
