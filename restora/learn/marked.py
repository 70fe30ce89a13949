"""Training pictures with damaged regions: crops of photographs, and the boxes and classes of what was damaged."""

import numpy as np

from restora.core.errors import BadRecipe
from restora.damage.chain import Chain
from restora.damage.regions import Regions
from restora.damage.words import draw
from restora.data.photographs import Photograph, pixels_of
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe

SIDE = 512
"""The side in pixels of the pictures that the exported model takes."""
NONE = -1
"""The class of an unused row of boxes."""


class Marked(Pairs):
    """Batches of y (B, C, H, W) and regions (B, M, 5): top, left, height, width, class; unused rows have class NONE."""

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> dict[str, np.ndarray]:
        """The share of one process of several."""
        items = [self.marked(step, item) for item in range(rank, self.recipe.batch, processes)]
        y, regions = zip(*items, strict=True)
        most = self.recipe.detection.boxes if self.recipe.detection else 0
        rows = np.full((len(regions), most, 5), NONE, np.float32)
        for row, mine in zip(rows, regions, strict=True):
            row[: len(mine)] = mine[:most]
        return {"y": np.stack(y), "regions": rows}

    def marked(self, step: int, item: int) -> tuple[np.ndarray, np.ndarray]:
        """One picture y (C, H, W) and its regions (n, 5), drawn from the recipe's seed, the step and the item."""
        data = self.recipe.data
        rng = np.random.default_rng((self.recipe.seed, step, item))
        x = self._patch(rng, self.photographs)
        words = self.recipe.damages
        y, regions = damaged(np.broadcast_to(x, (*x.shape[:2], self.recipe.channels)), _drawn(words, rng), rng)
        if data.eight_bit_share > 0 and rng.random() < data.eight_bit_share:
            y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        return np.ascontiguousarray(y.transpose(2, 0, 1), np.float32), regions


def _drawn(words: list[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def damaged(x: np.ndarray, words: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x (H, W, C) with the damage of words that begin with regions(...), and the regions (n, 5).

    What follows in the words, such as noise, damages the whole picture. Raises BadRecipe for other words.
    """
    damage = draw(words, rng)
    first, *rest = damage.damages if isinstance(damage, Chain) else (damage,)
    if not isinstance(first, Regions):
        raise BadRecipe(f"the damage must begin with regions(...), not {first}")
    y, regions = first.marked(x, rng)
    for each in rest:
        y = each.apply(y, rng)
    return y, regions


def held_out_regions(photo: Photograph, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The centre of a photograph with regions, as large as a patch: y (C, H, W) and the regions (n, 5)."""
    pixels, side = pixels_of(photo), recipe.patch
    if min(pixels.shape[:2]) < side:
        raise BadRecipe(f"recipe {recipe.name}: {photo.path.name} is smaller than a patch of {side} pixels")
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    x = pixels[top : top + side, left : left + side].astype(np.float32) / 255
    rng = np.random.default_rng(int(photo.sha256[:8], 16))
    y, regions = damaged(x, recipe.damages[0], rng)
    return np.ascontiguousarray(y.transpose(2, 0, 1)), regions
