"""Train: from a recipe to weights with their card. Torch is imported late, to keep the command line fast."""

import math
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.errors import BadRecipe, MissingExtra, RestoraError
from restora.core.method import Method
from restora.damage.words import draw
from restora.learn.recipe import GAMES, Recipe, read_recipe, recipe_from
from restora.learn.weights import SHIPPED, Weights, find, packed, store
from restora.methods.table import method_named
from restora.work.material import Material, gathered, new_net
from restora.work.provenance import card_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from restora.learn.device import Device
    from restora.learn.game import Game
    from restora.learn.loop import Checkpoint, Progress, Schedule

RUNS = Path.home() / ".cache" / "restora" / "runs"
SCHEDULE = ("steps", "warm_up", "decay", "lr", "lr_rest", "ema")
"""Keys of a recipe that may change while a run is stopped."""
MOST_STEPS = 10**9
"""Keys that may change in a run with a time limit."""
MOST_WORKERS = 16
SHOWN = 4
"""Held-out pictures whose results are drawn while a net trains."""

Tell = Callable[["Progress", int], None]
"""(progress of the current run, steps of the previous runs), after every step."""


@dataclass(frozen=True)
class Compute:
    """Settings of the machine. workers: processes that make batches; None: as many as the device needs."""

    device: str = "auto"  # auto, cpu, cuda or cuda:N
    compiled: bool = False  # with torch.compile
    workers: int | None = None


def train(
    given: Path | Recipe,
    tell: Tell,
    *,
    runs: Path = RUNS,
    out: Path = SHIPPED,
    stop_at: int | None = None,
    minutes: float | None = None,
    compute: Compute = Compute(),
) -> Weights | None:
    """Train a recipe, or that in a file; the weights, written to `out`, or None if `stop_at` ended the run early.

    Runs are kept in runs/NAME (checkpoints, TensorBoard logs, a picture of curves and samples) and resume from there.
    minutes: one run with a time limit replaces the stages of the recipe. stop_at: a step, counted over all stages.
    Raises BadRecipe, BadDevice, MissingExtra or RestoraError.
    """
    recipe = read_recipe(given) if isinstance(given, Path) else given
    method = _checked(recipe)
    try:
        from torch.utils.tensorboard import SummaryWriter

        from restora.learn.device import device_named
        from restora.learn.draw import draw_run
        from restora.learn.validate import cycle_error
    except ModuleNotFoundError as error:
        raise MissingExtra(f"training needs {error.name}; install it with: pip install 'restora[lab]'") from error
    where = device_named(compute.device, compiled=compute.compiled)
    if minutes is not None:
        recipe = by_the_clock(recipe)
    material = gathered(recipe, method)
    folder = runs / recipe.name
    leads = os.environ.get("RANK", "0") == "0"  # of several processes, only one writes and prints
    with SummaryWriter(folder / "log") if leads else nullcontext() as log:
        drawn = [] if recipe.detection or not leads else material.samples[:SHOWN]
        shown, workers = Shown(folder / "samples", drawn, where), usual_workers(where, compute.workers)
        follow, limits = _follower(log, tell, where, shown), (stop_at, minutes)
        made = _all_runs(material, where, folder, limits, follow, shown, workers)
    if made is None or not leads:
        return None
    game, average, done = made
    cycled = cycle_error(average, game.nets["g"].eval(), material.samples, where) if recipe.cycle else None
    net = stored_form(average)
    draw_run(folder / "run.png", recipe, _rows(done), net, [] if recipe.detection else material.samples[:4])
    card = card_of(material, net, done, where)
    if cycled is not None:
        card["trained"]["held_out_cycle_error"] = round(cycled, 5)
    return exported(net, card, out)


def by_the_clock(recipe: Recipe, changes: dict[str, Any] | None = None) -> Recipe:
    """The recipe as one run of unlimited steps, with some keys changed; stages need a fixed number of steps."""
    values = recipe.as_dict() | {"stages": [], "steps": MOST_STEPS}
    for key, value in (changes or {}).items():
        values[key] = values[key] | value if isinstance(value, dict) and isinstance(values.get(key), dict) else value
    return recipe_from(values, recipe.name)


def usual_workers(device: "Device", wanted: int | None) -> int:
    """The number of processes that make batches: as requested, or by default one for each core beside a GPU."""
    if wanted is not None:
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes of torchrun that share the cores
    return min(MOST_WORKERS, max(1, cores // beside)) if device.is_cuda else 0


def new_game(material: Material, run: Recipe) -> "Game":
    """The initial nets of a run: random (the recipe's seed), or from its start weights."""
    import torch

    torch.manual_seed(run.seed)
    net = new_net(material.method, run)
    if run.start:
        _begin(net, find(run.start), torch.from_numpy(material.same_sized))
    return game_of(net, run, material.method)


def game_of(net: "nn.Module", recipe: Recipe, method: Method) -> "Game":
    """The game of a recipe around its net."""
    from restora.learn.games.adversarial import adversarial
    from restora.learn.games.cycle import cycle
    from restora.learn.games.detection import detection
    from restora.learn.games.supervised import supervised

    if recipe.adversarial:
        return adversarial(net, recipe)
    if recipe.cycle:
        return cycle(net, new_net(method, recipe), recipe)
    if recipe.detection:
        return detection(net, recipe)
    return supervised(net, recipe, _teacher(recipe) if recipe.distillation else None)


def schedule_of(run: Recipe, seconds: float | None = None) -> "Schedule":
    """The length of a run and its learning rate."""
    from restora.learn.loop import Schedule

    return Schedule(run.steps, run.warm_up, run.decay, run.ema, run.validate_every, seconds)


def stored_form(average: "nn.Module") -> "nn.Module":
    """The averaged net on the CPU, in evaluation mode, with its parameters rounded to the stored precision."""
    import torch

    from restora.learn.start import as_stored

    return as_stored(average.to("cpu", memory_format=torch.contiguous_format).eval())  # type: ignore[call-overload]


def arrays_of(net: "nn.Module") -> dict[str, np.ndarray]:
    """The net's parameters and buffers by name."""
    return {name: value.contiguous().numpy() for name, value in net.state_dict().items()}


def exported(net: "nn.Module", card: dict[str, Any], out: Path) -> Weights:
    """Store a net with its card and an ONNX model. It must be in stored_form."""
    from restora.learn.export import linked, to_onnx
    from restora.learn.export_boxes import boxes_to_onnx

    arrays = arrays_of(net)
    if "boxes" in card["outputs"]:
        model = boxes_to_onnx(net, card["side"])
    else:
        model = to_onnx(net, card["inputs"], list(card["outputs"]), card["multiple"])
    model = linked(model, packed(arrays), f"{card['name']}.safetensors")
    return store(card["name"], out, arrays, model, card)


def _all_runs(
    material: Material,
    device: "Device",
    folder: Path,
    limits: tuple[int | None, float | None],
    follow: "Callable[[Progress, Tensor, int], None]",
    shown: "Shown",
    workers: int,
) -> "tuple[Game, nn.Module, list[Progress]] | None":
    """Run after run, each from the averaged net of the one before; None if it was stopped. Finished ones are read.

    limits: stop_at and minutes of `train`. Returns the last game, its averaged net, and the progress of each run.
    """
    import torch

    from restora.learn.loop import Watch, descend
    from restora.learn.start import revive
    from restora.learn.validate import scorer

    stop_at, minutes = limits
    validate = shown.scored(scorer(material.recipe, material.samples, device))
    runs = material.recipe.runs
    game = new_game(material, runs[0])
    done: list[Progress] = []
    for index, run in enumerate(runs):
        before = sum(progress.step for progress in done)
        average, progress = descend(
            game,
            material.pairs(run),
            schedule_of(run, None if minutes is None else 60 * minutes),
            device,
            checkpoint=checkpoint_of(folder, run, "clock" if minutes else f"stage-{index + 1}", minutes),
            watch=Watch(validate, lambda at, loss, before=before: follow(at, loss, before)),  # type: ignore[misc]
            workers=workers,
            stop_at=None if stop_at is None else stop_at - before,
        )
        done.append(progress)
        if minutes is None and progress.step < run.steps:
            return None
        if index < len(runs) - 1:
            torch.manual_seed(runs[index + 1].seed)
            net = new_net(material.method, run).to(device.where)
            net.load_state_dict(average.state_dict())
            revive(net, device.batch({"y": material.same_sized})["y"])
            later = game_of(net, runs[index + 1], material.method)
            for name in list(later.nets)[1:]:
                if name in game.nets and any(True for _ in game.nets[name].parameters()):  # a pool starts empty
                    later.nets[name].load_state_dict(game.nets[name].state_dict())
            game = later
    return game, average, done


def checkpoint_of(folder: Path, run: Recipe, name: str, minutes: float | None = None) -> "Checkpoint":
    """The checkpoint of a run, folder/NAME.pt, and the settings that must not change."""
    from restora.learn.loop import Checkpoint

    values = dict.fromkeys(GAMES) | run.as_dict()  # having no game is a setting too
    schedule = {key: values.pop(key) for key in SCHEDULE} | ({"minutes": minutes} if minutes else {})
    del values["validate_every"], values["terms"], values["stages"]
    return Checkpoint(folder / f"{name}.pt", values, schedule)


def _rows(done: "list[Progress]") -> list[dict[str, float]]:
    """The rows of all runs, with steps counted through."""
    before = accumulate((progress.step for progress in done), initial=0)
    pairs = zip(before, done, strict=False)
    return [row | {"step": start + row["step"]} for start, progress in pairs for row in progress.rows]


class Shown:
    """Results of the net on held-out pictures while it trains: FOLDER/step-N.png, and in TensorBoard."""

    def __init__(self, folder: Path, samples: list[tuple[np.ndarray, np.ndarray]], device: "Device") -> None:
        self.folder, self.samples, self.device = folder, samples, device
        self.grid: np.ndarray | None = None

    def scored(self, validate: "Callable[[nn.Module], float]") -> "Callable[[nn.Module], float]":
        """The validation, which also computes the results to be shown."""
        from restora.learn.draw import grid_of

        def score(net: "nn.Module") -> float:
            self.grid = grid_of(net, self.samples, self.device) if self.samples else None
            return validate(net)

        return score

    def show(self, step: int, log: Any) -> None:
        """Write the results of the last validation."""
        from restora.learn.draw import write_grid

        if self.grid is not None:
            write_grid(self.folder / f"step-{step:07}.png", self.grid)
            log.add_image("samples", self.grid, step, dataformats="HWC")


def _follower(log: Any, tell: Tell, device: "Device", shown: Shown) -> "Callable[[Progress, Tensor, int], None]":
    """What to do after every step: log a line, show results after a validation, and report."""
    every = 50 if device.is_cuda else 1  # reading the loss waits for the GPU

    def follow(progress: "Progress", loss: "Tensor", before: int) -> None:
        if log is None:
            return
        step = before + progress.step
        if progress.step % every == 0:
            log.add_scalar("loss", float(loss), step)
        if progress.rows and progress.rows[-1]["step"] == progress.step:
            log.add_scalar("score", progress.rows[-1]["score"], step)
            shown.show(step, log)
        tell(progress, before)

    return follow


def _checked(recipe: Recipe) -> Method:
    """The method of a recipe. Raises RestoraError or BadRecipe for errors that would otherwise appear late."""
    method = method_named(recipe.method)
    if not method.learned:
        raise RestoraError(f"{method.name} cannot be trained: it is not a trained net")
    for run in recipe.runs:
        for words in run.damages:
            draw(words, np.random.default_rng(0))  # words that cannot be parsed must fail now
        multiple = math.lcm(method.multiple, *run.scales)
        if run.patch % multiple:
            raise BadRecipe(f"recipe {recipe.name}: patch must be a multiple of {multiple}, not {run.patch}")
    return method


def _begin(net: "nn.Module", start: Weights, y: "Tensor") -> None:
    """Start from weights of a related or wider net; y (B, planes, H, W) are pictures like those of training."""
    from restora.learn.prune import prune_into, wider
    from restora.learn.start import begin_from, revive

    theirs = net_of(start)
    if type(theirs) is type(net) and wider(theirs, net):
        prune_into(net, theirs, y[:1])
    else:
        begin_from(net, start.arrays())
    revive(net, y)


def _teacher(recipe: Recipe) -> "nn.Module":
    """The teacher of a recipe. Raises BadRecipe if its input differs from that of the recipe's net."""
    weights = find(recipe.distillation.teacher if recipe.distillation else "")
    theirs = recipe_from(weights.recipe, weights.name)
    if (theirs.planes, theirs.channels) != (recipe.planes, recipe.channels) or recipe.patch % weights.card["multiple"]:
        raise BadRecipe(f"recipe {recipe.name}: {weights.name} cannot be the teacher, because its input differs")
    return net_of(weights)


def net_of(weights: Weights) -> "nn.Module":
    """The net of some weights, on the CPU."""
    from restora.learn.start import begin_from

    recipe = recipe_from(weights.recipe, weights.name)
    net = new_net(method_named(weights.card["method"]), recipe)
    begin_from(net, weights.arrays())
    return net
