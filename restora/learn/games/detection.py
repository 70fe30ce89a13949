"""Detection: one player, a net that finds damaged regions and computes the losses of its boxes and classes itself."""

from torch import Tensor, nn

from restora.learn.game import Batch, Game, Nets, Player
from restora.learn.games.supervised import restorer_rates
from restora.learn.recipe import Recipe


def detection(net: nn.Module, recipe: Recipe) -> Game:
    """The net f and its only player; batches have y and regions (learn/marked.py)."""

    def loss(nets: Nets, batch: Batch) -> Tensor:
        return nets["f"](batch["y"], batch["regions"])

    return Game({"f": net}, [Player(("f",), loss, restorer_rates(recipe))])
