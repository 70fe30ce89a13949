"""Training pairs (y, x) made on the fly: patches of photographs, and the same patches damaged."""

from collections.abc import Sequence

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.image import to_grey
from restora.damage.noise import GaussianNoise
from restora.damage.words import draw
from restora.learn.recipe import Recipe


class Pairs:
    """Batches as a pure function of the step: nothing to save, nothing to restore, the same for any process count."""

    def __init__(self, photographs: Sequence[np.ndarray], recipe: Recipe) -> None:
        """`photographs` are (H, W, C) uint8; those smaller than a patch are left out.

        All are drawn from equally often, in each of their sizes: by area, the few largest would be nearly all that is
        seen, and they are the softest.
        """
        self.recipe = recipe
        sizes = [smaller(photo, shrink) for photo in photographs for shrink in recipe.shrinks]
        self.photographs = [photo for photo in sizes if min(photo.shape[:2]) >= recipe.patch]
        if not self.photographs:
            raise BadRecipe(f"recipe {recipe.name}: no photograph is as large as a patch of {recipe.patch} pixels")

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Damaged y (B, planes, H, W) and target x (B, C, H, W), float32, for one process of several."""
        items = [self.pair(step, item) for item in range(rank, self.recipe.batch, processes)]
        y, x = zip(*items, strict=True)
        return np.stack(y), np.stack(x)

    def pair(self, step: int, item: int) -> tuple[np.ndarray, np.ndarray]:
        """One pair y (planes, H, W), x (C, H, W), drawn from the recipe's seed, the step and the item's number."""
        rng = np.random.default_rng((self.recipe.seed, step, item))
        x = self._patch(rng)
        words = self.recipe.damages
        damage = draw(words[rng.integers(len(words))] if len(words) > 1 else words[0], rng)
        y = damage.apply(x, rng)
        if self.recipe.eight_bit_share > 0 and rng.random() < self.recipe.eight_bit_share:
            y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        told = self.recipe.told_share > 0 and rng.random() < self.recipe.told_share
        if self.recipe.targets == "noisy":
            x = damage.apply(x, rng)
        y, x = (np.broadcast_to(side, (*side.shape[:2], self.recipe.channels)) for side in (y, x))
        if self.recipe.planes > self.recipe.channels:
            sigma = damage.sigma if told and isinstance(damage, GaussianNoise) else 0
            y = np.dstack([y, np.full(y.shape[:2], sigma, np.float32)])
        return y.transpose(2, 0, 1), x.transpose(2, 0, 1)

    def _patch(self, rng: np.random.Generator) -> np.ndarray:
        """A clean patch (H, W, C or 1), turned and mirrored at random."""
        photo = self.photographs[rng.integers(len(self.photographs))]
        size = self.recipe.patch
        top, left = rng.integers(0, np.array(photo.shape[:2]) - size + 1)
        patch = np.rot90(photo[top : top + size, left : left + size], int(rng.integers(4)))
        patch = patch[:, ::-1] if rng.random() < 0.5 else patch
        x = patch.astype(np.float32) / 255
        grey = self.recipe.grey_share > 0 and rng.random() < self.recipe.grey_share
        return to_grey(x) if grey else x


def smaller(photo: np.ndarray, times: int) -> np.ndarray:
    """The photograph (H, W, C) uint8 made `times` smaller by averaging."""
    if times == 1:
        return photo
    height, width = photo.shape[0] // times, photo.shape[1] // times
    blocks = photo[: height * times, : width * times].reshape(height, times, width, times, -1)
    return np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)
