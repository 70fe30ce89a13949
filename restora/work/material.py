"""The material of a recipe: photographs for training, held-out photographs, and the untrained net."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.method import Method
from restora.data.clips import clip_files, runs_of
from restora.data.pairs import Pair, pairs_in, sides_of
from restora.data.photographs import Photograph, gather, split
from restora.learn.held_out import centre, clip_sample, eight_bit, in_channels, sample, validation
from restora.learn.marked import Marked, held_out_regions
from restora.learn.moving import SIDE, moving
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
    """Read the photographs of a recipe. Raises BadRecipe if there are too few, RestoraError for wrong files."""
    data = recipe.data
    if recipe.moments > 1:
        return _of_clips(recipe, method)
    if data.pairs:
        return _of_pairs(recipe, method) if recipe.paired else _of_sides(recipe, method)
    seen, held = split(gather(data.folders, data.licence, data.leave_out), data.hold_out)
    _enough(recipe, seen)
    unpaired = [eight_bit(photo, recipe) for photo in gather(data.unpaired, data.licence)] if data.unpaired else None
    if recipe.detection:
        regions = [held_out_regions(photo, recipe) for photo in held]
        return Material(recipe, method, seen, [eight_bit(photo, recipe) for photo in seen], None, regions)
    samples = [sample(photo, recipe, validation(recipe), multiple=method.multiple) for photo in held]
    return Material(recipe, method, seen, [eight_bit(photo, recipe) for photo in seen], unpaired, samples)


def _of_pairs(recipe: Recipe, method: Method) -> Material:
    """Pairs of pictures: the pixels of y and x as channels of one array."""
    data = recipe.data
    everything = sorted(pairs_in(data.pairs, data.licence), key=lambda pair: pair.sha256)
    held, seen = everything[: data.hold_out], everything[data.hold_out :]
    _enough(recipe, seen)

    def both(pair: Pair) -> np.ndarray:
        sides = pair.pixels() if data.direction == "AtoB" else pair.pixels()[::-1]
        return np.dstack([in_channels(side, recipe) for side in sides])

    samples = [_sample(*np.split(centre(both(pair), method.multiple), 2, axis=2)) for pair in held]
    files = [photo for pair in seen for photo in dict.fromkeys((pair.a, pair.b))]
    return Material(recipe, method, files, [both(pair) for pair in seen], None, samples)


def _of_sides(recipe: Recipe, method: Method) -> Material:
    """Two folders of different scenes. Samples are a held-out y and a held-out x that do not belong together."""
    data = recipe.data
    sides = sides_of(data.pairs, data.licence)
    halves = [split(side, data.hold_out) for side in (sides if data.direction == "AtoB" else sides[::-1])]
    for seen, _ in halves:
        _enough(recipe, seen)
    (y_seen, y_held), (x_seen, x_held) = halves
    held = zip(y_held, x_held, strict=True)
    samples = [_sample(*(centre(eight_bit(each, recipe), method.multiple) for each in pair)) for pair in held]
    y_pixels, x_pixels = ([eight_bit(photo, recipe) for photo in side] for side in (y_seen, x_seen))
    return Material(recipe, method, [*x_seen, *y_seen], x_pixels, y_pixels, samples)


STILL = 2.0
"""Of 255."""
RUNS, MADE, SHRUNK = 160, 600, 2
"""Runs of frames that are taken from each clip; runs made from photographs; factor by which clips are shrunk."""


def _of_clips(recipe: Recipe, method: Method) -> Material:
    """Runs of consecutive frames of clips, and motion made from photographs; the last of each clip are held out."""
    data, (files, seen, held) = recipe.data, runs_for(recipe)
    if recipe.knobs.get("between"):
        seen = [run for run in seen if _moves(run)]
    _enough(recipe, seen)
    photos = gather(data.folders, data.licence, data.leave_out)
    pixels = [eight_bit(photo, recipe) for photo in photos]
    large = [each for each in pixels if min(each.shape[:2]) >= SIDE]
    if large:
        seen += [moving(large, recipe.moments, np.random.default_rng((recipe.seed, index))) for index in range(MADE)]
    return Material(recipe, method, [*files, *photos], seen, None, _samples(held, recipe, method))


def held_out_of_clips(recipe: Recipe, method: Method) -> list[tuple[np.ndarray, np.ndarray]]:
    """The samples y (planes, H, W), x (H, W, C) that a recipe with clips holds out."""
    return _samples(runs_for(recipe)[2], recipe, method)


def runs_for(recipe: Recipe) -> tuple[list[Photograph], list[np.ndarray], list[np.ndarray]]:
    """The clips of a recipe, and runs of their frames (H, W, C times moments) uint8: to train on, and held out."""
    data = recipe.data
    files = [photo for folder in data.clips for photo in clip_files(folder, data.licence)]
    runs = [runs_of(photo.path, recipe.moments, RUNS, SHRUNK) for photo in files]
    each = max(1, -(-data.hold_out // max(1, len(files))))
    held = [run for mine in runs for run in mine[-each:]][: data.hold_out]
    seen = [run for mine in runs for run in mine[: -each - 1]]  # the last one may share frames with what is held out
    return files, seen, held


def _samples(held: list[np.ndarray], recipe: Recipe, method: Method) -> list[tuple[np.ndarray, np.ndarray]]:
    return [clip_sample(run, recipe, method.multiple, index) for index, run in enumerate(held)]


def _moves(run: np.ndarray) -> bool:
    """Whether the first and the last frame of a run differ by more than STILL on average."""
    first, last = run[:, :, :3].astype(np.int16), run[:, :, -3:].astype(np.int16)
    return float(np.abs(last - first).mean()) > STILL


def _sample(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y (C, H, W) and x (H, W, C) from pictures (H, W, C)."""
    return np.ascontiguousarray(y.transpose(2, 0, 1)), x


def _enough(recipe: Recipe, seen: list[Any]) -> None:
    """Raise BadRecipe if nothing is left to train on."""
    if not seen:
        raise BadRecipe(
            f"recipe {recipe.name}: there are too few pictures: {recipe.data.hold_out} are held out for validation"
            " (data.hold_out), and none is left to train on"
        )


def new_net(method: Method, recipe: Recipe) -> "nn.Module":
    """The net of a recipe with random weights."""
    try:
        return method.load()(channels=recipe.channels, **recipe.knobs)
    except TypeError as error:
        raise BadRecipe(f"recipe {recipe.name}: {method.name} cannot be built with these knobs: {error}") from error
