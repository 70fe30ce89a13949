"""Degrade: add synthetic damage to a picture, for tests, demonstrations and benchmarks."""

from dataclasses import replace

import numpy as np

from restora.core.image import Image
from restora.damage.chain import Damage


def degrade(image: Image, damage: Damage, seed: int) -> Image:
    """The damaged picture; the same seed gives the same damage. Alpha is dropped if the size changes."""
    y = damage.apply(image.pixels, np.random.default_rng(seed))
    same_size = y.shape[:2] == image.pixels.shape[:2]
    return replace(image, pixels=y, alpha=image.alpha if same_size else None)
