"""The cycle game: f maps y to x, g maps x to y; y and x show different scenes.

Critics judge whether f(y) looks like pictures x and g(x) like pictures y. The content is kept because g(f(y)) must be
y again, and f(g(x)) x. J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial
networks", ICCV 2017. Half of the pictures that a critic sees were made in earlier steps, which keeps it from following
the last step only: A. Shrivastava et al., "Learning from simulated and unsupervised images through adversarial
training", CVPR 2017.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from restora.core.errors import BadRecipe
from restora.learn.game import Batch, Game, Nets, Player
from restora.learn.games.critics import CRITIC, PASSING
from restora.learn.games.supervised import restorer_rates
from restora.learn.optimiser import Rates
from restora.learn.recipe import Recipe
from restora.nets.critic import PatchGAN


def cycle(f: nn.Module, g: nn.Module, recipe: Recipe, critics: tuple[nn.Module, nn.Module] | None = None) -> Game:
    """Nets f and g, the critics d_x and d_y, and the pools of what these see. Raises BadRecipe without the table.

    Both nets are updated together, then each critic. New critics if none are given.
    """
    rules = recipe.cycle
    if rules is None:
        raise BadRecipe(f"recipe {recipe.name} has no table [cycle]")
    d_x, d_y = critics or (PatchGAN(recipe.channels, rules.width), PatchGAN(recipe.channels, rules.width))
    pools = {f"pool_{side}": Pool(rules.pool, recipe.channels, recipe.patch, recipe.seed) for side in "xy"}

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
        pool = pools[f"pool_{real}"]

        def critic(nets: Nets, batch: Batch) -> Tensor:
            with torch.no_grad():
                made = pool.exchange(nets[maker](batch[given]).float())
            return CRITIC[rules.loss](nets[name](batch[real]).float(), nets[name](made).float())

        return Player((name,), critic, Rates(rules.lr, rules.lr_rest, clip=recipe.clip))

    players = [
        Player(("f", "g"), translators, restorer_rates(recipe)),
        judging("d_x", "f", "y", "x"),
        judging("d_y", "g", "x", "y"),
    ]
    return Game({"f": f, "g": g, "d_x": d_x, "d_y": d_y, **pools}, players)


class Pool(nn.Module):
    """Pictures made in earlier steps. It is a net without parameters, so that checkpoints contain it.

    What it gives depends on the seed and on how many pictures it was given. All processes of a run hold the same.
    """

    def __init__(self, size: int, channels: int, side: int, seed: int) -> None:
        super().__init__()
        self.seed, self.count = seed, 0
        self.register_buffer("pictures", torch.zeros(size, channels, side, side))
        self.pictures: Tensor

    def exchange(self, made: Tensor) -> Tensor:
        """As many pictures (B, C, H, W) as were made: each the new one or, once the pool is full, half of them old."""
        size = len(self.pictures)
        if not size:
            return made
        rank, processes, everything = _gathered(made)
        given = []
        for picture in everything:
            rng = np.random.default_rng((self.seed, self.count))
            index = self.count if self.count < size else int(rng.integers(2 * size))
            given.append(self.pictures[index].clone() if self.count >= size > index else picture)
            if index < size:
                self.pictures[index] = picture
            self.count += 1
        return torch.stack(given[rank::processes])

    def get_extra_state(self) -> int:
        """For checkpoints: how many pictures it was given."""
        return self.count

    def set_extra_state(self, state: Any) -> None:
        """From a checkpoint."""
        self.count = int(state)


def _gathered(made: Tensor) -> tuple[int, int, Tensor]:
    """(rank, processes, the pictures of all processes in the order of one process)."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 0, 1, made
    rank, processes = torch.distributed.get_rank(), torch.distributed.get_world_size()
    shares = [torch.empty_like(made) for _ in range(processes)]
    torch.distributed.all_gather(shares, made.contiguous())
    return rank, processes, torch.stack(shares, 1).flatten(0, 1)
