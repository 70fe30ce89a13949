"""Images a second of a training step as `restora train` takes it, beside plain torch: f32, NCHW, AdamW.

RESTORA_DATA=DATA python benchmarks/training.py                 the nets of three recipes
RESTORA_DATA=DATA python benchmarks/training.py recipes/edsr.x2.toml

Both take turns, plain torch in processes of its own: our loop asks glibc to keep freed memory, which helps either.
`data_share` is the part of a step that is lost to waiting for patches: the same steps
are taken with a batch that is there already.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import torch

from restora.core.processor import machine
from restora.data.photographs import locate, photographs
from restora.learn.held_out import eight_bit
from restora.learn.loop import LOSS, Batches, alone, descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, read_recipe
from restora.methods.table import method_named
from restora.work.bench import read_table, write_table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "training.csv"
RECIPES = [f"recipes/{name}.toml" for name in ("dncnn.gray-s25", "restora.blind", "edsr.x2")]
STEPS, ROUNDS, FIRST = 8, 3, 2
"""Steps a turn, turns, and how many steps of each turn are not counted: memory is allocated then."""


class Same:
    """The same batch at every step."""

    def __init__(self, pairs: Batches) -> None:
        self.sides = pairs.batch(0, 0, 1)

    def batch(self, step: int, rank: int, processes: int) -> tuple[np.ndarray, np.ndarray]:
        """What was drawn once."""
        return self.sides


def net_of(recipe: Recipe) -> torch.nn.Module:
    """The net of a recipe, as it begins."""
    return method_named(recipe.method).load()(channels=recipe.channels, **recipe.knobs)


def ours(recipe: Recipe, pairs: Batches) -> float:
    """Seconds a step of the product's own loop."""
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        short = replace(recipe, steps=STEPS, validate_every=STEPS)
        net, checkpoint = net_of(recipe), Path(folder) / "checkpoint.pt"
        descend(
            *({"f": net}, alone(recipe), pairs, short, checkpoint, lambda net: 0.0),
            lambda progress, loss: ends.append(time.perf_counter()),
        )
    return median(np.diff(ends)[FIRST:])


def plain(recipe: Recipe, sides: tuple[np.ndarray, np.ndarray]) -> float:
    """Seconds a step of the loop that torch's tutorials have, with the same batch at every step."""
    net = net_of(recipe)
    mover = torch.optim.AdamW(net.parameters(), 1e-4)
    y, x = (torch.from_numpy(np.ascontiguousarray(side)) for side in sides)
    ends = [time.perf_counter()]
    for _ in range(STEPS):
        mover.zero_grad()
        LOSS[recipe.loss](net(y), x).backward()
        mover.step()
        ends.append(time.perf_counter())
    return median(np.diff(ends)[FIRST:])


def measure(path: Path) -> dict[str, str]:
    """A row: one recipe's net by both loops, in turns."""
    recipe = replace(read_recipe(path), teacher="", start="")
    seen = photographs(locate(recipe.photographs), recipe.licence, [])[:24]
    pairs = Pairs([eight_bit(photo, recipe) for photo in seen], recipe)
    same = Same(pairs)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as apart:
        turns = [
            (apart.submit(plain, recipe, same.sides).result(), ours(recipe, same), ours(recipe, pairs))
            for _ in range(ROUNDS)
        ]
    slow, still, real = (median(turn) for turn in zip(*turns, strict=True))
    return {
        "machine": machine(),
        "recipe": path.stem,
        "batch": str(recipe.batch),
        "patch": str(recipe.patch),
        "images_a_second": f"{recipe.batch / real:.2f}",
        "plain_images_a_second": f"{recipe.batch / slow:.2f}",
        "ratio": f"{slow / real:.2f}",
        "data_share": f"{max(0.0, 1 - still / real):.3f}",
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", type=Path, nargs="*", default=[ROOT / name for name in RECIPES])
    for path in parser.parse_args().recipes:
        row = measure(path)
        print(row, flush=True)
        others = [old for old in read_table(RESULTS, list(row)) if any(old[key] != row[key] for key in list(row)[:2])]
        write_table(RESULTS, [*others, row])


if __name__ == "__main__":
    main()
