"""The table of signs: what is looked for in a picture, in order."""

from collections.abc import Callable, Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.camera_noise import camera_noise
from restora.signs.impulse import impulse, without_impulses
from restora.signs.jpeg_quality import jpeg_quality
from restora.signs.noise_level import noise_level
from restora.signs.speckle import speckle

Sign = Callable[[Sequence[np.ndarray]], Finding]


def noise_between_impulses(crops: Sequence[np.ndarray]) -> Finding:
    """The noise level of the pixels that are not impulses."""
    return noise_level([without_impulses(crop) for crop in crops])


def speckle_between_impulses(crops: Sequence[np.ndarray]) -> Finding:
    """Speckle in the pixels that are not impulses."""
    return speckle([without_impulses(crop) for crop in crops])


def camera_noise_between_impulses(crops: Sequence[np.ndarray]) -> Finding:
    """Coarse noise in the pixels that are not impulses."""
    return camera_noise([without_impulses(crop) for crop in crops])


SIGNS: dict[str, Sign] = {
    "impulse": impulse,
    "noise_level": noise_between_impulses,
    "speckle": speckle_between_impulses,
    "camera_noise": camera_noise_between_impulses,
    "jpeg_quality": jpeg_quality,
}
"""Each takes crops (h, w, C) on the 0..1 scale, from multiples of 8 pixels, and gives a Finding."""
