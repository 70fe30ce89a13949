"""The adversarial game: a restorer whose output should look real, and critics that distinguish it from real pictures.

The restorer also has a pixel loss and a perceptual loss, as in C. Ledig et al., "Photo-realistic single image
super-resolution using a generative adversarial network", CVPR 2017. Several critics each see pictures of half the
previous size, as in T.-C. Wang et al., "High-resolution image synthesis and semantic manipulation with conditional
GANs", CVPR 2018. Conditional critics see the damaged picture too, and so judge pairs: P. Isola et al., "Image-to-image
translation with conditional adversarial networks", CVPR 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from restora.core.errors import BadRecipe
from restora.learn.game import LOSS, Batch, Game, Nets, Player
from restora.learn.games.critics import CRITIC, PASSING
from restora.learn.games.supervised import restorer_rates
from restora.learn.optimiser import Rates
from restora.learn.recipe import Recipe
from restora.nets.critic import Critic, PatchGAN, TemporalCritic
from restora.nets.features import Features


def adversarial(net: nn.Module, recipe: Recipe, critics: list[nn.Module] | None = None) -> Game:
    """The restorer f and the critics d1, d2, ...; new ones if none are given. Raises BadRecipe without the table."""
    rules = recipe.adversarial
    if rules is None:
        raise BadRecipe(f"recipe {recipe.name} has no table [adversarial]")
    critics = critics or [new_critic(recipe) for _ in range(rules.critics)]
    names = [f"d{number}" for number in range(1, len(critics) + 1)]
    features = Features() if rules.content > 0 else None

    def seen(y: Tensor, x: Tensor) -> Tensor:
        """What a critic sees of a pair."""
        return torch.cat([y, x.to(y.dtype)], 1) if rules.conditional else x

    def restorer(nets: Nets, batch: Batch) -> Tensor:
        x_hat = nets["f"](batch["y"]).float()
        loss = rules.pixels * LOSS[recipe.loss](x_hat, batch["x"])
        if features is not None:
            loss = loss + rules.content * features.distance(x_hat, batch["x"])
        judged = seen(batch["y"], x_hat)
        said = [PASSING[rules.loss](nets[name](smaller(judged, n)).float()) for n, name in enumerate(names)]
        return loss + rules.weight * torch.stack(said).mean()

    def judging(name: str, times: int) -> Player:
        def critic(nets: Nets, batch: Batch) -> Tensor:
            with torch.no_grad():
                x_hat = nets["f"](batch["y"]).float()
            sides = (seen(batch["y"], side) for side in (batch["x"], x_hat))
            real, made = (nets[name](smaller(side, times)).float() for side in sides)
            return CRITIC[rules.loss](real, made)

        return Player((name,), critic, Rates(rules.lr, rules.lr_rest, clip=recipe.clip))

    players = [Player(("f",), restorer, restorer_rates(recipe)), *(judging(name, n) for n, name in enumerate(names))]
    return Game({"f": net} | dict(zip(names, critics, strict=True)), players, () if features is None else (features,))


def new_critic(recipe: Recipe) -> nn.Module:
    """A critic with random weights."""
    rules = recipe.adversarial
    assert rules is not None
    planes = recipe.channels + (recipe.planes if rules.conditional else 0)
    if rules.critic == "temporal":
        return TemporalCritic(recipe.channels, rules.width)
    if rules.critic == "patchgan":
        return PatchGAN(planes, rules.width)
    return Critic(planes, [rules.width * times for times in (1, 2, 4, 8)])


def smaller(x: Tensor, times: int) -> Tensor:
    """x (B, C, H, W) halved so many times by averaging."""
    return avg_pool2d(x, 2**times) if times else x
