"""Muon for the inner convolutions, AdamW for everything else; and the learning rate over a run.

Muon (Jordan et al., 2024) moves each weight matrix by the nearest orthogonal matrix to its momentum, so that all
directions learn at the same rate. Here a convolution's matrix is (out, in * kh * kw).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from restora.learn.device import native_precision


@dataclass(frozen=True)
class Rates:
    """How a player's nets move: Muon and AdamW, or AdamW for everything (`muon` is False)."""

    lr: float = 0.01  # of Muon, or of AdamW if that does everything
    lr_rest: float = 0.001  # of AdamW, for what Muon does not move
    muon: bool = True
    centred: bool = False  # see Muon
    clip: float | None = 1.0  # norm to which a larger gradient is scaled down; None: never


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; parameters of four dimensions.

    torch.optim.Muon takes matrices only and always works in bf16, which a CPU without bf16 arithmetic has to
    emulate at a fraction of its f32 speed; this one works on convolutions, in bf16 where that is native.

    centred: each output channel's weights keep their mean (Yong et al., "Gradient centralization", ECCV 2020). The
    inputs of a plain chain of convolutions and ReLUs are all above zero, so that a shift of the mean moves a channel
    far and may leave it at zero for good; nets with normalisation or short cuts hardly suffer from it.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, centred: bool = False) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self.centred = centred

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; equal shapes are orthogonalised together."""
        for group in self.param_groups:
            mine = [parameter for parameter in group["params"] if parameter.grad is not None]
            gradients = [parameter.grad for parameter in mine]
            velocities = [self._velocity(parameter) for parameter in mine]
            torch._foreach_lerp_(velocities, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, velocities, group["momentum"])
            alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter, turn in zip(mine, ahead, strict=True):
                matrix = _as_lying(turn, parameter).flatten(1)
                if self.centred:
                    matrix = matrix - matrix.mean(1, keepdim=True)
                alike[tuple(matrix.shape)].append((parameter, matrix))  # type: ignore[index]
            for (rows, columns), pairs in alike.items():
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                turns = orthogonal(torch.stack([matrix for _, matrix in pairs]))
                moved = [parameter for parameter, _ in pairs]
                by = [_as_named(turn, parameter) for parameter, turn in zip(moved, turns, strict=True)]
                torch._foreach_add_(moved, by, alpha=-rate)

    def _velocity(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        return state["velocity"]


def _channels_last(parameter: Tensor) -> bool:
    return parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last)


def _as_lying(turn: Tensor, parameter: Tensor) -> Tensor:
    """The dimensions in the order in which the parameter lies in memory, so that no copy is needed.

    The order of a matrix's columns does not matter to what is done with it.
    """
    return turn.permute(0, 2, 3, 1) if _channels_last(parameter) else turn


def _as_named(matrix: Tensor, parameter: Tensor) -> Tensor:
    """A matrix in the parameter's shape and layout again."""
    if not _channels_last(parameter):
        return matrix.view(parameter.shape)
    rows, inputs, height, width = parameter.shape
    return matrix.view(rows, height, width, inputs).permute(0, 3, 1, 2)


def orthogonal(matrices: Tensor) -> Tensor:
    """U V' of each matrix U S V' in (N, rows, columns), roughly: five Newton-Schulz steps of fifth order.

    Singular values come out between about 0.7 and 1.2, which serves as well as 1 (Jordan et al., 2024).
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(torch.bfloat16 if x.is_cuda else native_precision())
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


@dataclass(frozen=True)
class Mover:
    """The optimisers of one player: each with the rate that it has at the height of the run."""

    optimisers: Sequence[tuple[torch.optim.Optimizer, float]]
    parameters: Sequence[Tensor]
    clip: float | None

    def step(self, factor: float) -> None:
        """Move by the gradients, at a share of the full rates, and clear them."""
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for optimiser, full in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = full * factor
            optimiser.step()
            optimiser.zero_grad()


def mover(nets: Sequence[nn.Module], rates: Rates) -> Mover:
    """What moves the parameters of `nets` that ask for gradients.

    Muon gets the convolutions of each net but its first and last, AdamW the rest.
    """
    inner: list[Tensor] = []
    for net in nets if rates.muon else ():
        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d)]
        inner += [layer.weight for layer in convolutions[1:-1] if layer.weight.requires_grad]
    taken = {id(weight) for weight in inner}
    everything = [parameter for net in nets for parameter in net.parameters() if parameter.requires_grad]
    rest = [parameter for parameter in everything if id(parameter) not in taken]
    fused = bool(rest) and rest[0].is_cuda
    made: list[tuple[torch.optim.Optimizer, float]] = []
    if rest:
        full = rates.lr_rest if rates.muon else rates.lr
        made.append((torch.optim.AdamW(rest, lr=full, weight_decay=0.0, fused=fused), full))
    if inner:
        made.append((Muon(inner, lr=rates.lr, centred=rates.centred), rates.lr))
    return Mover(made, everything, rates.clip)


def rate(step: int, done: float, warm_up: int, decay: float) -> float:
    """The share of the full learning rate at a step: up, level, then straight down to zero at the end.

    done: share of the run that lies behind, 0..1. decay: share, at the end, in which the rate falls; 0: never.
    """
    falling = (1 - done) / decay if decay > 0 else 1.0
    return max(0.0, min(1.0, (step + 1) / max(1, warm_up), falling))
