"""Blur: y = k * x, a convolution with a kernel k that sums to one; borders are padded by mirroring."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from restora.core.errors import BadDamage
from restora.damage.chain import Damage


class Blur(Damage):
    """Convolution with `kernel()`, an odd-sized (kh, kw) array that sums to one."""

    family: ClassVar[str] = "blur"

    def kernel(self) -> np.ndarray:
        """k, float64, odd sides, sum 1."""
        raise BadDamage(f"{self} has no kernel")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """k * x, of the size of x."""
        from scipy.signal import fftconvolve  # slow to import, and `restora fix` needs only the kernels

        k = self.kernel()
        rows, columns = _mirror(x.shape[0], k.shape[0] // 2), _mirror(x.shape[1], k.shape[1] // 2)
        padded = x[rows][:, columns]
        return fftconvolve(padded.astype(np.float64), k[:, :, None], mode="valid", axes=(0, 1)).astype(np.float32)

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """Correlation with k, with the mirrored borders folded back."""
        from scipy.signal import fftconvolve

        k = self.kernel()
        rows, columns = _mirror(shape[0], k.shape[0] // 2), _mirror(shape[1], k.shape[1] // 2)
        padded = fftconvolve(y.astype(np.float64), k[::-1, ::-1, None], mode="full", axes=(0, 1))
        folded = np.zeros((shape[0], *padded.shape[1:]))
        np.add.at(folded, rows, padded)
        x = np.zeros(shape)
        np.add.at(x.swapaxes(0, 1), columns, folded.swapaxes(0, 1))
        return x.astype(np.float32)


@dataclass(frozen=True)
class GaussianBlur(Blur):
    """A Gaussian of standard deviation sigma pixels, truncated at four sigma."""

    kind: ClassVar[str] = "gaussian"
    first: ClassVar[bool] = True
    sigma: float

    def __post_init__(self) -> None:
        self.need(0.01 <= self.sigma <= 100, "sigma must be from 0.01 to 100 pixels")

    def kernel(self) -> np.ndarray:
        """exp(-r^2 / 2 sigma^2)."""
        radius = int(np.ceil(4 * self.sigma))
        line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / self.sigma) ** 2)
        return np.outer(line, line) / line.sum() ** 2


@dataclass(frozen=True)
class MotionBlur(Blur):
    """A straight motion of `length` pixels, `angle` degrees anticlockwise from the right."""

    kind: ClassVar[str] = "motion"
    length: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        self.need(1 <= self.length <= 500, "length must be from 1 to 500 pixels")
        self.need(-360 <= self.angle <= 360, "angle must be from -360 to 360 degrees")

    def kernel(self) -> np.ndarray:
        """Eight points for each pixel along the line."""
        turn = np.deg2rad(self.angle)
        along = np.linspace(-0.5, 0.5, int(np.ceil(self.length)) * 8 + 1) * (self.length - 1)
        return traced(-along * np.sin(turn), along * np.cos(turn))


@dataclass(frozen=True)
class DiskBlur(Blur):
    """Defocus: a disk of `radius` pixels."""

    kind: ClassVar[str] = "disk"
    radius: float

    def __post_init__(self) -> None:
        self.need(0.5 <= self.radius <= 100, "radius must be from 0.5 to 100 pixels")

    def kernel(self) -> np.ndarray:
        """The share of each pixel that the disk covers, from 8x8 points per pixel."""
        half = int(np.ceil(self.radius))
        fine = (np.arange((2 * half + 1) * 8) + 0.5) / 8 - half - 0.5
        inside = (fine[:, None] ** 2 + fine**2 <= self.radius**2).astype(float)
        k = inside.reshape(2 * half + 1, 8, 2 * half + 1, 8).sum((1, 3))
        return k / k.sum()


@dataclass(frozen=True)
class KernelBlur(Blur):
    """Any kernel: a grey picture, a .npy array, or text with a row of numbers per line; odd sides, scaled to sum 1."""

    kind: ClassVar[str] = "kernel"
    file: str

    def kernel(self) -> np.ndarray:
        """The numbers of the file, scaled."""
        path = Path(self.file)
        try:
            if path.suffix == ".npy":
                k = np.load(path, allow_pickle=False).astype(float)
            elif path.suffix == ".txt":
                k = np.loadtxt(path, ndmin=2)
            else:
                pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
                k = np.asarray(pixels, float)
        except (OSError, EOFError, ValueError, TypeError, cv2.error) as error:
            raise BadDamage(f"cannot read a blur kernel from {self.file}: {error}") from error
        self.need(k.ndim == 2 and k.shape[0] % 2 == 1 and k.shape[1] % 2 == 1, "the kernel must have odd sides")
        self.need(bool(np.isfinite(k).all()) and k.sum() > 0, "the kernel must be finite with a positive sum")
        return k / k.sum()


def traced(down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The kernel of a path: points (n,) in pixels from the centre, each distributed to its four neighbours; sum 1."""
    radius = int(np.ceil(max(np.abs(down).max(), np.abs(right).max()) + 0.5))
    k = np.zeros((2 * radius + 2, 2 * radius + 2))
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    for i in (0, 1):
        for j in (0, 1):
            share = (1 - np.abs(down - top - i)) * (1 - np.abs(right - left - j))
            np.add.at(k, (top + i + radius, left + j + radius), share)
    return k[:-1, :-1] / k[:-1, :-1].sum()


def _mirror(size: int, radius: int) -> np.ndarray:
    """Indices of an axis padded by `radius` on both sides, mirrored at its ends (edge sample repeated)."""
    index = np.arange(-radius, size + radius) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)
