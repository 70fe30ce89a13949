"""Images a second of a training step of `restora train`, compared with plain torch: f32, NCHW, AdamW.

RESTORA_DATA=DATA python benchmarks/training.py                 the nets of three recipes
RESTORA_DATA=DATA python benchmarks/training.py recipes/edsr.x2.toml --device cuda --batch 32

All take turns, plain torch in separate processes, because our loop makes glibc keep freed memory, which helps both.
`pairs_a_worker` is the number of pairs a second of one process, while nothing else runs. `waiting_share` is the share
of time in which the loop waits for a batch, with as many batch processes as `restora train` uses. `compiled_ratio` is
the speedup of a step with torch.compile, once compiled.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import torch

from restora.core.processor import machine
from restora.data.photographs import gather
from restora.learn.device import Device, device_named
from restora.learn.game import LOSS, Batches, Same
from restora.learn.games.supervised import supervised
from restora.learn.held_out import eight_bit
from restora.learn.loop import Progress, Schedule, Watch, descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, read_recipe
from restora.learn.supply import AHEAD, SLOTS, Supply
from restora.methods.table import method_named
from restora.work.bench import read_table, write_table
from restora.work.train import by_the_clock, usual_workers

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "training.csv"
RECIPES = [f"recipes/{name}.toml" for name in ("dncnn.gray-s25", "restora.blind", "edsr.x2")]
STEPS, ROUNDS, FIRST = 8, 3, 2
"""Steps a turn, turns, and steps of each turn that are not counted, because they allocate memory."""
BATCHES = 80
"""Pairs that a worker makes while it is measured."""


def net_of(recipe: Recipe) -> torch.nn.Module:
    """The initial net of a recipe."""
    return method_named(recipe.method).load()(channels=recipe.channels, **recipe.knobs)


def ours(recipe: Recipe, batches: Batches, device: Device, workers: int = 0) -> tuple[float, float]:
    """Seconds a step of Restora's loop, and the share of them in which it waits for batches."""
    ends, waits = [], []

    def report(progress: Progress, loss: torch.Tensor) -> None:
        device.wait()
        ends.append(time.perf_counter())
        waits.append(progress.waited)

    game = supervised(net_of(recipe), recipe)
    first = FIRST + SLOTS * workers + AHEAD * bool(workers)  # batches that are ready at the start do not count
    descend(game, batches, Schedule(STEPS + 2 * first), device, watch=Watch(report=report), workers=workers)
    return median(np.diff(ends)[first:]), (waits[-1] - waits[first]) / (ends[-1] - ends[first])


def plain(recipe: Recipe, arrays: dict[str, np.ndarray], where: str) -> float:
    """Seconds a step of the loop of torch's tutorials, with the same batch in every step."""
    net = net_of(recipe).to(where)
    mover = torch.optim.AdamW(net.parameters(), 1e-4)
    y, x = (torch.from_numpy(np.ascontiguousarray(arrays[name])).to(where) for name in ("y", "x"))
    ends = [time.perf_counter()]
    for _ in range(STEPS):
        mover.zero_grad()
        loss = LOSS[recipe.loss](net(y), x)
        loss.backward()
        mover.step()
        loss.item()
        ends.append(time.perf_counter())
    return median(np.diff(ends)[FIRST:])


def pairs_a_worker(pairs: Pairs) -> float:
    """Pairs a second of one separate process."""
    with Supply(pairs, 0, device_named("cpu"), workers=1) as supply:
        for _ in range(4):  # some were made ahead
            supply.next()
        started = time.perf_counter()
        for _ in range(BATCHES):
            supply.next()
        return BATCHES * pairs.recipe.batch / (time.perf_counter() - started)


def measure(path: Path, name: str, batch: int | None) -> dict[str, str]:
    """A row: one recipe's net by both loops, in turns."""
    recipe = by_the_clock(read_recipe(path), {"batch": batch} if batch else {})
    recipe = replace(recipe, distillation=None, start="")
    device, compiled = device_named(name), device_named(name, compiled=True)
    data = recipe.data
    seen = gather(data.folders, data.licence, data.leave_out)[:24]
    pairs = Pairs([eight_bit(photo, recipe) for photo in seen], recipe)
    same, workers = Same(pairs), usual_workers(device, None)
    made = pairs_a_worker(pairs)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as apart:
        turns = [
            (
                apart.submit(plain, recipe, same.arrays, str(device.where)).result(),
                *ours(recipe, pairs, device, workers),
                ours(recipe, same, device)[0],
                ours(recipe, same, compiled)[0],
            )
            for _ in range(ROUNDS)
        ]
    slow, real, waiting, still, quick = (median(turn) for turn in zip(*turns, strict=True))
    return {
        "machine": machine() if not device.is_cuda else device.about,
        "recipe": path.stem,
        "batch": str(recipe.batch),
        "patch": str(recipe.patch),
        "images_a_second": f"{recipe.batch / real:.2f}",
        "plain_images_a_second": f"{recipe.batch / slow:.2f}",
        "ratio": f"{slow / real:.2f}",
        "workers": str(workers),
        "pairs_a_worker": f"{made:.0f}",
        "waiting_share": f"{waiting:.3f}",
        "compiled_ratio": f"{still / quick:.2f}",
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", type=Path, nargs="*", default=[ROOT / name for name in RECIPES])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int)
    given = parser.parse_args()
    for path in given.recipes:
        row = measure(path, given.device, given.batch)
        print(row, flush=True)
        kept = read_table(RESULTS, list(row)[:2]) if RESULTS.exists() else []
        others = [old for old in kept if any(old[key] != row[key] for key in list(row)[:2]) and set(old) == set(row)]
        write_table(RESULTS, [*others, row])


if __name__ == "__main__":
    main()
