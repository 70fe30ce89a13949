"""Speckle, identified by the growth of noise with brightness, sigma^2 = c m^p over patches of mean m.

White noise has p = 0, photon (Poisson) noise p = 1 and speckle p = 2, so the slope of log sigma^2 over log m
distinguishes them. The noise of each class of brightness is measured as in noise_level. The slope is the median of
the slopes between classes (Theil and Sen), which a few textured classes do not change.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.noise_level import LEAST, energy, patches_of, sigma_of

SPECKLE, PHOTONS = 1.5, 0.8
"""Slopes from which noise gets these names. On four photographs white noise had up to 0.76 (fur is rough where it is
bright), photon noise 0.84 and more, except once 0.49."""
CLASSES = 10
MOST = 40_000
"""Approximate number of patches examined."""
FLAT = 5
"""One patch of this many, the flattest of its class of brightness, counts as free of texture."""
TO_SIGMA = 1.4826 * 1.08
"""From the median deviation to sigma, for normal noise; choosing flat patches underestimates noise by some percent."""
ENOUGH = 40
"""Minimum number of flat patches in a class."""
RANGE = 2.0
"""Minimum ratio of the brightest to the darkest class for a meaningful slope."""


def speckle(crops: Sequence[np.ndarray]) -> Finding:
    """Sigma of speckle y = x (1 + sigma n) in crops (h, w, C), computed as if all noise were speckle.

    Present if the noise is speckle; photon noise is reported in words. The fact `exponent` is p, 0 for white noise.
    """
    means, sigmas = curve(crops)
    slope = exponent(means, sigmas)
    value = float(np.median(sigmas / means)) if len(means) else 0.0
    says = "the noise does not grow with brightness"
    if slope >= SPECKLE:
        says = f"the noise is proportional to brightness, as speckle of sigma {value:.2f}"
    elif slope >= PHOTONS:
        says = f"the noise grows with brightness: photon noise, about {np.median(means / sigmas**2):.0f} photons"
    certain = min(1.0, 2 * abs(slope - SPECKLE))
    facts = {"exponent": round(slope, 3)}
    present = slope >= SPECKLE
    plain = "speckle" if present else ""
    return Finding("speckle", round(value, 4), "share of the value", round(certain, 3), present, says, facts, plain)


def curve(crops: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(means, sigmas) of the noise of grey or green in classes of brightness; empty if too few patches are flat."""
    patches = np.concatenate([patches_of(crop[:, :, crop.shape[2] // 2], MOST // len(crops)) for crop in crops])
    energies = energy(patches)
    brightness = np.median(patches, (1, 2))
    order = np.lexsort(
        (energies, brightness)
    )  # many patches have equal brightness; without this, their order would depend on the processor
    points = []
    for part in np.array_split(order, CLASSES):
        flat = part[np.argsort(energies[part], kind="stable")[: len(part) // FLAT]]
        if len(flat) < ENOUGH:
            continue
        mean = float(np.median(brightness[flat]))
        sigma = TO_SIGMA * float(np.median(np.abs(patches[flat] - brightness[flat][:, None, None])))
        if 2 * sigma < mean < 1 - 2 * sigma:  # few values are clipped, so texture matters more
            sigma = sigma_of(patches[part], flattest=1)  # 0 if there are too few patches: the class is then left out
        # Half of the values are within 0.67 sigma: if those are not clipped, the median deviation is not either.
        if max(LEAST, sigma) < mean < 1 - sigma and sigma > LEAST:
            points.append((mean, sigma))
    means, sigmas = np.array(points).reshape(-1, 2).T
    return means, sigmas


def exponent(means: np.ndarray, sigmas: np.ndarray) -> float:
    """p of sigma^2 = c m^p; 0 if the classes are too few or too similar."""
    if len(means) < 3 or means.max() < RANGE * means.min():
        return 0.0
    pairs = [(a, b) for a, b in combinations(range(len(means)), 2) if means[b] > 1.2 * means[a]]
    slopes = [2 * np.log(sigmas[b] / sigmas[a]) / np.log(means[b] / means[a]) for a, b in pairs]
    return float(np.median(slopes)) if slopes else 0.0
