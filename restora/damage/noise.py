"""Noise: y = x + n and related models. Levels are on the 0..1 scale: sigma = 25/255 is written 0.098."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from restora.damage.chain import Damage


@dataclass(frozen=True)
class GaussianNoise(Damage):
    """White Gaussian noise, y = x + sigma * N(0, 1), independent for every value; not clipped."""

    family: ClassVar[str] = "noise"
    kind: ClassVar[str] = "gaussian"
    first: ClassVar[bool] = True
    sigma: float

    def __post_init__(self) -> None:
        self.need(0 <= self.sigma <= 10, "sigma must be from 0 to 10 on the 0..1 scale")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x plus noise of standard deviation sigma."""
        return x + np.float32(self.sigma) * rng.standard_normal(x.shape, dtype=np.float32)


@dataclass(frozen=True)
class PoissonNoise(Damage):
    """Photon noise, y = Poisson(peak * x) / peak; a small peak gives a dark, noisy picture."""

    family: ClassVar[str] = "noise"
    kind: ClassVar[str] = "poisson"
    peak: float

    def __post_init__(self) -> None:
        self.need(0 < self.peak <= 1e6, "peak, the photons of a white pixel, must be above 0 and at most 1e6")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Photons counted and scaled back; the variance is x / peak."""
        return (rng.poisson(np.clip(x, 0, None) * self.peak) / self.peak).astype(np.float32)


@dataclass(frozen=True)
class SaltAndPepper(Damage):
    """Impulse noise: a share `amount` of the pixels is black or white, half each, in all channels at once."""

    family: ClassVar[str] = "noise"
    kind: ClassVar[str] = "salt-and-pepper"
    amount: float

    def __post_init__(self) -> None:
        self.need(0 <= self.amount <= 1, "amount, the share of pixels hit, must be from 0 to 1")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with pixels replaced by 0 or 1."""
        u = rng.random(x.shape[:2])[:, :, None]
        return np.where(u < self.amount / 2, 0, np.where(u < self.amount, 1, x)).astype(np.float32)


@dataclass(frozen=True)
class Speckle(Damage):
    """Multiplicative noise, y = x (1 + sigma * N(0, 1)), as in radar, ultrasound and laser images."""

    family: ClassVar[str] = "noise"
    kind: ClassVar[str] = "speckle"
    sigma: float

    def __post_init__(self) -> None:
        self.need(0 <= self.sigma <= 10, "sigma must be from 0 to 10")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with noise proportional to brightness."""
        return x * (1 + np.float32(self.sigma) * rng.standard_normal(x.shape, dtype=np.float32))


@dataclass(frozen=True)
class CameraNoise(Damage):
    """Noise of a developed photograph: Gaussian, blurred by the interpolation of the colour filter array.

    It is correlated between neighbours and between channels. Red and blue, with half as many photosites as green, have
    more independent noise, and it is coarser. sigma: standard deviation in green or grey; grain: blur of the noise in
    pixels; colour: share of the variance in green that the other channels do not have in common with it, 0 to 1.
    """

    family: ClassVar[str] = "noise"
    kind: ClassVar[str] = "camera"
    sigma: float
    grain: float = 0.7
    colour: float = 0.5

    def __post_init__(self) -> None:
        self.need(0 <= self.sigma <= 10, "sigma must be from 0 to 10 on the 0..1 scale")
        self.need(0 <= self.grain <= 20, "grain must be from 0 to 20 pixels")
        self.need(0 <= self.colour <= 1, "colour must be from 0 to 1")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x plus blurred noise; the factors were measured on shots and means of three cameras (Nam et al., 2016)."""
        height, width, channels = x.shape
        shared = _grain(rng.standard_normal((height, width), dtype=np.float32), self.grain)
        if channels == 1:
            return x + np.float32(self.sigma) * shared[:, :, None]
        own = [
            factor * _grain(rng.standard_normal((height, width), dtype=np.float32), coarseness * self.grain)
            for factor, coarseness in ((1.8, 2.2), (1.0, 1.0), (1.8, 2.2))
        ]
        n = np.sqrt(1 - self.colour) * shared[:, :, None] + np.sqrt(self.colour) * np.dstack(own)
        return (x + self.sigma * n).astype(np.float32)


def _grain(n: np.ndarray, width: float) -> np.ndarray:
    """White noise (H, W) blurred by a Gaussian, with its variance kept."""
    impulse = np.zeros(2 * round(4 * width) + 3)
    impulse[len(impulse) // 2] = 1
    left = np.square(gaussian_filter(impulse, width)).sum()  # remaining share of the variance, along one axis
    return gaussian_filter(n, width, mode="wrap") / np.float32(left)
