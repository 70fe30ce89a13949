"""Games: named nets, and players that update some of them to reduce a loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, l1_loss, mse_loss

from restora.learn.optimiser import Rates


def dice(x_hat: Tensor, x: Tensor) -> Tensor:
    """One minus the Dice coefficient of probabilities x_hat and a mask x, over the whole batch, plus the cross-entropy.

    The coefficient makes few marked pixels count as much as many others; the cross-entropy keeps the probabilities
    honest, which the coefficient alone drives to 0 and 1. F. Milletari, N. Navab, S. Ahmadi, "V-Net", 3DV 2016.
    """
    both = 2 * (x_hat * x).sum() + 1
    return 1 - both / (x_hat.sum() + x.sum() + 1) + binary_cross_entropy(x_hat, x)


LOSS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1_loss, "l2": mse_loss, "dice": dice}

Nets = Mapping[str, nn.Module]
Batch = Mapping[str, Tensor]
"""Named tensors: y damaged, x clean, and others that a game needs; (B, C, H, W) float32 on the 0..1 scale."""


@dataclass(frozen=True)
class Player:
    """Updates the named nets, at its own learning rates, to reduce loss(nets, batch); other nets stay constant."""

    nets: tuple[str, ...]
    loss: Callable[[Nets, Batch], Tensor]
    rates: Rates


@dataclass(frozen=True)
class Game:
    """Nets by name, of which the first is the result of training, and players, which take turns in order."""

    nets: dict[str, nn.Module]
    players: Sequence[Player]
    still: Sequence[nn.Module] = field(default=())
    """Nets that losses use and no player updates, such as a teacher or the features of a perceptual loss."""

    @property
    def first(self) -> nn.Module:
        """The net that is the result of training."""
        return next(iter(self.nets.values()))


class Batches(Protocol):
    """Batches as a pure function of the step: there is no state to save, and any number of processes gives the same."""

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """Named float32 arrays, the share of one process of several."""

    def shared(self, folder: Path) -> "Batches":
        """The same batches, with their large data in files of `folder`, so that many processes share them."""


class Same:
    """The first of some batches, at every step: to warm up a device, or to time steps without making batches."""

    def __init__(self, batches: Batches) -> None:
        self.arrays = batches.batch(0, 0, 1)

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """The stored batch."""
        return self.arrays

    def shared(self, folder: Path) -> "Same":
        """The same."""
        return self
