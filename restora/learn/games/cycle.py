"""The cycle game: f maps y to x, g maps x to y; y and x show different scenes.

Critics judge whether f(y) looks like pictures x and g(x) like pictures y. The content is kept because g(f(y)) must be
y again, and f(g(x)) x. J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial
networks", ICCV 2017. Unlike there, critics see only the pictures of this step, not a buffer of earlier ones, so that
a run depends only on its seed and step.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from restora.core.errors import BadRecipe
from restora.learn.game import Batch, Game, Nets, Player
from restora.learn.games.critics import CRITIC, PASSING
from restora.learn.games.supervised import restorer_rates
from restora.learn.optimiser import Rates
from restora.learn.recipe import Recipe
from restora.nets.critic import Critic


def cycle(f: nn.Module, g: nn.Module, recipe: Recipe, critics: tuple[nn.Module, nn.Module] | None = None) -> Game:
    """Nets f and g and the critics d_x and d_y; new ones if none are given. Raises BadRecipe without the table.

    Both nets are updated together, then each critic.
    """
    rules = recipe.cycle
    if rules is None:
        raise BadRecipe(f"recipe {recipe.name} has no table [cycle]")
    d_x, d_y = critics or (Critic(recipe.channels), Critic(recipe.channels))

    def translators(nets: Nets, batch: Batch) -> Tensor:
        y, x = batch["y"], batch["x"]
        x_hat, y_hat = nets["f"](y).float(), nets["g"](x).float()
        passing = PASSING[rules.loss](nets["d_x"](x_hat).float()) + PASSING[rules.loss](nets["d_y"](y_hat).float())
        back = l1_loss(nets["g"](x_hat).float(), y) + l1_loss(nets["f"](y_hat).float(), x)
        loss = passing + rules.weight * back
        if rules.identity > 0:
            kept = l1_loss(nets["f"](x).float(), x) + l1_loss(nets["g"](y).float(), y)
            loss = loss + rules.identity * kept
        return loss

    def judging(name: str, maker: str, given: str, real: str) -> Player:
        def critic(nets: Nets, batch: Batch) -> Tensor:
            with torch.no_grad():
                made = nets[maker](batch[given]).float()
            return CRITIC[rules.loss](nets[name](batch[real]).float(), nets[name](made).float())

        return Player((name,), critic, Rates(rules.lr, rules.lr_rest, clip=recipe.clip))

    players = [
        Player(("f", "g"), translators, restorer_rates(recipe)),
        judging("d_x", "f", "y", "x"),
        judging("d_y", "g", "x", "y"),
    ]
    return Game({"f": f, "g": g, "d_x": d_x, "d_y": d_y}, players)
