"""Noise level: the standard deviation of white noise, read off the flattest patches of the picture.

Among patches without texture the covariance is sigma^2 in every direction, so its least eigenvalue gives sigma; and
given sigma, a patch has no texture if the energy of its differences is what noise alone would have. The two steps
take turns until the choice of patches stands still.

X. Liu, M. Tanaka, M. Okutomi, "Single-image noise level estimation for blind denoising", IEEE TIP 2013.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from restora.core.diagnosis import Finding

PATCH = 7
ENOUGH = 300
"""Patches below which a choice says nothing."""
SMALL = 128**2
"""Pixels below which every patch is looked at."""
MOST = 40_000
"""Patches that are looked at: more of them say the same in more time."""
FLATTEST = 0.05
"""Share of the patches up to which those chosen last are taken for flat, though few of them look like noise alone: of
print, of fine drawings and of small pictures more are chosen, and vary by their texture."""
TONES = 0.03
"""Share of values between black and white below which a picture has two tones, and no noise can be told."""
LEAST = 3.0 / 255
"""Below this a denoiser has little to gain: rounding to 8 bits is 0.3/255, and dense texture reads up to 3/255."""


def noise_level(crops: Sequence[np.ndarray]) -> Finding:
    """The noise of each channel of some crops (h, w, C) on the 0..1 scale; any size."""
    channels, unit = range(crops[0].shape[2]), "0..1 scale, per channel"
    patches = [np.concatenate([patches_of(crop[:, :, c]) for crop in crops]) for c in channels]
    if len(patches[0]) < 2 * ENOUGH:
        return Finding("noise_level", [0.0 for _ in channels], unit, 0.0, False, "too small to tell noise")
    sigmas = [channel_sigma(each[:: -(-len(each) // MOST)]) for each in patches]
    overall = float(np.sqrt(np.mean(np.square(sigmas))))
    present = overall >= LEAST
    certain = min(1.0, abs(overall - LEAST) / LEAST)
    levels = "/".join(f"{255 * sigma:.1f}" for sigma in sigmas)
    says = f"noise of standard deviation {levels} of 255" if present else f"no noise to speak of ({levels} of 255)"
    return Finding("noise_level", [round(sigma, 5) for sigma in sigmas], unit, certain, present, says)


def channel_sigma(patches: np.ndarray) -> float:
    """The noise of one channel, from its patches (N, 7, 7)."""
    # Clipped values carry less noise than they should: leave such patches out.
    inside = ((patches > 0) & (patches < 1)).mean((1, 2))
    if inside.mean() < TONES:
        return 0.0
    found = [sigma_of(patches[inside > 0.95])]
    if inside[inside > 0].mean() < 0.98:  # of patches that are not all black or white, as a surround is
        # Choosing patches by their clipped pixels favours those with little noise; middle tones are seldom clipped.
        found.append(sigma_of(patches[np.abs(patches.mean((1, 2)) - 0.5) < 0.25]))
    return max(found) if max(found) > 0 else sigma_of(patches)


def sigma_of(patches: np.ndarray, flattest: float = FLATTEST) -> float:
    """The noise of patches (N, 7, 7); 0 if they are too few to tell, or if more than the flattest share has texture."""
    if len(patches) < ENOUGH:
        return 0.0
    energy = (np.diff(patches, axis=1) ** 2).sum((1, 2)) + (np.diff(patches, axis=2) ** 2).sum((1, 2))
    variance, chosen = _noise_variance(patches), len(patches)
    for _ in range(10):
        flat = patches[energy < variance * _noise_energy()]
        if len(flat) < ENOUGH:
            return float(np.sqrt(variance)) if chosen <= flattest * len(patches) else 0.0
        chosen = len(flat)
        before, variance = variance, _noise_variance(flat)
        if abs(variance - before) <= 1e-3 * before:
            break
    return float(np.sqrt(variance))


def _noise_variance(patches: np.ndarray) -> float:
    """The least eigenvalue of the patches' covariance, corrected: a sample's is too small by about this factor."""
    shortfall = max(0.9, 1 - PATCH / np.sqrt(len(patches)))  # Marchenko and Pastur, 1967
    least = np.linalg.eigvalsh(np.cov(patches.reshape(len(patches), -1).T))[0]
    return max(0.0, float(least)) / shortfall**2


@lru_cache(maxsize=1)
def _noise_energy() -> float:
    """The energy of differences that 99 % of the patches of pure noise of variance one stay below."""
    noise = np.random.default_rng(0).standard_normal((20000, PATCH, PATCH))
    energy = (np.diff(noise, axis=1) ** 2).sum((1, 2)) + (np.diff(noise, axis=2) ** 2).sum((1, 2))
    return float(np.quantile(energy, 0.99))


def patches_of(crop: np.ndarray) -> np.ndarray:
    """Overlapping patches (N, 7, 7) of a crop (h, w), every other one; every one of a small crop."""
    down, right = (max(0, PATCH - side) for side in crop.shape)
    crop = np.pad(crop, ((0, down), (0, right)), mode="symmetric")
    every = 1 if crop.size < SMALL else 2
    return sliding_window_view(crop.astype(np.float64), (PATCH, PATCH))[::every, ::every].reshape(-1, PATCH, PATCH)
