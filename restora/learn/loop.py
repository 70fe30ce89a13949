"""The training loop: descend the loss on pairs, average the weights, and be able to stop anywhere."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss
from torch.nn.parallel import DistributedDataParallel

from restora.core.allocator import keep_freed_memory
from restora.core.errors import BadRecipe
from restora.learn.optimiser import layout, optimisers, precision, rate
from restora.learn.recipe import Recipe

SAVE_SECONDS = 300
SCHEDULE = ("steps", "warm_up", "decay", "lr", "lr_rest", "ema")
"""What of a recipe may change while a run is stopped."""
LOSS = {"l1": l1_loss, "l2": mse_loss}

Nets = Mapping[str, nn.Module]
"""The nets of a game by name. The first is the one that is trained for its own sake."""


@dataclass(frozen=True)
class Player:
    """Who may move which net to lessen which loss. Supervised learning has one, an adversarial game two."""

    net: str
    loss: Callable[[Nets, Tensor, Tensor], Tensor]  # of y and x


def alone(recipe: Recipe, teacher: nn.Module | None = None) -> list[Player]:
    """The only player of supervised learning: a net f that lessens the recipe's loss between f(y) and x.

    What a `teacher` makes of y takes the place of x: it lacks what no net can know of x, and so the gradient is far
    less noisy.
    """

    def loss(nets: Nets, y: Tensor, x: Tensor) -> Tensor:
        if teacher is not None:
            with torch.no_grad():
                x = teacher(y).float()
        return LOSS[recipe.loss](nets["f"](y).float(), x)

    return [Player("f", loss)]


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
    nets: Nets,
    players: Sequence[Player],
    pairs: Batches,
    recipe: Recipe,
    checkpoint: Path,
    validate: Callable[[nn.Module], float],
    report: Callable[[Progress, float], None],
    stop_at: int | None = None,
) -> tuple[nn.Module, Progress]:
    """Let the players train their nets (in place) to the recipe's last step; the first net averaged, and the progress.

    Goes on from `checkpoint` if it exists, bit for bit as if it had not stopped, and writes it every five minutes
    and at the end. `validate(net)` gives a PSNR every `validate_every` steps, `report` gets the progress and the first
    player's loss of every step. `stop_at` ends the run at an earlier step, the schedule unchanged. Under torchrun each
    process takes its share of every batch.
    """
    keep_freed_memory()
    rank, processes = _join()
    nets = {name: net.to(memory_format=layout()) for name, net in nets.items()}  # type: ignore[call-overload]
    first = next(iter(nets.values()))
    average = deepcopy(first).eval().requires_grad_(False)
    movers = [optimisers(nets[player.net], recipe.lr, recipe.lr_rest, recipe.centred) for player in players]
    progress = Progress()
    if checkpoint.exists():
        progress = load(checkpoint, recipe, nets, average, movers)
    trained = {name: DistributedDataParallel(net) if processes > 1 else net for name, net in nets.items()}
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    started = saved = time.monotonic() - progress.seconds
    with ThreadPoolExecutor(1) as ahead:
        upcoming = ahead.submit(pairs.batch, progress.step, rank, processes)
        while progress.step < last:
            y, x = (_tensor(side) for side in upcoming.result())
            upcoming = ahead.submit(pairs.batch, progress.step + 1, rank, processes)
            factor = rate(progress.step, recipe.steps, recipe.warm_up, recipe.decay)
            losses = [
                _step(player, trained, y, x, mine, recipe, factor) for player, mine in zip(players, movers, strict=True)
            ]
            _follow(average, first, min(recipe.ema, (1 + progress.step) / (10 + progress.step)))
            progress.step += 1
            progress.seconds = time.monotonic() - started
            progress.loss_sum += losses[0]
            if progress.step % recipe.validate_every == 0 or progress.step == recipe.steps:
                count = (progress.step - 1) % recipe.validate_every + 1
                row = {"step": progress.step, "loss": progress.loss_sum / count, "lr": factor * recipe.lr}
                progress.rows.append(row | {"psnr": validate(average), "seconds": progress.seconds})
                progress.loss_sum = 0.0
            report(progress, losses[0])
            if rank == 0 and (progress.step == last or progress.seconds - (saved - started) > SAVE_SECONDS):
                save(checkpoint, nets, average, movers, progress, recipe)
                saved = time.monotonic()
    return average, progress


Movers = Sequence[Sequence[torch.optim.Optimizer]]
"""The optimisers of each player."""


def save(path: Path, nets: Nets, average: nn.Module, movers: Movers, progress: Progress, recipe: Recipe) -> None:
    """Write a checkpoint beside `path`, then rename it there."""
    state = {
        "recipe": recipe.as_dict(),
        "nets": [net.state_dict() for net in nets.values()],
        "average": average.state_dict(),
        "optimisers": [mover.state_dict() for mine in movers for mover in mine],
        "progress": vars(progress),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    torch.save(state, aside)
    aside.replace(path)


def load(path: Path, recipe: Recipe, nets: Nets, average: nn.Module, movers: Movers) -> Progress:
    """Fill nets, average and optimisers from a checkpoint (plain tensors and numbers; no code is unpickled).

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
    for net, saved in zip(nets.values(), state["nets"], strict=True):
        net.load_state_dict(saved)
    average.load_state_dict(state["average"])
    for mover, saved in zip(chain.from_iterable(movers), state["optimisers"], strict=True):
        mover.load_state_dict(saved)
    progress = Progress(**state["progress"])
    if recipe.steps < progress.step or not (progress.rows or recipe.steps > progress.step):
        raise BadRecipe(f"{path} has taken {progress.step} steps; recipe {recipe.name} needs more than that")
    if any(before[key] != mine[key] for key in SCHEDULE):
        progress.earlier.append({"until": progress.step} | {key: before[key] for key in SCHEDULE})
    return progress


def _step(
    player: Player,
    nets: Nets,
    y: Tensor,
    x: Tensor,
    movers: Sequence[torch.optim.Optimizer],
    recipe: Recipe,
    factor: float,
) -> float:
    for name, net in nets.items():
        net.requires_grad_(name == player.net)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision() is torch.bfloat16):
        loss = player.loss(nets, y, x)
    loss.backward()
    nn.utils.clip_grad_norm_(nets[player.net].parameters(), recipe.clip)
    for mover, full in zip(movers, (recipe.lr_rest, recipe.lr), strict=False):
        for group in mover.param_groups:
            group["lr"] = full * factor
        mover.step()
        mover.zero_grad()
    return loss.item()


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    mine, its = ([p.data for p in side.parameters()] for side in (average, net))
    torch._foreach_lerp_(mine, its, 1 - decay)


def _tensor(side: Any) -> Tensor:
    return torch.from_numpy(side).contiguous(memory_format=layout())


def _join() -> tuple[int, int]:
    """(rank, processes) under torchrun, else (0, 1)."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return int(os.environ.get("RANK", "0")), processes
