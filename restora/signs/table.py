"""The table of signs: what is looked for in a picture, in order."""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.camera_noise import camera_noise
from restora.signs.impulse import impulse, without_impulses
from restora.signs.jpeg_quality import jpeg_quality
from restora.signs.noise_level import noise_level
from restora.signs.speckle import speckle


def findings(crops: Sequence[np.ndarray]) -> dict[str, Finding]:
    """All signs in crops (h, w, C) on the 0..1 scale, from multiples of 8 pixels; noise is that between impulses."""
    clear = [without_impulses(crop) for crop in crops]
    return {
        "impulse": impulse(crops),
        "noise_level": noise_level(clear),
        "speckle": speckle(clear),
        "camera_noise": camera_noise(clear),
        "jpeg_quality": jpeg_quality(crops),
    }
