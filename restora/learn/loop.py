"""The training loop: descend the loss on pairs, average the weights, and be able to stop anywhere."""

import ctypes
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss
from torch.nn.parallel import DistributedDataParallel

from restora.core.errors import BadRecipe
from restora.learn.optimiser import optimisers, precision, rate
from restora.learn.recipe import Recipe

SAVE_SECONDS = 300
SCHEDULE = ("steps", "warm_up", "decay", "lr", "lr_rest", "ema")
"""What of a recipe may change while a run is stopped."""
LOSS = {"l1": l1_loss, "l2": mse_loss}


class Batches(Protocol):
    """Batches as a pure function of the step."""

    def batch(self, step: int, rank: int, processes: int) -> tuple[np.ndarray, np.ndarray]:
        """y and x, float32, the share of one process of several."""


@dataclass
class Progress:
    """Where a run stands; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0  # since the last row
    rows: list[dict[str, float]] = field(default_factory=list)  # step, loss, psnr, lr, seconds
    earlier: list[dict[str, float]] = field(default_factory=list)  # schedules that were changed, and until which step


def descend(
    net: nn.Module,
    pairs: Batches,
    recipe: Recipe,
    checkpoint: Path,
    validate: Callable[[nn.Module], float],
    report: Callable[[Progress, float], None],
    stop_at: int | None = None,
    teacher: nn.Module | None = None,
) -> tuple[nn.Module, Progress]:
    """Train `net` (in place) to the recipe's last step; the averaged net and the progress.

    Goes on from `checkpoint` if it exists, bit for bit as if it had not stopped, and writes it every five minutes
    and at the end. `validate(net)` gives a PSNR every `validate_every` steps, `report` gets the progress and the
    loss of every step. `stop_at` ends the run at an earlier step, the schedule unchanged. What a `teacher` makes of y
    takes the place of x: it lacks what no net can know of x, and so the gradient is far less noisy.
    Under torchrun each process takes its share of every batch.
    """
    keep_freed_memory()
    rank, processes = _join()
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = deepcopy(net).eval().requires_grad_(False)
    players = optimisers(net, recipe.lr, recipe.lr_rest, recipe.centred)
    progress = Progress()
    if checkpoint.exists():
        progress = load(checkpoint, recipe, net, average, players)
    trained = DistributedDataParallel(net) if processes > 1 else net
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    started = saved = time.monotonic() - progress.seconds
    with ThreadPoolExecutor(1) as ahead:
        upcoming = ahead.submit(pairs.batch, progress.step, rank, processes)
        while progress.step < last:
            y, x = (_tensor(side) for side in upcoming.result())
            upcoming = ahead.submit(pairs.batch, progress.step + 1, rank, processes)
            if teacher is not None:
                x = _taught(teacher, y)
            factor = rate(progress.step, recipe.steps, recipe.warm_up, recipe.decay)
            loss = _step(trained, y, x, players, recipe, factor)
            _follow(average, net, min(recipe.ema, (1 + progress.step) / (10 + progress.step)))
            progress.step += 1
            progress.seconds = time.monotonic() - started
            progress.loss_sum += loss
            if progress.step % recipe.validate_every == 0 or progress.step == recipe.steps:
                count = (progress.step - 1) % recipe.validate_every + 1
                row = {"step": progress.step, "loss": progress.loss_sum / count, "lr": factor * recipe.lr}
                progress.rows.append(row | {"psnr": validate(average), "seconds": progress.seconds})
                progress.loss_sum = 0.0
            report(progress, loss)
            if rank == 0 and (progress.step == last or progress.seconds - (saved - started) > SAVE_SECONDS):
                save(checkpoint, net, average, players, progress, recipe)
                saved = time.monotonic()
    return average, progress


def keep_freed_memory() -> None:
    """Ask glibc to keep freed blocks instead of returning them to the system; other systems are left as they are.

    Activations are allocated and freed at every layer; handing them back each time costs a page fault per 4 KiB,
    a third of the time of a step.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_max = -1, -4  # malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_max, 0)


def save(
    path: Path,
    net: nn.Module,
    average: nn.Module,
    players: list[torch.optim.Optimizer],
    progress: Progress,
    recipe: Recipe,
) -> None:
    """Write a checkpoint beside `path`, then rename it there."""
    state = {
        "recipe": recipe.as_dict(),
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimisers": [player.state_dict() for player in players],
        "progress": vars(progress),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    torch.save(state, aside)
    aside.replace(path)


def load(
    path: Path, recipe: Recipe, net: nn.Module, average: nn.Module, players: list[torch.optim.Optimizer]
) -> Progress:
    """Fill net, average and optimisers from a checkpoint (plain tensors and numbers; no code is unpickled).

    The schedule may have changed since; the progress then keeps the earlier one. Raises BadRecipe if anything else of
    the recipe has.
    """
    state = torch.load(path, weights_only=True)
    defaults = {entry.name: entry.default for entry in fields(Recipe)}  # of keys that are newer than the checkpoint
    mine, before = recipe.as_dict(), defaults | state["recipe"]
    other = [key for key, value in mine.items() if key not in SCHEDULE and before[key] != value]
    if other:
        raise BadRecipe(
            f"{path} was made with another {', '.join(other)} than the recipe {recipe.name} has now;"
            " train into another folder with --runs, or delete the checkpoint"
        )
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    for player, saved in zip(players, state["optimisers"], strict=True):
        player.load_state_dict(saved)
    progress = Progress(**state["progress"])
    if recipe.steps < progress.step or not (progress.rows or recipe.steps > progress.step):
        raise BadRecipe(f"{path} has taken {progress.step} steps; recipe {recipe.name} needs more than that")
    if any(before[key] != mine[key] for key in SCHEDULE):
        progress.earlier.append({"until": progress.step} | {key: before[key] for key in SCHEDULE})
    return progress


def _step(
    net: nn.Module, y: Tensor, x: Tensor, players: list[torch.optim.Optimizer], recipe: Recipe, factor: float
) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision() is torch.bfloat16):
        loss = LOSS[recipe.loss](net(y).float(), x)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
    for player, full in zip(players, (recipe.lr_rest, recipe.lr), strict=False):
        for group in player.param_groups:
            group["lr"] = full * factor
        player.step()
        player.zero_grad()
    return loss.item()


@torch.no_grad()
def _taught(teacher: nn.Module, y: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision() is torch.bfloat16):
        return teacher(y).float()


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    mine, its = ([p.data for p in side.parameters()] for side in (average, net))
    torch._foreach_lerp_(mine, its, 1 - decay)


def _tensor(side: Any) -> Tensor:
    return torch.from_numpy(side).contiguous(memory_format=torch.channels_last)


def _join() -> tuple[int, int]:
    """(rank, processes) under torchrun, else (0, 1)."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return int(os.environ.get("RANK", "0")), processes
