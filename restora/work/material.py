"""The material of a recipe: photographs for training, held-out photographs, and the untrained net."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.method import Method
from restora.data.photographs import Photograph, gather, split
from restora.learn.held_out import eight_bit, sample, validation
from restora.learn.marked import Marked, held_out_regions
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Material:
    """The training and validation data of a recipe: everything that needs neither torch nor weights."""

    recipe: Recipe
    method: Method
    seen: list[Photograph]
    pixels: list[np.ndarray]  # of those
    unpaired: list[np.ndarray] | None
    samples: list[tuple[np.ndarray, np.ndarray]]  # y (planes, H, W), x (H, W, C) or regions, of held-out photographs

    def pairs(self, run: Recipe) -> Pairs:
        """The batches of a run of the recipe."""
        return Marked(self.pixels, run) if run.detection else Pairs(self.pixels, run, self.unpaired)

    @cached_property
    def halo(self) -> int | None:
        """The receptive radius of the net, for any weights; None: the whole picture."""
        if self.recipe.detection:
            return None
        from restora.learn.probe import probed_reach

        net = new_net(self.method, self.recipe).eval()
        return probed_reach(net, self.recipe.planes, self.recipe.scale, self.method.multiple, 1)

    @property
    def same_sized(self) -> np.ndarray:
        """The held-out y (B, planes, H, W) that have the size of the first."""
        return np.stack([y for y, _ in self.samples if y.shape == self.samples[0][0].shape])


def gathered(recipe: Recipe, method: Method) -> Material:
    """Read the photographs of a recipe."""
    data = recipe.data
    seen, held = split(gather(data.folders, data.licence, data.leave_out), data.hold_out)
    unpaired = [eight_bit(photo, recipe) for photo in gather(data.unpaired, data.licence)] if data.unpaired else None
    if recipe.detection:
        regions = [held_out_regions(photo, recipe) for photo in held]
        return Material(recipe, method, seen, [eight_bit(photo, recipe) for photo in seen], None, regions)
    samples = [sample(photo, recipe, validation(recipe), multiple=method.multiple) for photo in held]
    return Material(recipe, method, seen, [eight_bit(photo, recipe) for photo in seen], unpaired, samples)


def new_net(method: Method, recipe: Recipe) -> "nn.Module":
    """The net of a recipe with random weights."""
    try:
        return method.load()(channels=recipe.channels, **recipe.knobs)
    except TypeError as error:
        raise BadRecipe(f"recipe {recipe.name}: {method.name} cannot be built with these knobs: {error}") from error
