"""Shrinking: bicubic and antialiased, as MATLAB's `imresize`, on which published super-resolution scores rest."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from restora.damage.chain import Chain, Damage


def imresize(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """x (H, W, C) resized to (height, width, C), bicubic (Keys, a = -0.5), antialiased when smaller; not clipped."""
    down = bicubic_weights(x.shape[0], height)
    across = bicubic_weights(x.shape[1], width)
    return along(across, along(down, x, 0), 1).astype(np.float32)


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


def along(matrix: csr_array, x: np.ndarray, axis: int) -> np.ndarray:
    """x (H, W, C) with a matrix applied to its rows (axis 0) or columns (axis 1), float64."""
    moved = np.moveaxis(x, axis, 0)
    flat = matrix @ moved.reshape(moved.shape[0], -1).astype(np.float64)
    return np.moveaxis(flat.reshape(-1, *moved.shape[1:]), 0, axis)


@lru_cache(maxsize=64)
def bicubic_weights(size: int, new_size: int) -> csr_array:
    """The (new_size, size) matrix of one axis, Keys' cubic with a = -0.5 (Keys, 1981, eq. 15)."""
    return axis_weights(size, new_size, _cubic, 2)


def axis_weights(size: int, new_size: int, kernel: Callable[[np.ndarray], np.ndarray], support: int) -> csr_array:
    """The (new_size, size) matrix that resamples one axis with a kernel that is zero beyond `support` samples.

    The kernel is stretched when the axis gets shorter, so that nothing is aliased; each row sums to one; samples
    beyond the border are mirrored.
    """
    scale = new_size / size
    stretch = min(scale, 1.0)
    centre = (np.arange(new_size) + 0.5) / scale - 0.5
    taps = int(np.ceil(2 * support / stretch)) + 2
    index = np.floor(centre - support / stretch).astype(int)[:, None] + np.arange(taps)
    weight = kernel(stretch * (centre[:, None] - index))
    weight /= weight.sum(1, keepdims=True)
    mirrored = index % (2 * size)
    mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    row = np.repeat(np.arange(new_size), taps)
    matrix = csr_array((weight.ravel(), (row, mirrored.ravel())), shape=(new_size, size))
    matrix.eliminate_zeros()
    return matrix


def _cubic(t: np.ndarray) -> np.ndarray:
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0))
