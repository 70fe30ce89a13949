"""What is played in training: nets, and players who move some of them to lessen a loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from restora.learn.optimiser import Rates

LOSS = {"l1": l1_loss, "l2": mse_loss}

Nets = Mapping[str, nn.Module]
Batch = Mapping[str, Tensor]
"""Named tensors: y damaged, x clean, and what else a game needs; (B, C, H, W) float32 on the 0..1 scale."""


@dataclass(frozen=True)
class Player:
    """Who moves the nets named, at its own rates, to lessen loss(nets, batch); other nets stand still meanwhile."""

    nets: tuple[str, ...]
    loss: Callable[[Nets, Batch], Tensor]
    rates: Rates


@dataclass(frozen=True)
class Game:
    """Nets by name, of which the first is what is trained for its own sake, and players, who move in order."""

    nets: dict[str, nn.Module]
    players: Sequence[Player]
    still: Sequence[nn.Module] = field(default=())
    """Nets that losses use and nobody moves, as a teacher or the features of a perceptual loss."""

    @property
    def first(self) -> nn.Module:
        """The net that is trained for its own sake."""
        return next(iter(self.nets.values()))


class Batches(Protocol):
    """Batches as a pure function of the step: nothing to save, and equal in any number of processes."""

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """Named float32 arrays, the share of one process of several."""

    def shared(self, folder: Path) -> "Batches":
        """The same batches, their large data in files of `folder`, so that many processes hold them once."""


class Same:
    """The first of some batches at every step: to warm a device up, or to time steps without making batches."""

    def __init__(self, batches: Batches) -> None:
        self.arrays = batches.batch(0, 0, 1)

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """What was drawn once."""
        return self.arrays

    def shared(self, folder: Path) -> "Same":
        """The same."""
        return self
