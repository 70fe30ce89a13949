"""Shrinking: bicubic and antialiased, as MATLAB's `imresize`, on which published super-resolution scores rest."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from restora.core.resample import along, bicubic_weights, imresize
from restora.damage.chain import Chain, Damage


@dataclass(frozen=True)
class Shrink(Damage):
    """The picture cut to a multiple of the scale s, then made s times smaller."""

    family: ClassVar[str] = "shrink"
    kind: ClassVar[str] = "shrink"
    first: ClassVar[bool] = True
    scale: int

    def __post_init__(self) -> None:
        self.need(1 <= self.scale <= 16, "scale must be a whole number from 1 to 16")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x (H, W, C) as (H // s, W // s, C)."""
        height, width = x.shape[0] // self.scale, x.shape[1] // self.scale
        self.need(height > 0 and width > 0, f"a picture of {x.shape[1]}x{x.shape[0]} is too small")
        return imresize(self.cut(x), height, width)

    def cut(self, x: np.ndarray) -> np.ndarray:
        """The part of x (H, W, C) whose sides are multiples of s, as large as the result is to become again."""
        return x[: x.shape[0] // self.scale * self.scale, : x.shape[1] // self.scale * self.scale]

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """The transposed weights; zero where the picture was cut off."""
        height, width = y.shape[:2]
        x = np.zeros(shape, np.float32)
        down = bicubic_weights(height * self.scale, height).T
        across = bicubic_weights(width * self.scale, width).T
        x[: height * self.scale, : width * self.scale] = along(across, along(down, y, 0), 1)
        return x


def shrink_in(damage: Damage) -> Shrink | None:
    """The shrinking that a damage is, or that a chain of damages holds."""
    parts = damage.damages if isinstance(damage, Chain) else (damage,)
    return next((part for part in parts if isinstance(part, Shrink)), None)


@dataclass(frozen=True)
class Enlarge(Damage):
    """The picture made s times larger: after a shrink it has its size again, but not what was lost."""

    family: ClassVar[str] = "enlarge"
    kind: ClassVar[str] = "enlarge"
    first: ClassVar[bool] = True
    scale: int

    def __post_init__(self) -> None:
        self.need(1 <= self.scale <= 16, "scale must be a whole number from 1 to 16")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x (H, W, C) as (s H, s W, C)."""
        return imresize(x, x.shape[0] * self.scale, x.shape[1] * self.scale)

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """The transposed weights."""
        down, across = (bicubic_weights(side, side * self.scale).T for side in shape[:2])
        return along(across, along(down, y, 0), 1).astype(np.float32)
