"""Noise level: the standard deviation of white noise, measured in the flattest patches of the picture.

Among patches without texture the covariance is sigma^2 in every direction, so its smallest eigenvalue gives sigma.
Given sigma, a patch has no texture if the energy of its differences is that of noise alone. The two steps alternate
until the choice of patches no longer changes.

X. Liu, M. Tanaka, M. Okutomi, "Single-image noise level estimation for blind denoising", IEEE TIP 2013.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from restora.core.diagnosis import Finding

PATCH = 7
ENOUGH = 300
"""Minimum number of patches for a measurement."""
SMALL = 128**2
"""Number of pixels below which every patch is used."""
MOST = 20_000
"""Number of patches used; more of them give the same result in more time."""
FLATTEST = 0.05
"""Share of the patches up to which the last choice counts as flat although few of them look like pure noise. In print,
fine drawings and small pictures the choice is larger, and its variation is texture."""
TONES = 0.03
"""Share of values between black and white below which a picture has two tones, and noise cannot be measured."""
LEAST = 4.0 / 255
"""Below this a denoiser gains little: rounding to 8 bits is 0.3/255, and dense texture measures up to 3.5/255."""

ROUNDING = 0.2 / 255
"""Standard deviation below which a channel has no noise."""
ALIKE = 0.45
"""Correlation from which noise is not white. On twelve photographs with sigma of 5 to 25 of 255, independent noise
has up to 0.44 between channels, because of texture, and noise common to the channels 0.5 and more."""
STRENGTHS = ((6 / 255, "light"), (15 / 255, "clear"), (float("inf"), "strong"))
"""Words for noise by its maximum standard deviation."""


def noise_level(crops: Sequence[np.ndarray]) -> Finding:
    """The noise of each channel of some crops (h, w, C) on the 0..1 scale; any size."""
    channels, unit = range(crops[0].shape[2]), "0..1 scale, per channel"
    patches = [np.concatenate([patches_of(crop[:, :, c], MOST // len(crops)) for crop in crops]) for c in channels]
    if len(patches[0]) < 2 * ENOUGH:
        return Finding("noise_level", [0.0 for _ in channels], unit, 0.0, False, "too small to measure noise")
    sigmas = [channel_sigma(each) for each in patches]
    overall = float(np.sqrt(np.mean(np.square(sigmas))))
    present = overall >= LEAST
    certain = min(1.0, abs(overall - LEAST) / LEAST)
    levels = "/".join(f"{255 * sigma:.1f}" for sigma in sigmas)
    says = f"noise of standard deviation {levels} of 255" if present else f"no significant noise ({levels} of 255)"
    facts = correlations(patches, sigmas) if present else {}
    if facts.get("channels", 0) >= ALIKE:
        says += f", the same in all colour channels (correlation {facts['channels']:.2f})"
    plain = f"{strength(overall)} noise" if present else ""
    return Finding("noise_level", [round(sigma, 5) for sigma in sigmas], unit, certain, present, says, facts, plain)


def strength(sigma: float) -> str:
    """The strength of noise of a standard deviation on the 0..1 scale, in a word."""
    return next(word for most, word in STRENGTHS if sigma < most)


def correlations(patches: Sequence[np.ndarray], sigmas: Sequence[float]) -> dict[str, float]:
    """The correlation of the noise between two channels and between neighbouring pixels; 0 for white noise.

    Computed from flat patches, (N, 7, 7) of each channel, without their best plane; empty if there are too few.
    Channels that are equal everywhere count as one channel.
    """
    inside, flat = np.ones((2, len(patches[0])), bool)
    for each, sigma in zip(patches, sigmas, strict=True):
        inside &= ((each > 0) & (each < 1)).mean((1, 2)) > 0.9
        flat &= energy(each) < max(sigma, 1e-6) ** 2 * _noise_energy()
    chosen = np.flatnonzero(inside & flat)
    if len(chosen) < ENOUGH:
        return {}
    chosen = chosen[:: -(-len(chosen) // 4000)]
    rest = np.stack([each[chosen].reshape(len(chosen), -1) @ _without_plane() for each in patches])
    variance = np.square(rest).mean((1, 2))
    rest, variance = rest[variance > ROUNDING**2], variance[variance > ROUNDING**2]  # a constant channel has no noise
    if not len(rest):
        return {}
    alike = np.corrcoef(rest.reshape(len(rest), -1)) if len(rest) > 1 else np.eye(1)
    between = alike[~np.eye(len(rest), dtype=bool)]
    one = len(rest) == 1 or all(np.array_equal(rest[0], each) for each in rest[1:])
    return {
        "channels": 0.0 if one else round(float(between.mean()), 3),
        "neighbours": round(float(np.mean([_lag(each) for each in rest / np.sqrt(variance)[:, None, None]])), 3),
    }


def _lag(rest: np.ndarray) -> float:
    """The correlation of neighbours in patches (N, 49) of variance one, corrected for the removal of planes."""
    square = rest.reshape(-1, PATCH, PATCH)
    seen = ((square[:, :, 1:] * square[:, :, :-1]).mean() + (square[:, 1:] * square[:, :-1]).mean()) / 2
    white = _without_plane()
    pairs = white.reshape(PATCH, PATCH, PATCH, PATCH)
    expected = np.mean([pairs[i, j, i, j + 1] for i in range(PATCH) for j in range(PATCH - 1)])
    return float(seen - expected / np.mean(np.diag(white)))


@lru_cache(maxsize=1)
def _without_plane() -> np.ndarray:
    """The projection (49, 49) of a patch onto the complement of planes."""
    v, u = np.mgrid[:PATCH, :PATCH].reshape(2, -1)
    basis = np.linalg.qr(np.stack([np.ones(PATCH**2), u, v], 1))[0]
    return np.asarray(np.eye(PATCH**2) - basis @ basis.T)


def channel_sigma(patches: np.ndarray) -> float:
    """The noise of one channel, from its patches (N, 7, 7)."""
    # Clipped values have less noise: leave such patches out.
    inside = ((patches > 0) & (patches < 1)).mean((1, 2))
    if inside.mean() < TONES:
        return 0.0
    found = [sigma_of(patches[inside > 0.95])]
    if inside[inside > 0].mean() < 0.98:  # of patches that are not entirely black or white, such as a border
        # Choosing patches by their clipped pixels prefers those with little noise; middle tones are rarely clipped.
        found.append(sigma_of(patches[np.abs(patches.mean((1, 2)) - 0.5) < 0.25]))
    return max(found) if max(found) > 0 else sigma_of(patches)


def sigma_of(patches: np.ndarray, flattest: float = FLATTEST) -> float:
    """The noise of patches (N, 7, 7); 0 if they are too few, or if more than the flattest share has texture."""
    if len(patches) < ENOUGH:
        return 0.0
    energies = energy(patches)
    variance, chosen = _noise_variance(patches), len(patches)
    for _ in range(10):
        flat = patches[energies < variance * _noise_energy()]
        if len(flat) < ENOUGH:
            return float(np.sqrt(variance)) if chosen <= flattest * len(patches) else 0.0
        chosen = len(flat)
        before, variance = variance, _noise_variance(flat)
        if abs(variance - before) <= 1e-3 * before:
            break
    return float(np.sqrt(variance))


def _noise_variance(patches: np.ndarray) -> float:
    """The smallest eigenvalue of the covariance of patches, corrected for the bias of a small sample."""
    shortfall = max(0.9, 1 - PATCH / np.sqrt(len(patches)))  # Marchenko and Pastur, 1967
    least = np.linalg.eigvalsh(np.cov(patches.reshape(len(patches), -1).T))[0]
    return max(0.0, float(least)) / shortfall**2


@lru_cache(maxsize=1)
def _noise_energy() -> float:
    """The 99 % quantile of the energy of differences in patches of pure noise of variance one."""
    noise = np.random.default_rng(0).standard_normal((20000, PATCH, PATCH))
    return float(np.quantile(energy(noise), 0.99))


def energy(patches: np.ndarray) -> np.ndarray:
    """The energy of the differences between neighbours, for each of the patches (N, 7, 7)."""
    down, right = patches[:, 1:] - patches[:, :-1], patches[:, :, 1:] - patches[:, :, :-1]
    return np.asarray(np.einsum("nij,nij->n", down, down) + np.einsum("nij,nij->n", right, right))


def patches_of(crop: np.ndarray, most: int = 100_000) -> np.ndarray:
    """Overlapping patches (N, 7, 7) of a crop (h, w), at most about so many; all of them for a small crop."""
    down, right = (max(0, PATCH - side) for side in crop.shape)
    crop = np.pad(crop, ((0, down), (0, right)), mode="symmetric")
    every = 1 if crop.size < SMALL else max(2, ceil(sqrt(crop.size / most)))
    return sliding_window_view(crop.astype(np.float64), (PATCH, PATCH))[::every, ::every].reshape(-1, PATCH, PATCH)
