"""Adapt: fine-tune a denoiser on the user's own noisy pictures, with no clean ones.

The noise is measured where the pictures are flat (learn/noise_model.py). Clean pictures are made of the noisy ones:
restored by the net as it is and made smaller, which averages away what it left. Noise drawn from the measurement is
put on them, and the net is trained on these pairs until pictures that were held out gain no more.

Methods that take one noisy pixel to predict its neighbour (Noise2Self, Batson and Royer 2019; Neighbor2Neighbor, Huang
et al. 2021) need noise that is independent from pixel to pixel. That of cameras is not: neighbours correlate by 0.6.
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
from restora.learn.weights import Weights, find, free_name, own_folder, packed, store
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.restore import restore
from restora.work.train import begun_from, card_of

if TYPE_CHECKING:
    from torch import nn

    from restora.learn.loop import Progress

SIDE = 1024
"""Of the middle of each picture that is used, in pixels."""
MOST = 40
"""Pictures that are used; the first by checksum."""
SMALLER = 2
"""Times that restored pictures are made smaller to serve as clean ones."""
PATCH = 96
ROUND = 25
"""Steps between two looks at the held-out pictures."""
PATIENCE = 4
"""Rounds without gain after which it stops."""
LEAST_GAIN = 0.005
"""Decibels that count as gain."""

Tell = Callable[[int, float, float], None]
"""(steps, PSNR on held-out pictures before, PSNR now), after each round."""


def adapt(
    folder: Path, name: str, tell: Tell, *, start: str, runs: Path, steps: int = 600, seed: int = 0, force: bool = False
) -> Weights:
    """Weights `name` in the user's folder, for pictures like those of `folder`; those of `start` if nothing is gained.

    Raises RestoraError for a name or start that will not do, BadImage for pictures whose noise cannot be seen.
    """
    free_name(name, "my-camera", force)
    base = find(start)
    before = base.recipe  # asked for first, as weights from elsewhere have none
    method = method_named(base.card["method"])
    if base.card["channels"] != 3:
        raise RestoraError(f"{start} is for grey pictures; adapt one for colour")
    try:
        import torch

        from restora.learn.export import linked, to_onnx
        from restora.learn.start import begin_from
    except ModuleNotFoundError as error:
        raise MissingExtra(f"adapting needs {error.name}; install it with: pip install 'restora[lab]'") from error
    photos = sorted(photographs(folder, "your own"), key=lambda photo: photo.sha256)[:MOST]
    if len(photos) < 2:
        raise BadImage(f"{folder} holds one picture; give two or more, as one is kept to see when to stop")
    noisy = [_middle(photo.path) for photo in photos]
    noise = measure_noise(noisy)
    clean = [_clean(y, base) for y in noisy]
    recipe = _recipe(before, base.name, folder, f"noise(camera, sigma={noise.sigma!r})", steps, seed)
    torch.manual_seed(seed)
    net = method.load()(channels=recipe.channels, **recipe.knobs)
    begin_from(net, base.arrays())
    best, scores, kept, progress = _fine_tune(net, clean, noise, recipe, runs / f"adapt.{name}" / "checkpoint.pt", tell)
    for parameter in best.parameters():
        parameter.data = parameter.data.half().float()
    card = card_of(recipe, method, net, progress, photos[1:]) | {
        "name": name,
        "terms": f"those of {base.name} ({base.card['terms']}), and your own, as the pictures are yours",
        "start": begun_from(base),
        "bf16_loss_db": base.card.get("bf16_loss_db"),
        "adapted": {
            "noise_sigma": round(noise.sigma, 5),
            "held_out": photos[0].path.name,
            "held_out_psnr": [round(score, 3) for score in scores],
            "steps": kept * ROUND,
            "gain_db": round(scores[kept] - scores[0], 3),
            "protocol": f"own pictures made {SMALLER} times smaller, measured noise drawn anew",
        },
    }
    card["trained"] |= {"steps": kept * ROUND, "held_out_psnr": round(scores[kept], 3)}
    card["trained"] |= {"held_out_protocol": f"one of the pictures, {card['adapted']['protocol']}"}
    card["recipe"] |= {"terms": card["terms"]}
    arrays = {key: value.contiguous().numpy() for key, value in best.state_dict().items()}
    onnx = linked(to_onnx(best, recipe.planes, method.multiple), packed(arrays), f"{name}.safetensors")
    return store(name, own_folder(), arrays, onnx, card)


def _fine_tune(
    net: "nn.Module", clean: list[np.ndarray], noise: NoiseModel, recipe: Recipe, checkpoint: Path, tell: Tell
) -> tuple["nn.Module", list[float], int, "Progress"]:
    """(the best net, PSNR of the held-out picture before and after each round, the best round, the progress)."""
    from restora.learn.loop import alone, descend

    pairs = AdaptedPairs(clean[1:], noise, recipe)
    samples = AdaptedPairs(clean[:1], noise, replace(recipe, seed=recipe.seed + 1, batch=16)).batch(0)
    best, scores, kept = deepcopy(net).eval(), [_validate(net, samples)], 0  # the round whose net is the best
    checkpoint.unlink(missing_ok=True)
    for stop in range(ROUND, recipe.steps + ROUND, ROUND):
        average, progress = descend(
            {"f": net}, alone(recipe), pairs, recipe, checkpoint, lambda one: scores[-1], lambda *_: None, stop
        )
        score = _validate(average, samples)
        scores.append(score)
        if score > scores[kept] + LEAST_GAIN:
            best, kept = deepcopy(average), len(scores) - 1
        tell(progress.step, scores[0], score)
        if len(scores) - 1 - kept >= PATIENCE:
            break
    return best, scores, kept, progress


class AdaptedPairs:
    """Batches of the clean pictures with the measured noise; a pure function of the step, as learn.pairs."""

    def __init__(self, clean: Sequence[np.ndarray], noise: NoiseModel, recipe: Recipe) -> None:
        self.clean, self.noise, self.recipe = clean, noise, recipe

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Noisy y (B, planes, H, W) and clean x (B, 3, H, W), float32."""
        items = [self._pair(step, item) for item in range(rank, self.recipe.batch, processes)]
        y, x = zip(*items, strict=True)
        return np.stack(y), np.stack(x)

    def _pair(self, step: int, item: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.recipe.seed, step, item))
        picture = self.clean[int(rng.integers(len(self.clean)))]
        size = self.recipe.patch
        top, left = rng.integers(0, np.array(picture.shape[:2]) - size + 1)
        x = picture[top : top + size, left : left + size]
        x = x[:, ::-1] if rng.random() < 0.5 else x  # not turned: cameras smear rows and columns differently
        y = np.rint(self.noise.draw(x, rng).clip(0, 1) * 255) / np.float32(255)
        told = np.zeros((*y.shape[:2], self.recipe.planes - 3), np.float32)
        return np.dstack([y, told]).transpose(2, 0, 1), x.transpose(2, 0, 1)


def _recipe(before: dict[str, Any], start: str, folder: Path, damage: str, steps: int, seed: int) -> Recipe:
    """The recipe of the weights to begin from, made gentle; `damage` is the nearest words to the measured noise."""
    gentle = {
        "photographs": str(folder), "licence": "your own", "start": start, "damage": damage,
        "steps": steps, "batch": 8, "patch": PATCH, "lr": 0.001, "lr_rest": 0.0001, "warm_up": ROUND, "decay": 1.0,
        "ema": 0.98, "seed": seed, "validate_every": ROUND, "leave_out": "", "grey_share": 0.0, "told_share": 0.0,
    }  # fmt: skip
    return recipe_from(before | gentle, start)


def _middle(path: Path) -> np.ndarray:
    """The middle of a picture (H, W, 3), at most SIDE on a side, its corner on a multiple of 8."""
    picture = open_picture(path)
    height, width = (min(SIDE, side) for side in picture.shape[:2])
    if min(height, width) < SMALLER * PATCH:
        raise BadImage(f"{path} is too small to learn from; give pictures of {SMALLER * PATCH} pixels a side or more")
    top, left = ((side - size) // 2 // 8 * 8 for side, size in zip(picture.shape[:2], (height, width), strict=True))
    return np.broadcast_to(picture.window(top, left, height, width), (height, width, 3))


def _clean(y: np.ndarray, base: Weights) -> np.ndarray:
    plan = Plan((Step(base.card["method"], "a clean picture to learn from", str(base.onnx)),), "")
    x_hat = restore(Image(np.ascontiguousarray(y)), plan)[0].pixels
    return smaller(np.rint(x_hat.clip(0, 1) * 255).astype(np.uint8), SMALLER).astype(np.float32) / 255


def _validate(net: "nn.Module", samples: tuple[np.ndarray, np.ndarray]) -> float:
    import torch

    with torch.no_grad():
        x_hat = net.eval()(torch.from_numpy(samples[0])).numpy()
    scores = [
        measure(one.transpose(1, 2, 0), x.transpose(1, 2, 0), PROTOCOLS["denoise"]).psnr
        for one, x in zip(x_hat, samples[1], strict=True)
    ]
    return float(np.mean(scores))
