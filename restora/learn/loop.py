"""The training loop: players update their nets on batches; the first net is averaged; it can stop and resume."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from restora.core.allocator import keep_freed_memory
from restora.core.errors import BadRecipe
from restora.learn.device import Device
from restora.learn.game import Batch, Batches, Game, Player
from restora.learn.optimiser import Mover, mover, rate
from restora.learn.supply import Supply

SAVE_SECONDS = 300.0
TENTHS, MINUTE = 10, 60.0
"""Validation intervals of a run with a time limit: each tenth of it, and each minute."""
VALIDATING = 0.1
"""The share of the time that validation may take, apart from the last one."""


@dataclass(frozen=True)
class Schedule:
    """The length of a run, and its learning rate.

    seconds: the time limit of the run. It ends when this time is over; the learning rate reaches zero at this moment,
    at any speed of the device, and `steps` is only an upper bound.
    """

    steps: int
    warm_up: int = 50
    decay: float = 0.6
    ema: float | None = 0.999  # decay of the averaged weights; None: no average
    validate_every: int = 250
    seconds: float | None = None

    def done(self, step: int, seconds: float) -> float:
        """The share of the run that is done, 0..1."""
        behind = step / self.steps
        return min(1.0, behind if self.seconds is None else max(behind, seconds / self.seconds))

    def is_due(self, progress: "Progress", before: float, done: float) -> bool:
        """Whether to write a row after a step; `before`: the share of the run that was done before it."""
        if done >= 1:
            return True
        if self.seconds is None:
            return progress.step % self.validate_every == 0
        if progress.validating > VALIDATING * progress.seconds:
            return False
        return any(int(parts * done) > int(parts * before) for parts in (TENTHS, self.seconds / MINUTE))


@dataclass
class Progress:
    """The state of a run; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0  # seconds of these spent waiting for a batch
    validating: float = 0.0  # seconds of these spent on validation
    loss_sum: float = 0.0  # since the last row
    summed: int = 0  # steps in that sum
    rows: list[dict[str, float]] = field(default_factory=list)  # step, loss, lr, score, seconds
    earlier: list[dict[str, Any]] = field(
        default_factory=list
    )  # schedules that were changed, and the step until which they held


@dataclass(frozen=True)
class Checkpoint:
    """The file of a checkpoint. To resume, `settings` must be the same; `schedule` may differ."""

    path: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] = field(default_factory=dict)
    every: float = SAVE_SECONDS


@dataclass(frozen=True)
class Watch:
    """Functions called by a run: a score of the averaged net, a report of each step, a rule for early stopping.

    The rule is asked after every step. The loss in a report is a tensor on the device: reading it waits for the device.
    """

    validate: Callable[[nn.Module], float] = lambda net: float("nan")
    report: Callable[[Progress, Tensor], None] = lambda progress, loss: None
    stop: Callable[[Progress], bool] = lambda progress: False


def descend(
    game: Game,
    batches: Batches | Supply,
    schedule: Schedule,
    device: Device,
    *,
    checkpoint: Checkpoint | None = None,
    watch: Watch = Watch(),
    workers: int = 0,
    stop_at: int | None = None,
) -> tuple[nn.Module, Progress]:
    """Train the nets of the players (in place) to the end of the schedule; returns the averaged first net and progress.

    Resumes from the checkpoint if it exists, on the CPU bit-equal to an uninterrupted run; writes it every
    `checkpoint.every` seconds and at the end. `stop_at` ends the run at an earlier step of the unchanged schedule.
    workers: processes that make batches; 0: a thread; a Supply started at step 0 has its own. Under torchrun each
    process takes its share of every batch.
    """
    keep_freed_memory()
    rank, processes = _join(device)
    run, average, progress = _begun(game, schedule, device, checkpoint)
    last = schedule.steps if stop_at is None else min(stop_at, schedule.steps)
    started, waited = time.monotonic() - progress.seconds, progress.waited
    saved = started
    loss_sum = torch.tensor(progress.loss_sum, dtype=torch.float64, device=device.where)
    if not isinstance(batches, Supply):
        batches = Supply(batches, progress.step, device, workers=workers, rank=rank, processes=processes)
    with batches as supply:
        done = schedule.done(progress.step, progress.seconds)
        ends = progress.step >= last or done >= 1
        while not ends:
            batch = supply.next()
            factor = rate(progress.step, done, schedule.warm_up, schedule.decay)
            loss = run.step(batch, factor, device, processes)
            if schedule.ema is not None:
                _follow(average, game.first, min(schedule.ema, (1 + progress.step) / (10 + progress.step)))
            loss_sum += loss
            progress.step, progress.summed = progress.step + 1, progress.summed + 1
            progress.seconds, progress.waited = time.monotonic() - started, waited + supply.waited
            behind, done = done, _done(schedule, progress, device, processes)
            if schedule.is_due(progress, behind, done):
                _validate(progress, loss_sum, factor * game.players[0].rates.lr, average, watch, loss)
            else:
                watch.report(progress, loss)
            ends = watch.stop(progress) or progress.step >= last or done >= 1
            if checkpoint and rank == 0 and (ends or time.monotonic() - saved > checkpoint.every):
                save(checkpoint, run, average, progress, loss_sum)
                saved = time.monotonic()
    device.wait()
    return average, progress


def _begun(
    game: Game, schedule: Schedule, device: Device, checkpoint: Checkpoint | None
) -> tuple["_Run", nn.Module, Progress]:
    """The game on its device, its average and where it stands: at the start, or where the checkpoint was written."""
    for net in (*game.nets.values(), *game.still):
        device.place(net)
    average = deepcopy(game.first).eval().requires_grad_(False) if schedule.ema is not None else game.first
    run = _Run(game, [mover([game.nets[name] for name in player.nets], player.rates) for player in game.players])
    progress = Progress()
    if checkpoint and checkpoint.path.exists():
        progress = load(checkpoint, run, average, schedule, device)
    device.compile(game.nets.values())
    return run, average, progress


def _validate(progress: Progress, loss_sum: Tensor, lr: float, average: nn.Module, watch: Watch, loss: Tensor) -> None:
    """Write a row and report it; `progress.validating` grows by what validation and report take."""
    row = {"step": progress.step, "loss": float(loss_sum) / progress.summed}  # waits for the device
    begun = time.monotonic()
    row |= {"lr": lr, "score": watch.validate(average)}
    progress.rows.append(row | {"seconds": progress.seconds})
    loss_sum.zero_()
    progress.summed = 0
    watch.report(progress, loss)
    progress.validating += time.monotonic() - begun


class _Run:
    """A game with the optimisers of its players."""

    def __init__(self, game: Game, movers: Sequence[Mover]) -> None:
        self.game, self.movers = game, movers
        # What is frozen when the game starts stays frozen.
        self.movable = {
            name: [parameter for parameter in net.parameters() if parameter.requires_grad]
            for name, net in game.nets.items()
        }

    @property
    def optimisers(self) -> list[torch.optim.Optimizer]:
        """The optimisers of all players, in order."""
        return [optimiser for optimiser, _ in chain.from_iterable(mine.optimisers for mine in self.movers)]

    def step(self, batch: Batch, factor: float, device: Device, processes: int) -> Tensor:
        """The step of each player in turn; the loss of the first."""
        losses = [self._move(index, batch, factor, device, processes) for index in range(len(self.movers))]
        return losses[0]

    def _move(self, index: int, batch: Batch, factor: float, device: Device, processes: int) -> Tensor:
        """One player's step; its loss."""
        player, mine = self.game.players[index], self.movers[index]
        if len(self.game.players) > 1:
            for name, parameters in self.movable.items():
                for parameter in parameters:
                    parameter.requires_grad_(name in player.nets)
        with device.autocast():
            loss = player.loss(self.game.nets, batch)
        loss.backward()
        if processes > 1:
            _share(player, self.game, mine.parameters, processes)
        mine.step(factor)
        return loss.detach()


def save(checkpoint: Checkpoint, run: _Run, average: nn.Module, progress: Progress, loss_sum: Tensor) -> None:
    """Write a checkpoint to a temporary file, then rename it."""
    progress.loss_sum = float(loss_sum)
    state = {
        "settings": dict(checkpoint.settings),
        "schedule": dict(checkpoint.schedule),
        "nets": [net.state_dict() for net in run.game.nets.values()],
        "average": average.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in run.optimisers],
        "progress": vars(progress),
    }
    checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
    aside = checkpoint.path.with_suffix(".part")
    torch.save(state, aside)
    aside.replace(checkpoint.path)


def load(checkpoint: Checkpoint, run: _Run, average: nn.Module, schedule: Schedule, device: Device) -> Progress:
    """Load nets, average and optimisers from a checkpoint (plain tensors and numbers; no code is unpickled).

    The schedule may have changed since; the progress then records the earlier one. Raises BadRecipe if any other
    setting has changed, or if the checkpoint is beyond the last step.
    """
    path = checkpoint.path
    state = torch.load(path, weights_only=True, map_location=device.where)
    if "settings" not in state:
        raise BadRecipe(
            f"{path} was made by an earlier version and cannot be resumed; delete it, or give another --runs"
        )
    other = [key for key, value in checkpoint.settings.items() if state["settings"].get(key, value) != value]
    if other:
        raise BadRecipe(
            f"{path} was made with another {', '.join(other)} than that of the recipe;"
            " give another folder with --runs, or delete the checkpoint"
        )
    for net, saved in zip(run.game.nets.values(), state["nets"], strict=True):
        net.load_state_dict(saved)
    average.load_state_dict(state["average"])
    for optimiser, saved in zip(run.optimisers, state["optimisers"], strict=True):
        _restore(optimiser, saved)
    progress = Progress(**state["progress"])
    if schedule.steps < progress.step or not (progress.rows or schedule.steps > progress.step):
        raise BadRecipe(f"{path} has {progress.step} steps; the recipe must have more")
    if state["schedule"] != dict(checkpoint.schedule):
        progress.earlier.append({"until": progress.step} | state["schedule"])
    return progress


@torch.no_grad()
def _restore(optimiser: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load the state of an optimiser, perhaps saved by another device, in the form that this one needs.

    Fused steps and memory layout depend on the device: fused kernels assume equal layouts and do not check.
    """
    fused = [group.get("fused") for group in optimiser.param_groups]
    optimiser.load_state_dict(saved)
    for group, mine in zip(optimiser.param_groups, fused, strict=True):
        if "fused" in group:
            group["fused"] = mine
        for parameter in group["params"]:
            state = optimiser.state[parameter]
            for name, value in state.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter).copy_(value)


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the average towards the net: parameters, and buffers such as the statistics of batch norm."""
    mine, its = ([*side.parameters(), *side.buffers()] for side in (average, net))
    floats = [(a, b) for a, b in zip(mine, its, strict=True) if a.is_floating_point()]
    torch._foreach_lerp_([a.data for a, _ in floats], [b.data for _, b in floats], 1 - decay)
    for a, b in zip(mine, its, strict=True):
        if not a.is_floating_point():
            a.copy_(b)


@torch.no_grad()
def _share(player: Player, game: Game, parameters: Sequence[Tensor], processes: int) -> None:
    """Average the gradients of a player, and the statistics of its nets, over processes.

    The nets are not wrapped in DistributedDataParallel, because it waits for gradients of idle nets.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    statistics = [b for name in player.nets for b in game.nets[name].buffers() if b.is_floating_point()]
    values = [*gradients, *statistics]
    together = torch.cat([value.flatten().float() for value in values])
    torch.distributed.all_reduce(together)
    together /= processes
    for value, mean in zip(values, together.split([value.numel() for value in values]), strict=True):
        value.copy_(mean.view(value.shape))


def _done(schedule: Schedule, progress: Progress, device: Device, processes: int) -> float:
    """The share of the run that is done, by the clock of the first process, as all must stop at the same step."""
    done = schedule.done(progress.step, progress.seconds)
    if schedule.seconds is None or processes == 1:
        return done
    said = torch.tensor(done, dtype=torch.float64, device=device.where)
    torch.distributed.broadcast(said, 0)
    return float(said)


def _join(device: Device) -> tuple[int, int]:
    """(rank, processes) under torchrun, else (0, 1)."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group(device.backend)
    return int(os.environ.get("RANK", "0")), processes
