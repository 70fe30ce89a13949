"""Held-out photographs, damaged as a recipe says: what a run is followed by, and what its weights are judged on."""

import math

import numpy as np

from restora.core.image import to_grey
from restora.damage.words import draw
from restora.data.photographs import Photograph, pixels_of
from restora.learn.pairs import smaller
from restora.learn.recipe import Recipe

VALIDATION = "noise(sigma=0.09803921568627451)"
"""What held-out photographs are damaged with to follow a run, whatever noise the recipe trains on."""


PSNR, LIKENESS = "psnr", "likeness"
"""Names of scores, of which more is better: PSNR in dB, and minus the perceptual distance."""


def judged_by(recipe: Recipe) -> str:
    """Which score says whether weights of a recipe are better: of nets that invent detail, not PSNR."""
    return LIKENESS if recipe.invents else PSNR


def validation(recipe: Recipe) -> str:
    """What held-out photographs are damaged with: the first damage of a recipe that shrinks, else VALIDATION."""
    return recipe.damages[0] if recipe.scales else VALIDATION


def sample(
    photo: Photograph, recipe: Recipe, words: str, side: int = 256, shrink: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a photograph, at most side x side and cut to fit: y (planes, H, W) damaged, x (H, W, C).

    shrink: how many times smaller the photograph is made first, which makes it sharper.
    """
    pixels = smaller(eight_bit(photo, recipe), shrink)
    unit = math.lcm(8, *recipe.scales)
    height, width = (min(side, length) // unit * unit for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    x = pixels[top : top + height, left : left + width].astype(np.float32) / 255
    rng = np.random.default_rng(int(photo.sha256[:8], 16))
    damaged = draw(words, rng).apply(x, rng)
    y = np.zeros((recipe.planes, *damaged.shape[:2]), np.float32)
    y[: recipe.channels] = damaged.transpose(2, 0, 1)
    return y, x


def eight_bit(photo: Photograph, recipe: Recipe) -> np.ndarray:
    """A photograph (H, W, C) uint8 with as many channels as the recipe trains on."""
    pixels = pixels_of(photo)
    if recipe.channels == 3:
        return pixels
    return np.rint(to_grey(pixels.astype(np.float32) / 255) * 255).astype(np.uint8)
