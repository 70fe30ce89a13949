"""Adapt: fine-tune a denoiser on the user's own noisy pictures, without clean ones.

The noise is measured where the pictures are flat (learn/noise_model.py). Clean pictures are made from the noisy ones:
restored by the current net and shrunk, which averages out the remaining noise. Noise like that measured is added to
them, and the net is trained on these pairs until held-out pictures gain no more.

Noise2Self (Batson and Royer 2019) and Neighbor2Neighbor (Huang et al. 2021) predict a noisy pixel from its neighbours,
so they need noise that is independent from pixel to pixel. Camera noise is not: neighbours correlate by 0.6.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.errors import BadImage, MissingExtra, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.data.photographs import photographs
from restora.files.picture import open_picture
from restora.learn.noise_model import NoiseModel, measure_noise
from restora.learn.pairs import smaller
from restora.learn.recipe import Recipe, recipe_from
from restora.learn.weights import Weights, find, free_name, own_folder
from restora.methods.table import method_named
from restora.work.material import Material, new_net
from restora.work.provenance import card_of
from restora.work.restore import restore
from restora.work.train import exported, schedule_of, stored_form

if TYPE_CHECKING:
    from torch import nn

    from restora.learn.loop import Progress

SIDE = 1024
"""Side in pixels of the centre crop that is used of each picture."""
MOST = 40
"""Maximum number of pictures; the first by checksum are used."""
SMALLER = 2
"""Factor by which restored pictures are shrunk to serve as clean ones."""
PATCH = 96
ROUND = 25
"""Steps between two validations."""
PATIENCE = 4
"""Rounds without gain before it stops."""
LEAST_GAIN = 0.005
"""Minimum gain in decibels."""

Tell = Callable[[int, float, float], None]
"""(steps, PSNR on held-out pictures before, PSNR now), after each round."""


def adapt(
    folder: Path, name: str, tell: Tell, *, start: str, steps: int = 600, seed: int = 0, force: bool = False
) -> Weights:
    """Weights `name` in the user's folder, for pictures like those of `folder`; those of `start` if nothing is gained.

    Raises RestoraError for an unusable name or start, BadImage for pictures whose noise cannot be measured.
    """
    free_name(name, "my-camera", force)
    base = find(start)
    before = base.recipe  # read first: imported weights have no recipe
    method = method_named(base.card["method"])
    if base.card["channels"] != 3:
        raise RestoraError(f"{start} is for grey pictures; start from weights for colour")
    try:
        import torch

        from restora.learn.device import device_named
        from restora.learn.start import begin_from
    except ModuleNotFoundError as error:
        raise MissingExtra(f"adapting needs {error.name}; install it with: pip install 'restora[lab]'") from error
    photos = sorted(photographs(folder, "your own"), key=lambda photo: photo.sha256)[:MOST]
    if len(photos) < 2:
        raise BadImage(f"{folder} has one picture; give two or more, because one is held out for early stopping")
    noisy = [_middle(photo.path) for photo in photos]
    noise = measure_noise(noisy)
    clean = [_clean(y, base) for y in noisy]
    recipe = _recipe(before, base.name, folder, f"noise(camera, sigma={noise.sigma!r})", steps, seed)
    torch.manual_seed(seed)
    net = new_net(method, recipe)
    begin_from(net, base.arrays())
    best, progress = _fine_tune(net, clean, noise, recipe, tell)
    best_net = stored_form(best.net)
    material = Material(recipe, method, photos[1:], [], None, [])
    card = card_of(material, best_net, [progress], device_named("cpu"))
    adapted = {"noise_sigma": round(noise.sigma, 5), "held_out": photos[0].path.name}
    return exported(best_net, _with_adaptation(card, name, base, adapted, best), own_folder())


def _with_adaptation(
    card: dict[str, Any], name: str, base: Weights, adapted: dict[str, Any], best: "Best"
) -> dict[str, Any]:
    """The card of trained weights with what is true of adapted ones."""
    scores, taken = best.scores, best.kept * ROUND
    terms = f"those of {base.name} ({base.card['terms']}), and your own, as the pictures are yours"
    protocol = f"own pictures shrunk by {SMALLER}, with new noise like that measured"
    adapted = adapted | {
        "held_out_psnr": [round(score, 3) for score in scores],
        "steps": taken,
        "gain_db": round(scores[best.kept] - scores[0], 3),
        "protocol": protocol,
    }
    trained = {
        "steps": taken,
        "held_out_psnr": round(scores[best.kept], 3),
        "held_out_protocol": f"one of the pictures, {protocol}",
    }
    return card | {
        "name": name,
        "terms": terms,
        "bf16_loss_db": base.card.get("bf16_loss_db"),
        "adapted": adapted,
        "trained": card["trained"] | trained,
        "recipe": card["recipe"] | {"terms": terms},
    }


class Best:
    """The best net so far on held-out pictures, and whether to stop."""

    def __init__(self, net: "nn.Module", pictures: "dict[str, np.ndarray]", tell: Tell) -> None:
        self.pictures, self.tell = pictures, tell
        self.net, self.scores, self.kept = deepcopy(net).eval(), [_validate(net.eval(), pictures)], 0

    def validate(self, net: "nn.Module") -> float:
        """The score of the net after a round; the net is kept if it is the best."""
        self.scores.append(_validate(net, self.pictures))
        if self.scores[-1] > self.scores[self.kept] + LEAST_GAIN:
            self.net, self.kept = deepcopy(net), len(self.scores) - 1
        self.tell(ROUND * (len(self.scores) - 1), self.scores[0], self.scores[-1])
        return self.scores[-1]

    def stop(self, progress: "Progress") -> bool:
        """Whether the last PATIENCE rounds gained nothing."""
        return len(self.scores) - 1 - self.kept >= PATIENCE


def _fine_tune(
    net: "nn.Module", clean: list[np.ndarray], noise: NoiseModel, recipe: Recipe, tell: Tell
) -> tuple[Best, "Progress"]:
    from restora.learn.device import device_named
    from restora.learn.games.supervised import supervised
    from restora.learn.loop import Watch, descend

    best = Best(net, AdaptedPairs(clean[:1], noise, replace(recipe, seed=recipe.seed + 1, batch=16)).batch(0), tell)
    _, progress = descend(
        supervised(net.train(), recipe),
        AdaptedPairs(clean[1:], noise, recipe),
        schedule_of(recipe),
        device_named("cpu"),
        watch=Watch(best.validate, stop=best.stop),
    )
    return best, progress


class AdaptedPairs:
    """Batches of the clean pictures with measured noise; a pure function of the step, as in learn.pairs."""

    def __init__(self, clean: Sequence[np.ndarray], noise: NoiseModel, recipe: Recipe) -> None:
        self.clean, self.noise, self.recipe = clean, noise, recipe

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> dict[str, np.ndarray]:
        """Noisy y (B, planes, H, W) and clean x (B, 3, H, W), float32."""
        items = [self._pair(step, item) for item in range(rank, self.recipe.batch, processes)]
        y, x = zip(*items, strict=True)
        return {"y": np.stack(y), "x": np.stack(x)}

    def shared(self, folder: Path) -> "AdaptedPairs":
        """The same batches: the pictures are few."""
        return self

    def _pair(self, step: int, item: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.recipe.seed, step, item))
        picture = self.clean[int(rng.integers(len(self.clean)))]
        size = self.recipe.patch
        top, left = rng.integers(0, np.array(picture.shape[:2]) - size + 1)
        x = picture[top : top + size, left : left + size]
        x = x[:, ::-1] if rng.random() < 0.5 else x  # not rotated: cameras blur rows and columns differently
        y = np.rint(self.noise.draw(x, rng).clip(0, 1) * 255) / np.float32(255)
        told = np.zeros((*y.shape[:2], self.recipe.planes - 3), np.float32)
        return np.dstack([y, told]).transpose(2, 0, 1), x.transpose(2, 0, 1)


def _recipe(before: dict[str, Any], start: str, folder: Path, damage: str, steps: int, seed: int) -> Recipe:
    """The recipe of the start weights with lower rates; `damage` is the nearest description of the measured noise."""
    gentle = {
        "tag": "adapted", "start": start, "data": {"folders": [str(folder)], "licence": "your own", "damage": damage},
        "steps": steps, "batch": 8, "patch": PATCH, "lr": 0.001, "lr_rest": 0.0001, "warm_up": ROUND, "decay": 1.0,
        "ema": 0.98, "seed": seed, "validate_every": ROUND, "stages": [],
    }  # fmt: skip
    kept = {key: before[key] for key in ("method", "terms", "channels", "knobs", "clip", "centred") if key in before}
    return recipe_from(kept | gentle, start)


def _middle(path: Path) -> np.ndarray:
    """The centre of a picture (H, W, 3), at most SIDE on a side, its corner at a multiple of 8."""
    picture = open_picture(path)
    height, width = (min(SIDE, side) for side in picture.shape[:2])
    if min(height, width) < SMALLER * PATCH:
        raise BadImage(f"{path} is too small; its sides must be at least {SMALLER * PATCH} pixels")
    top, left = ((side - size) // 2 // 8 * 8 for side, size in zip(picture.shape[:2], (height, width), strict=True))
    return np.broadcast_to(picture.window(top, left, height, width), (height, width, 3))


def _clean(y: np.ndarray, base: Weights) -> np.ndarray:
    plan = Plan((Step(base.card["method"], "a clean picture to learn from", str(base.onnx)),), "")
    x_hat = restore(Image(np.ascontiguousarray(y)), plan)[0].pixels
    return smaller(np.rint(x_hat.clip(0, 1) * 255).astype(np.uint8), SMALLER).astype(np.float32) / 255


def _validate(net: "nn.Module", pictures: dict[str, np.ndarray]) -> float:
    from restora.learn.device import device_named
    from restora.learn.validate import psnr

    samples = [(y, x.transpose(1, 2, 0)) for y, x in zip(pictures["y"], pictures["x"], strict=True)]
    return psnr(net, samples, device_named("cpu"))
