"""Small experiments on what the literature says about training: each compares nets that differ in one thing only.

Every arm is a recipe, BASE with some keys changed, trained with each seed. Scores: the mean PSNR over seven pictures of
Set12 (256x256) by the protocol "denoise" (noise drawn with seed 0, not clipped), and the distance of
benchmarks/perceptual.py. The result says what holds for nets of this size trained for minutes; more training may change
it. Writes results/insights.csv; rows that are there are kept.

    RESTORA_DATA=DIR python benchmarks/insights.py [--arm NAME] [--seeds N]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from restora.core.processor import machine
from restora.data.photographs import gather, locate
from restora.data.sets import test_set
from restora.files.picture import read
from restora.learn.device import device_named
from restora.learn.loop import descend
from restora.learn.recipe import Recipe, recipe_from
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.nets.features import Features
from restora.work.bench import read_table, write_table
from restora.work.material import gathered
from restora.work.train import new_game, schedule_of

RESULTS = Path(__file__).parent.parent / "results" / "insights.csv"
FOLDER, LEAVE_OUT, LICENCE = "train/bsds400", "train/leave_out.txt", "BSDS500: non-commercial research and education"
SET, PICTURES = "Set12", 7


def noise(level: int) -> dict[str, Any]:
    """The data of a recipe with white noise of a level of 255."""
    return {"damage": f"noise(sigma={level / 255})"}


BASE: dict[str, Any] = {
    "method": "dncnn",
    "terms": "not distributed",
    "channels": 1,
    "steps": 500,
    "batch": 8,
    "patch": 48,
    "lr": 0.006,
    "decay": 0.7,
    "loss": "l2",
    "ema": 0.99,
    "validate_every": 500,
    "knobs": {"depth": 6, "width": 24},
    "data": {"folders": [FOLDER], "leave_out": LEAVE_OUT, "licence": LICENCE} | noise(25),
}
U_NET = {"method": "unet", "lr": 0.01, "patch": 64, "steps": 400, "validate_every": 400}
WIDTHS = [12, 24, 48]
ADVERSARIAL = {"weight": 0.01, "critic": "patchgan", "width": 16, "conditional": True, "lr": 0.003, "lr_rest": 0.0003}
ARMS: dict[str, dict[str, Any]] = {
    "base": {},
    "direct": {"knobs": {"depth": 6, "width": 24, "residual": 0}},
    "depth 3": {"knobs": {"depth": 3, "width": 24}},
    "depth 12": {"knobs": {"depth": 12, "width": 24}},
    "l1": {"loss": "l1"},
    "noisy targets": {"data": {"targets": "noisy"}},
    "2 pictures": {"data": {"pictures": 2}},
    "20 pictures": {"data": {"pictures": 20}},
    "sigma 15": {"data": noise(15)},
    "sigma 50": {"data": noise(50)},
    "sigma 5..55": {"data": {"damage": f"noise(sigma={5 / 255}..{55 / 255})"}},
    "u-net": U_NET | {"loss": "l1", "knobs": {"widths": WIDTHS}},
    "u-net without skips": U_NET | {"loss": "l1", "knobs": {"widths": WIDTHS, "skips": 0}},
    "u-net, sigma 50": U_NET | {"loss": "l1", "knobs": {"widths": WIDTHS}, "data": noise(50)},
    "u-net and critic, sigma 50": U_NET
    | {"loss": "l1", "knobs": {"widths": WIDTHS}, "data": noise(50), "adversarial": ADVERSARIAL},
}
"""What differs from BASE. pictures: train on so many photographs only."""
LEVELS = {"sigma 15": (15,), "sigma 5..55": (15, 25, 50), "base": (25,)}
"""Noise levels of 255 that an arm is measured at; 50 if its name ends so, else 25."""


@contextmanager
def recipe_for(arm: str, seed: int) -> Iterator[Recipe]:
    """The recipe of an arm; with few pictures, of a folder of links to those with the lowest checksums."""
    values = BASE | ARMS[arm] | {"seed": seed, "tag": "insight"}
    values["data"] = BASE["data"] | ARMS[arm].get("data", {})
    pictures = values["data"].pop("pictures", None)
    with tempfile.TemporaryDirectory() as folder:
        if pictures:
            photos = sorted(gather([FOLDER], LICENCE, LEAVE_OUT), key=lambda photo: photo.sha256)
            for photo in photos[: pictures + 1]:  # one is held out
                Path(folder, photo.path.name).symlink_to(locate(FOLDER) / photo.path.name)
            values["data"] |= {"folders": [folder], "hold_out": 1}
        yield recipe_from(values, arm)


@torch.inference_mode()
def scores(net: nn.Module, level: int, features: Features) -> tuple[float, float]:
    """The mean PSNR and perceptual distance on the test set at a noise level of 255."""
    found = []
    for path in test_set(SET).first(PICTURES).paths:
        x = read(path).pixels
        n = np.random.default_rng(0).standard_normal(x.shape, dtype=np.float32)
        y = torch.from_numpy((x + np.float32(level / 255) * n).transpose(2, 0, 1)[None])
        x_hat = net(y)[0].numpy().transpose(1, 2, 0)
        pair = (torch.from_numpy(np.tile(side.clip(0, 1), 3).transpose(2, 0, 1)[None].copy()) for side in (x_hat, x))
        found.append((measure(x_hat, x, PROTOCOLS["denoise"]).psnr, float(features.distance(*pair))))
    return float(np.mean([psnr for psnr, _ in found])), float(np.mean([distance for _, distance in found]))


def trained(arm: str, seed: int) -> tuple[nn.Module, float]:
    """The averaged net of an arm, and the processor seconds of its training."""
    with recipe_for(arm, seed) as recipe:
        material = gathered(recipe, method_named(recipe.method))
        started = time.process_time()
        game, device = new_game(material, recipe), device_named("cpu", compiled=False)
        net, _ = descend(game, material.pairs(recipe), schedule_of(recipe), device)
        return net.eval(), time.process_time() - started


def main() -> None:
    """Train what is missing, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", action="append", choices=ARMS)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    rows = read_table(RESULTS) if RESULTS.exists() else []
    features = Features()
    for seed in range(given.seeds):
        for arm in given.arm or ARMS:
            if any((row["arm"], row["seed"]) == (arm, str(seed)) for row in rows):
                continue
            net, seconds = trained(arm, seed)
            parameters = sum(each.numel() for each in net.parameters())
            for level in LEVELS.get(arm, (50,) if arm.endswith("50") else (25,)):
                psnr, distance = scores(net, level, features)
                print(f"{arm}, seed {seed}, sigma {level}: {psnr:.3f} dB, {distance:.3f}, {seconds:.0f} s", flush=True)
                rows.append(
                    {
                        "arm": arm,
                        "seed": str(seed),
                        "set": f"{SET}[:{PICTURES}]",
                        "sigma": str(level),
                        "psnr": f"{psnr:.3f}",
                        "distance": f"{distance:.4f}",
                        "parameters": str(parameters),
                        "steps": str((BASE | ARMS[arm])["steps"]),
                        "seconds": f"{seconds:.0f}",
                        "machine": f"{machine()}, {os.environ.get('OMP_NUM_THREADS', 'all')} thread",
                    }
                )
            write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
