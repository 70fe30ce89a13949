"""Training pairs (y, x) made on the fly: crops of photographs, and the same crops damaged."""

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.image import to_grey
from restora.damage.hole import with_hole
from restora.damage.marks import marked
from restora.damage.noise import GaussianNoise
from restora.damage.words import draw
from restora.data.shelf import shelved
from restora.learn.recipe import Recipe
from restora.nets.first_guess import first_guess
from restora.nets.halfway import halfway


class Pairs:
    """Batches as a pure function of the step: there is no state to save, and any number of processes gives the same."""

    def __init__(
        self, photographs: Sequence[np.ndarray], recipe: Recipe, unpaired: Sequence[np.ndarray] | None = None
    ) -> None:
        """`photographs` are (H, W, C) uint8; those smaller than a patch are left out.

        All photographs are drawn equally often, in each of their sizes. If they were drawn by area, nearly all crops
        would come from the few largest, which are the softest. For the cycle game `unpaired` are the pictures for y; if
        empty, y is cropped elsewhere than x. For pairs without the cycle game, C holds the channels of y, then of x.
        """
        self.recipe = recipe
        sizes = [smaller(photo, shrink) for photo in photographs for shrink in recipe.data.shrinks]
        self.photographs: Sequence[np.ndarray] = self._large_enough(sizes)
        self.unpaired: Sequence[np.ndarray] | None = None if unpaired is None else self._large_enough(unpaired)

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> dict[str, np.ndarray]:
        """Damaged y (B, planes, H, W) and target x (B, C, H, W), float32, for one process of several."""
        items = [self.pair(step, item) for item in range(rank, self.recipe.batch, processes)]
        y, x = zip(*items, strict=True)
        return {"y": np.stack(y), "x": np.stack(x)}

    def shared(self, folder: Path) -> "Pairs":
        """The same batches, with the photographs in files of `folder`."""
        other = copy(self)
        other.photographs = shelved(self.photographs, folder / "photographs")
        if self.unpaired is not None:
            other.unpaired = shelved(self.unpaired, folder / "unpaired")
        return other

    def pair(self, step: int, item: int) -> tuple[np.ndarray, np.ndarray]:
        """One pair y (planes, H, W), x (C, H, W), drawn from the recipe's seed, the step and the item's number."""
        data = self.recipe.data
        rng = np.random.default_rng((self.recipe.seed, step, item))
        x = self._patch(rng, self.photographs)
        if data.grain_share > 0 and rng.random() < data.grain_share:
            x = draw(data.grain, rng).apply(x, rng)
        if self.unpaired is not None or self.recipe.paired or self.recipe.moments > 1:
            return self._given_pair(x, rng)
        words = self.recipe.damages
        damage = draw(words[rng.integers(len(words))] if len(words) > 1 else words[0], rng)
        scene = x
        if self.recipe.cycle:
            scene = self._patch(rng, self.photographs)
        missing = None
        if self.recipe.knobs.get("masked"):
            y, missing = with_hole(damage, scene, rng)
        elif data.targets == "mask":
            y, mask = marked(damage, scene, rng)
            x = mask[:, :, None].astype(np.float32)
        else:
            y = damage.apply(scene, rng)
        if data.eight_bit_share > 0 and rng.random() < data.eight_bit_share:
            y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        told = data.told_share > 0 and rng.random() < data.told_share
        if data.targets == "noisy":
            x = damage.apply(x, rng)
        if data.margin:
            y, x = (side[data.margin : -data.margin, data.margin : -data.margin] for side in (y, x))
        y = np.broadcast_to(y, (*y.shape[:2], self.recipe.channels))
        x = np.broadcast_to(x, (*x.shape[:2], self.recipe.answers))
        if missing is not None:
            y = np.dstack([first_guess(y, missing[:, :, 0] > 0), missing])
        elif self.recipe.planes > self.recipe.channels:
            sigma = damage.sigma if told and isinstance(damage, GaussianNoise) else 0
            y = np.dstack([y, np.full(y.shape[:2], sigma, np.float32)])
        return y.transpose(2, 0, 1), x.transpose(2, 0, 1)

    def _given_pair(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The pair of a patch of frames, or of both sides of a pair, or of pictures of two folders."""
        if self.recipe.moments > 1:
            return frames_of(self.recipe, x, rng)
        if self.unpaired is None:
            y, x = np.split(x, 2, axis=2)
        else:
            shape = (*x.shape[:2], self.recipe.channels)
            y, x = (np.broadcast_to(side, shape) for side in (self._patch(rng, self.unpaired), x))
        return y.transpose(2, 0, 1), x.transpose(2, 0, 1)

    def _large_enough(self, photographs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        least = self.recipe.patch + 2 * self.recipe.data.margin
        large = [photo for photo in photographs if min(photo.shape[:2]) >= least]
        if not large:
            raise BadRecipe(f"recipe {self.recipe.name}: every photograph is smaller than a patch of {least} pixels")
        return large

    def _patch(self, rng: np.random.Generator, photographs: Sequence[np.ndarray]) -> np.ndarray:
        """A clean patch with its margin (H, W, C or 1), rotated and mirrored at random."""
        photo = photographs[int(rng.integers(len(photographs)))]
        size = self.recipe.patch + 2 * self.recipe.data.margin
        top, left = rng.integers(0, np.array(photo.shape[:2]) - size + 1)
        turns = int(rng.integers(4)) if self.recipe.data.turned else 0
        patch = np.rot90(photo[top : top + size, left : left + size], turns)
        patch = patch[:, ::-1] if rng.random() < 0.5 else patch
        x = patch.astype(np.float32) / 255
        grey = self.recipe.data.grey_share > 0 and rng.random() < self.recipe.data.grey_share
        return to_grey(x) if grey else x


def smaller(photo: np.ndarray, times: int) -> np.ndarray:
    """The photograph (H, W, C) uint8 shrunk by a factor, by averaging."""
    if times == 1:
        return photo
    height, width = photo.shape[0] // times, photo.shape[1] // times
    blocks = photo[: height * times, : width * times].reshape(height, times, width, times, -1)
    return np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)


def frames_of(recipe: Recipe, run: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """y (planes, H, W) and x (C, H, W) of consecutive frames (H, W, C times recipe.moments).

    x is the middle one. y is the middle one and then the others, all damaged alike; or, for a net that makes the frame
    between two others, these two and what optical flow makes of them. Time runs backwards in half of the examples. The
    margin of the recipe is cut off.
    """
    frames = np.split(run, recipe.moments, axis=2)
    frames = frames[::-1] if rng.random() < 0.5 else frames
    middle = len(frames) // 2
    x = frames[middle]
    if recipe.knobs.get("between"):
        pictures = [frames[0], *halfway(np.ascontiguousarray(frames[0]), np.ascontiguousarray(frames[-1])), frames[-1]]
    else:
        words = recipe.damages
        damage = draw(words[int(rng.integers(len(words)))], rng)
        seen = [damage.apply(each, rng) for each in (x, *frames[:middle], *frames[middle + 1 :])]
        eight_bit = rng.random() < recipe.data.eight_bit_share
        pictures = [np.rint(each.clip(0, 1) * 255) / np.float32(255) if eight_bit else each for each in seen]
    y, cut = np.dstack(pictures), recipe.data.margin
    if cut:
        y, x = (side[cut:-cut, cut:-cut] for side in (y, x))
    return np.ascontiguousarray(y.transpose(2, 0, 1), np.float32), np.ascontiguousarray(x.transpose(2, 0, 1))
