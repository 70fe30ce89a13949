"""Supervised learning: one player, which reduces the distance of f(y) from x, or from the output of a teacher.

A multi-scale net answers with a list in training, from fine to coarse: each is compared with x averaged to its size,
and the losses are added (S. Nah, T. H. Kim, K. M. Lee, CVPR 2017).

G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", NIPS workshop 2014, for the teacher.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from restora.learn.game import LOSS, Batch, Game, Nets, Player
from restora.learn.optimiser import Rates
from restora.learn.recipe import Recipe


def supervised(net: nn.Module, recipe: Recipe, teacher: nn.Module | None = None) -> Game:
    """The net f and its only player.

    The output of a teacher for y replaces x: it lacks the part of x that no net can know, so the gradient has far less
    noise.
    """

    def loss(nets: Nets, batch: Batch) -> Tensor:
        if teacher is None:
            target = batch["x"]
        else:
            with torch.no_grad():
                target = teacher(batch["y"]).float()
        answer = nets["f"](batch["y"])
        answers = answer if isinstance(answer, list) else [answer]
        losses = [LOSS[recipe.loss](x_hat.float(), _averaged(target, x_hat.shape[-1])) for x_hat in answers]
        return torch.stack(losses).sum()

    still = () if teacher is None else (teacher.eval().requires_grad_(False),)
    return Game({"f": net}, [Player(("f",), loss, restorer_rates(recipe))], still)


def _averaged(x: Tensor, width: int) -> Tensor:
    """x (B, C, H, W) shrunk to a width that divides its own, by averaging."""
    return x if x.shape[-1] == width else avg_pool2d(x, x.shape[-1] // width)


def restorer_rates(recipe: Recipe) -> Rates:
    """The player that updates the net of a recipe."""
    return Rates(recipe.lr, recipe.lr_rest, centred=recipe.centred, clip=recipe.clip)
