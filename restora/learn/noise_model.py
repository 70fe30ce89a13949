"""Measure the noise of pictures in flat places, and generate such noise: its spectrum, and its level by brightness.

Noise of cameras and scanners is not white: it was interpolated, filtered and compressed, differently in each channel.
The model is Gaussian noise with spectrum S(f), a 3x3 matrix between channels at each frequency: n = A w, with A A* = S
and w white (Wiener and Khinchin). A level for each brightness scales it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter, uniform_filter

from restora.core.errors import BadImage

SIDE = 32
"""Side in pixels of the squares that are examined; larger than the grain of the noise."""
CLASSES = 8
FLAT = 10
"""One square of this many, the flattest of its class of brightness, counts as noise only."""
ENOUGH = 64
"""Minimum number of flat squares."""
MUCH = 4_000_000
"""Number of pixels from which squares need not overlap."""
LEAST = 0.5 / 255
"""Noise below this is rounding noise."""
_NONE = np.empty((0, SIDE, SIDE, 3), np.float32)


@dataclass(frozen=True)
class NoiseModel:
    """brightness and level: (K,) of green, increasing; spectrum: (SIDE, SIDE, 3, 3) of noise of level one in green."""

    brightness: np.ndarray
    level: np.ndarray
    spectrum: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_factors", {})

    @property
    def sigma(self) -> float:
        """The standard deviation in green at middle brightness."""
        return float(np.interp(0.5, self.brightness, self.level))

    def draw(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x (H, W, 3) with such noise added."""
        height, width = x.shape[:2]
        white = np.fft.rfft2(rng.standard_normal(x.shape), axes=(0, 1))
        factors = self._factors_of(height, width)
        n = np.fft.irfft2(np.einsum("hwij,hwj->hwi", factors, white), s=(height, width), axes=(0, 1))
        level = np.interp(uniform_filter(x[:, :, 1], 3), self.brightness, self.level)
        return (x + level[:, :, None] * n).astype(np.float32)

    def _factors_of(self, height: int, width: int) -> np.ndarray:
        """A(f) with A A* = S(f) for a picture of this size, cached for the next one."""
        known: dict[tuple[int, int], np.ndarray] = self._factors  # type: ignore[attr-defined]
        if (height, width) not in known:
            covariance = np.fft.fftshift(np.fft.ifft2(self.spectrum, axes=(0, 1)).real, axes=(0, 1))
            wide = np.zeros((height, width, 3, 3))
            half = (min(SIDE, height) // 2, min(SIDE, width) // 2)
            middle = np.s_[SIDE // 2 - half[0] : SIDE // 2 + half[0], SIDE // 2 - half[1] : SIDE // 2 + half[1]]
            wide[: 2 * half[0], : 2 * half[1]] = covariance[middle]
            wide = np.roll(wide, (-half[0], -half[1]), (0, 1))
            spectrum = np.fft.rfft2(wide, axes=(0, 1))
            values, vectors = np.linalg.eigh((spectrum + spectrum.conj().swapaxes(2, 3)) / 2)
            known[height, width] = vectors * np.sqrt(np.maximum(values, 0))[:, :, None, :]
        return known[height, width]


def measure_noise(pictures: Sequence[np.ndarray]) -> NoiseModel:
    """The noise of pictures (H, W, 3) on the 0..1 scale. Raises BadImage if too few places are flat."""
    stride = SIDE if sum(picture.shape[0] * picture.shape[1] for picture in pictures) > MUCH else SIDE // 2
    large = [picture for picture in pictures if min(picture.shape[:2]) >= SIDE]
    squares = np.concatenate([_NONE, *[_squares(picture, stride) for picture in large]])
    if len(squares) < FLAT * ENOUGH:
        raise BadImage("the pictures are too few or too small to measure their noise; give some of about a megapixel")
    green = squares[..., 1].mean((1, 2))
    structure = _structure(squares[..., 1])
    clipped = ((squares <= 0) | (squares >= 1)).mean((1, 2, 3)) > 0.02
    flat, classes = [], []
    order = np.argsort(green)
    for part in np.array_split(order[~clipped[order]], CLASSES):
        chosen = part[np.argsort(structure[part])[: max(8, len(part) // FLAT)]]
        if len(chosen) >= 8:
            flat.append(chosen)
            classes.append((green[chosen].mean(), len(flat) - 1))
    if sum(map(len, flat)) < ENOUGH:
        raise BadImage("the pictures are nearly all black or white, so their noise cannot be measured")
    noises = [_detrended(squares[chosen].astype(np.float64)) for chosen in flat]
    level = np.array([np.sqrt(np.median(noise[..., 1].var((1, 2)))) for noise in noises])
    level = median_filter(
        level, min(3, len(level)), mode="nearest"
    )  # removes the outlier of a class that is textured everywhere
    if level.max() < LEAST:
        raise BadImage("the pictures have no noise in flat places, so there is nothing to adapt to")
    alike = np.concatenate([noise / max(level[index], 1e-6) for index, noise in enumerate(noises)])
    return NoiseModel(np.array([mean for mean, _ in classes]), level, _spectrum(alike))


def _spectrum(noise: np.ndarray) -> np.ndarray:
    """(N, SIDE, SIDE, 3) of level about one -> (SIDE, SIDE, 3, 3), with a variance of exactly one in green."""
    window = np.hanning(SIDE + 2)[1:-1]
    window = np.outer(window, window)[:, :, None]
    waves = np.fft.fft2(noise * window, axes=(1, 2))
    spectrum = np.einsum("nhwi,nhwj->hwij", waves, waves.conj()) / len(noise) / np.square(window).sum()
    return spectrum / spectrum[:, :, 1, 1].real.mean()


def _squares(picture: np.ndarray, stride: int) -> np.ndarray:
    views = sliding_window_view(picture, (SIDE, SIDE), axis=(0, 1))[::stride, ::stride]
    return views.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1).astype(np.float32)


def _structure(green: np.ndarray) -> np.ndarray:
    """(N, SIDE, SIDE) -> (N,): the remaining variance of averages of 4x4 after a plane is subtracted."""
    coarse = green.reshape(-1, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4))
    return _detrended(coarse[..., None], plane=True)[..., 0].var((1, 2))


def _detrended(squares: np.ndarray, plane: bool = False) -> np.ndarray:
    """Squares (N, side, side, C) without their best plane, or best quadratic surface."""
    side = squares.shape[1]
    v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].reshape(2, -1)
    terms = [np.ones_like(u), u, v] if plane else [np.ones_like(u), u, v, u * u, u * v, v * v]
    basis = np.linalg.qr(np.stack(terms, 1))[0]
    flat = squares.reshape(len(squares), side * side, -1)
    return (flat - basis @ (basis.T @ flat)).reshape(squares.shape)
