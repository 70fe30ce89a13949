"""One recipe of a campaign, in its own process: prepare, wait for the start signal, train until the time is over.

The job is a line of JSON on standard input; for training, a second line is the time at which it must end. Messages are
written to a file, one line of JSON each; for training after each validation, when the current weights have just been
stored.
"""

import json
import sys
import time
import traceback
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from restora.learn.device import Device, device_named
from restora.learn.game import Game, Same
from restora.learn.held_out import LIKENESS, judged_by
from restora.learn.loop import Progress, Schedule, Watch, descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, recipe_from
from restora.learn.supply import Supply
from restora.learn.validate import scorer
from restora.learn.weights import listed, store
from restora.methods.table import method_named
from restora.work.material import Material, gathered, new_net
from restora.work.provenance import card_of
from restora.work.train import arrays_of, game_of, new_game, schedule_of, stored_form, usual_workers

LEFT = 2.0
"""Seconds, in addition to the last validation, reserved to store the weights; a tenth of a short run."""
WARM_UP = 3
"""Steps on nets that are discarded, as warm-up."""
TOLERANCE = 0.05
"""Maximum relative difference of a loss on the device and on the CPU: bf16 keeps 8 bits."""
SHAKE = 0.02
"""Standard deviation of noise added to new weights for the self-test, so that layers initialised to zero count too."""


def train(job: dict[str, Any]) -> None:
    """Train a recipe until the time given on standard input, storing the averaged weights when they get better."""
    recipe = recipe_from(job["recipe"], job["name"])
    device = device_named(job["device"])
    material = gathered(recipe, method_named(recipe.method))
    validate, _ = scorer(recipe, material.samples, device), material.halo
    pairs = material.pairs(recipe)
    last = 1.5 * warmed_up(material, recipe, pairs, device, validate)
    supply = Supply(pairs, 0, device, workers=usual_workers(device, job["workers"]))
    _write(job, {"ready": True})
    line = sys.stdin.readline()
    if not line:
        return  # the campaign has ended
    end = float(json.loads(line))
    game = new_game(material, recipe)
    seconds = end - time.time()
    schedule = schedule_of(recipe, max(0.5 * seconds, seconds - last - min(LEFT, 0.1 * seconds)))
    keeper = Keeper(job, material, device, schedule)
    watch = Watch(lambda net: keeper.keep(net, validate(net)), keeper.follow)
    descend(game, supply, schedule, device, watch=watch)
    keeper.tell(finished=True)


def warmed_up(
    material: Material, recipe: Recipe, pairs: Pairs, device: Device, validate: Callable[[nn.Module], float]
) -> float:
    """Warm up the device with nets that are discarded; returns the seconds of a validation.

    A net whose teacher is not trained yet is warmed up without it: the work of the net is the same.
    """
    plain = replace(recipe, distillation=None)
    game = game_of(new_net(material.method, plain), plain, material.method)
    descend(game, Same(pairs), Schedule(WARM_UP), device)
    net = game.first.eval()
    validate(net)
    begun = time.monotonic()
    validate(net)
    return time.monotonic() - begun


class Keeper:
    """Stores the averaged net whenever it is the best so far; a net that invents detail, whenever it is the newest."""

    def __init__(self, job: dict[str, Any], material: Material, device: Device, schedule: Schedule) -> None:
        self.job, self.material, self.device, self.schedule = job, material, device, schedule
        self.best = -np.inf
        self.net: nn.Module | None = None
        self.progress = Progress()

    def keep(self, net: nn.Module, score: float) -> float:
        """Take the score of the averaged net; it is stored once its row is written."""
        latest = judged_by(self.material.recipe) == LIKENESS
        if np.isfinite(score) and (latest or score >= self.best):
            self.best, self.net = score, net
        return score

    def follow(self, progress: Progress, loss: Tensor) -> None:
        """Store and report after a validation."""
        self.progress = progress
        if not progress.rows or progress.rows[-1]["step"] != progress.step:
            return
        if not np.isfinite(progress.rows[-1]["loss"]):
            raise FloatingPointError(f"the loss is not finite at step {progress.step}; use a smaller learning rate")
        if self.net is not None:
            net, self.net = stored_form(deepcopy(self.net)), None
            card = card_of(self.material, net, [progress], self.device) | {"curve": progress.rows}
            card["trained"]["share_of_run"] = round(self.schedule.done(progress.step, progress.seconds), 3)
            store(self.job["name"], Path(self.job["weights"]), arrays_of(net), None, card)
        self.tell(finished=False)

    def tell(self, finished: bool) -> None:
        """The state of the run."""
        told = {"seconds": self.progress.seconds, "steps": self.progress.step, "rows": self.progress.rows}
        told |= {"waited": self.progress.waited, "finished": finished}
        _write(self.job, told)


def test(job: dict[str, Any]) -> None:
    """For every recipe: compare losses on the device and the CPU, then take one step on the device."""
    device = device_named(job["device"])
    for values in job["recipes"]:
        started = time.monotonic()
        name = f"{values['method']}.{values['tag']}"
        try:
            said = compared(recipe_from(values, name), device)
            _write(job, {"name": name, "losses": said, "seconds": time.monotonic() - started})
        except Exception:
            _write(job, {"name": name, "error": traceback.format_exc()})
            return  # after a failure, a GPU may not respond to this process any more; another one tests the others


def compared(recipe: Recipe, device: Device) -> str:
    """The losses of all players on the device and on the CPU, in words; then one step on the device.

    The pictures are noise, because reading photographs takes longer than everything else. Raises ArithmeticError if
    losses differ.
    """
    side = recipe.patch + 2 * recipe.data.margin + 8
    rng, planes = np.random.default_rng(0), recipe.channels * (2 if recipe.paired else recipe.moments)
    pictures = [rng.integers(0, 256, (side, side, planes), dtype=np.uint8) for _ in range(2)]
    known = recipe.start if recipe.start in listed() else ""  # missing weights are trained earlier in the campaign
    run = replace(recipe, data=replace(recipe.data, shrinks=[1]), start=known)
    if run.distillation and run.distillation.teacher not in listed():
        run = replace(run, distillation=None)
    pairs = Pairs(pictures, run, pictures if run.cycle and run.data.unpaired else None)
    few = Pairs(pictures, replace(run, batch=2)).batch(0)
    samples = [(y, x.transpose(1, 2, 0)) for y, x in zip(few["y"], few["x"], strict=True)]
    game = new_game(Material(run, method_named(run.method), [], [], None, samples), run)
    torch.manual_seed(0)
    with torch.no_grad():
        for net in game.nets.values():
            for parameter in net.parameters():
                parameter.add_(SHAKE * torch.randn_like(parameter))
    plain = Device(torch.device("cpu"), torch.float32, torch.contiguous_format)
    here, there = (losses(game, few, each) for each in (plain, device))
    said = ", ".join(f"loss {b:.4f} (CPU {a:.4f})" for a, b in zip(here, there, strict=True))
    for a, b in zip(here, there, strict=True):
        if not abs(a - b) <= TOLERANCE * max(abs(a), 1e-3):
            raise ArithmeticError(f"the losses differ between the device and the CPU: {said}")
    descend(game, pairs, Schedule(1, warm_up=1), device)
    return said


def losses(game: Game, few: dict[str, np.ndarray], device: Device) -> list[float]:
    """The loss of each player on a batch, on a device; no step is taken."""
    for net in (*game.nets.values(), *game.still):
        device.place(net)
    batch = device.batch(few)
    with torch.no_grad(), device.autocast():
        return [float(player.loss(game.nets, batch)) for player in game.players]


def _write(job: dict[str, Any], told: dict[str, Any]) -> None:
    with Path(job["told"]).open("a") as file:
        file.write(json.dumps(told) + "\n")


def main() -> None:
    """Do the job given on standard input.

    It is called from a line of code, not as a module, because worker processes import the main program.
    """
    given = json.loads(sys.stdin.readline())
    {"train": train, "test": test}[given["do"]](given)
