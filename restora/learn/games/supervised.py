"""Supervised learning: one player, who lessens the distance between f(y) and x, or between f(y) and a teacher's answer.

G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", NIPS workshop 2014, for the teacher.
"""

import torch
from torch import Tensor, nn

from restora.learn.game import LOSS, Batch, Game, Nets, Player
from restora.learn.optimiser import Rates
from restora.learn.recipe import Recipe


def supervised(net: nn.Module, recipe: Recipe, teacher: nn.Module | None = None) -> Game:
    """The net f and its only player.

    What a teacher makes of y takes the place of x: it lacks what no net can know of x, and so the gradient is far less
    noisy.
    """

    def loss(nets: Nets, batch: Batch) -> Tensor:
        if teacher is None:
            target = batch["x"]
        else:
            with torch.no_grad():
                target = teacher(batch["y"]).float()
        return LOSS[recipe.loss](nets["f"](batch["y"]).float(), target)

    still = () if teacher is None else (teacher.eval().requires_grad_(False),)
    return Game({"f": net}, [Player(("f",), loss, restorer_rates(recipe))], still)


def restorer_rates(recipe: Recipe) -> Rates:
    """How a recipe's net moves."""
    return Rates(recipe.lr, recipe.lr_rest, centred=recipe.centred, clip=recipe.clip)
