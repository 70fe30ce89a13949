"""Held-out photographs with the damage of a recipe: for validation, and for comparing weights."""

import math
from dataclasses import replace

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.image import to_grey
from restora.damage.hole import with_hole
from restora.damage.marks import marked
from restora.damage.noise import GaussianNoise
from restora.damage.words import draw
from restora.data.photographs import Photograph, pixels_of
from restora.learn.pairs import frames_of, smaller
from restora.learn.recipe import Recipe
from restora.nets.first_guess import first_guess

VALIDATION = "noise(sigma=0.09803921568627451)"
"""Damage of held-out photographs for validation, whatever noise or JPEG the recipe trains on."""


PSNR, LIKENESS, OVERLAP, PRECISION, KIND = "psnr", "likeness", "overlap", "map50", "kind"
"""Names of scores; higher is better: PSNR in dB, the negative perceptual distance, the F1 score of masks, for nets
that find regions the mean average precision at an intersection over union of 0.5, and for translation without pairs
the negative kernel distance of features from those of the other kind of pictures."""


def judged_by(recipe: Recipe) -> str:
    """The score that decides whether weights of a recipe are better; not PSNR for nets that invent detail."""
    if recipe.data.targets == "mask":
        return OVERLAP
    if recipe.detection:
        return PRECISION
    if not recipe.aligned:
        return KIND
    return LIKENESS if recipe.invents else PSNR


def validation(recipe: Recipe) -> str:
    """The damage of held-out photographs: the first of a recipe that needs its own, otherwise VALIDATION.

    Of pairs, words that say what they are.
    """
    if not recipe.damages:
        return f"pairs({recipe.data.direction})" if recipe.data.pairs else "frames between"
    if recipe.moments > 1:
        return recipe.damages[0]
    translates = recipe.cycle or (recipe.adversarial and recipe.adversarial.conditional)
    its_own = translates or recipe.damages[0].startswith(("blur", "regions"))
    own = recipe.scales or recipe.knobs.get("masked") or its_own or recipe.data.targets == "mask"
    return recipe.damages[0] if own else VALIDATION


def sample(
    photo: Photograph, recipe: Recipe, words: str, side: int = 256, shrink: int = 1, multiple: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """The centre of a photograph, at most side x side, cropped to fit: y (planes, H, W) damaged, x (H, W, C) or a mask.

    shrink: factor by which the photograph is shrunk first, which makes it sharper. multiple: of 8, what the sides of y
    must be divisible by.
    """
    pixels = smaller(eight_bit(photo, recipe), shrink)
    unit = math.lcm(8, multiple, *recipe.scales)
    x = centre(pixels, unit, side)
    rng = np.random.default_rng(int(photo.sha256[:8], 16))
    damage = draw(words, rng)
    target = x
    if recipe.knobs.get("masked"):
        black, missing = with_hole(damage, x, rng)
        damaged = np.dstack([first_guess(black, missing[:, :, 0] > 0), missing])
    elif recipe.data.targets == "mask":
        damaged, mask = marked(damage, x, rng)
        target = mask[:, :, None].astype(np.float32)
    else:
        damaged = damage.apply(x, rng)
    y = np.zeros((recipe.planes, *damaged.shape[:2]), np.float32)
    y[: damaged.shape[2]] = damaged.transpose(2, 0, 1)
    if recipe.data.told_share == 1 and isinstance(damage, GaussianNoise):  # such nets are never without
        y[recipe.channels :] = damage.sigma
    return y, target


def centre(pixels: np.ndarray, multiple: int, side: int = 256) -> np.ndarray:
    """The centre of a picture (H, W, C) uint8, at most side x side, with sides divisible by the multiple; 0..1."""
    height, width = (min(side, length) // multiple * multiple for length in pixels.shape[:2])
    if not height or not width:
        raise BadRecipe(f"a picture has {pixels.shape[1]}x{pixels.shape[0]} pixels; the net needs at least {multiple}")
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width].astype(np.float32) / 255


def clip_sample(
    run: np.ndarray, recipe: Recipe, multiple: int, seed: int, side: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """The centre of consecutive frames (H, W, C times recipe.moments) uint8: y (planes, H, W) damaged, x (H, W, C)."""
    y, x = frames_of(
        replace(recipe, data=replace(recipe.data, margin=0)), centre(run, multiple, side), np.random.default_rng(seed)
    )
    return y, np.ascontiguousarray(x.transpose(1, 2, 0))


def eight_bit(photo: Photograph, recipe: Recipe) -> np.ndarray:
    """A photograph (H, W, C) uint8 with the number of channels of the recipe."""
    return in_channels(pixels_of(photo), recipe)


def in_channels(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Pixels (H, W, 3) uint8 with the number of channels of the recipe."""
    if recipe.channels == 3:
        return pixels
    return np.rint(to_grey(pixels.astype(np.float32) / 255) * 255).astype(np.uint8)
