"""The adversarial game: a restorer that wants to be taken for real, and a critic that wants to tell.

I. Goodfellow et al., "Generative adversarial nets", NIPS 2014, with the loss that does not saturate; with pixels and
features beside it as in C. Ledig et al., "Photo-realistic single image super-resolution using a generative adversarial
network", CVPR 2017.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from restora.learn.loop import LOSS, Nets, Player
from restora.learn.recipe import Recipe
from restora.nets.features import Features


def rivals(recipe: Recipe) -> list[Player]:
    """The restorer f and the critic d."""
    features = Features() if recipe.content > 0 else None

    def restorer(nets: Nets, y: Tensor, x: Tensor) -> Tensor:
        x_hat = nets["f"](y).float()
        loss = recipe.pixels * LOSS[recipe.loss](x_hat, x)
        if features is not None:
            loss = loss + recipe.content * features.distance(x_hat, x)
        return loss + recipe.adversary * softplus(-nets["d"](x_hat).float()).mean()

    def critic(nets: Nets, y: Tensor, x: Tensor) -> Tensor:
        with torch.no_grad():
            x_hat = nets["f"](y).float()
        return softplus(-nets["d"](x).float()).mean() + softplus(nets["d"](x_hat).float()).mean()

    return [Player("f", restorer), Player("d", critic)]
