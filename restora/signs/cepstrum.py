"""The size of a blur from the zeros of its transfer function, in the mean of the log power spectra of many tiles.

A straight motion of L pixels has zeros at multiples of 1/L along its direction, so the cepstrum, the transform of the
log spectrum, has a minimum at the distance L in this direction. A disk of radius r has rings of zeros, the first at
0.61/r cycles per pixel, where the spectrum has a minimum; that of a Gaussian falls steadily.
M. Cannon, "Blind deconvolution of spatially invariant image blurs with phase", IEEE TASSP 1976.
"""

from collections.abc import Sequence

import cv2
import numpy as np

TILE = 128
"""Side of the tiles, which overlap by half."""
FLOOR = 1e-4
"""Power that is added before the logarithm; rounding to 8 bits has a third of it in a tile."""
ZERO, LOBE = 0.61, 0.81
"""Frequencies of the first zero of a disk of radius one, and of the maximum after it."""
DEEP = 0.55
"""Minimum rise of the log spectrum from the zero to the maximum after it. On 15 photographs, a Gaussian blur has up to
0.48, where noise or JPEG limits its fall, and mostly less than 0; a disk of radius 3 and more has 0.38 to 3.5."""
BESIDE = 12.0
"""Maximum angle in degrees between the direction of motion by edges and by the cepstrum."""


def log_spectrum(greys: Sequence[np.ndarray]) -> np.ndarray | None:
    """(TILE, TILE): the mean log power of the tiles of grey pictures (h, w); None if all are smaller than a tile."""
    window = np.outer(np.hanning(TILE), np.hanning(TILE))
    spectra = []
    for grey in greys:
        for top in range(0, grey.shape[0] - TILE + 1, TILE // 2):
            for left in range(0, grey.shape[1] - TILE + 1, TILE // 2):
                tile = grey[top : top + TILE, left : left + TILE]
                spectra.append(np.log(np.abs(np.fft.fft2((tile - tile.mean()) * window)) ** 2 + FLOOR))
    return np.mean(spectra, 0) if spectra else None


def disk_radius(spectrum: np.ndarray, about: float) -> float | None:
    """The radius of a disk blur that is near `about`, in pixels; None if no ring of zeros is found."""
    ring = _rings()
    at = np.arange(TILE // 2)
    line = np.bincount(ring.ravel(), spectrum.ravel())[: TILE // 2] / np.bincount(ring.ravel())[: TILE // 2]
    line = line + 2 * np.log(np.maximum(at, 1))  # photographs have power like 1/f^2
    radii = np.linspace(0.75 * about, 1.35 * about, 49)
    radii = radii[radii > ZERO * TILE / (TILE // 2 - 2)]
    if not len(radii):
        return None
    zero, lobe = (np.interp(np.minimum(f * TILE / radii, TILE // 2 - 1), at, line) for f in (ZERO, LOBE))
    best = int(np.argmax(lobe - zero))
    return float(radii[best]) if lobe[best] - zero[best] >= DEEP else None


def motion(spectrum: np.ndarray, angle: float, least: float, most: float) -> tuple[float, float, float] | None:
    """(length in pixels, angle in degrees, depth) of a straight motion near `angle`, of `least` to `most` pixels.

    depth: of the minimum of the cepstrum, in standard deviations at these lengths. On 7 photographs motion has 15 and
    more, with noise and JPEG 5 to 22, and other pictures 3 to 6.5. None if the minimum is in another direction.
    """
    ring = np.minimum(_rings(), TILE // 2)
    mean = np.bincount(ring.ravel(), spectrum.ravel()) / np.bincount(ring.ravel())
    cepstrum = np.fft.fftshift(np.fft.ifft2(spectrum - mean[ring]).real).astype(np.float32)
    lengths, angles = np.arange(least, min(most, TILE // 2 - 2), 0.5), np.arange(0, 180, 1.0)
    if not len(lengths):
        return None
    turn = np.deg2rad(angles)[:, None]
    u, v = (TILE // 2 + side * (lengths - 1) for side in (np.cos(turn), -np.sin(turn)))  # L samples span L - 1
    depth = cv2.remap(cepstrum, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    i, j = np.unravel_index(int(depth.argmin()), depth.shape)
    if apart(float(angles[i]), angle) > BESIDE:
        return None
    return float(lengths[j]), float(angles[i]), -float(depth[i, j]) / max(float(depth.std()), 1e-12)


def apart(one: float, other: float) -> float:
    """The angle between two directions in degrees, 0 to 90."""
    return float(abs((one - other + 90) % 180 - 90))


def _rings() -> np.ndarray:
    """(TILE, TILE): the frequency of each place of a spectrum, in cycles per tile, rounded."""
    f = np.fft.fftfreq(TILE) * TILE
    return np.rint(np.hypot(f[:, None], f)).astype(int)
