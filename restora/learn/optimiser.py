"""Muon for the inner convolutions, AdamW for all other parameters; and the learning rate over a run.

Muon (Jordan et al., 2024) replaces the momentum of each weight matrix by the nearest orthogonal matrix, so that all
directions learn at the same rate. The matrix of a convolution is (out, in * kh * kw).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from restora.learn.device import native_precision


@dataclass(frozen=True)
class Rates:
    """The optimiser of a player: Muon and AdamW, or only AdamW (`muon` is False)."""

    lr: float = 0.01  # of Muon, or of AdamW if `muon` is False
    lr_rest: float = 0.001  # of AdamW, for parameters that Muon does not update
    muon: bool = True
    centred: bool = False  # see Muon
    clip: float | None = 1.0  # norm for gradient clipping; None: no clipping


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; for parameters of four dimensions.

    torch.optim.Muon accepts only matrices and always computes in bf16, which a CPU without bf16 arithmetic emulates at
    a fraction of its f32 speed; this one handles convolutions, and uses bf16 only where it is native.

    centred: the mean weight of each output channel is kept (Yong et al., "Gradient centralization", ECCV 2020). The
    inputs of a plain chain of convolutions and ReLUs are all above zero, so a shift of the mean moves a channel far and
    may leave it at zero permanently; nets with normalisation or skip connections hardly suffer from this.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, centred: bool = False) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self.centred = centred

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; parameters of equal shape are orthogonalised together."""
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
    """The dimensions in the memory order of the parameter, so that no copy is needed.

    The order of the columns of the matrix does not matter for the step.
    """
    return turn.permute(0, 2, 3, 1) if _channels_last(parameter) else turn


def _as_named(matrix: Tensor, parameter: Tensor) -> Tensor:
    """A matrix in the shape and layout of its parameter."""
    if not _channels_last(parameter):
        return matrix.view(parameter.shape)
    rows, inputs, height, width = parameter.shape
    return matrix.view(rows, height, width, inputs).permute(0, 3, 1, 2)


def orthogonal(matrices: Tensor) -> Tensor:
    """Approximately U V' of each matrix U S V' in (N, rows, columns): five Newton-Schulz steps of fifth order.

    The singular values are then between about 0.7 and 1.2, which works as well as 1 (Jordan et al., 2024).
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
    """The optimisers of one player, each with its full learning rate."""

    optimisers: Sequence[tuple[torch.optim.Optimizer, float]]
    parameters: Sequence[Tensor]
    clip: float | None

    def step(self, factor: float) -> None:
        """Take a step at a share of the full learning rates, and clear the gradients."""
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for optimiser, full in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = full * factor
            optimiser.step()
            optimiser.zero_grad()


def mover(nets: Sequence[nn.Module], rates: Rates) -> Mover:
    """The optimisers for the parameters of `nets` that require gradients.

    Muon gets the convolutions of each net except its first and last, AdamW the rest.
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
    """The share of the full learning rate: linear up, constant, then linear down to zero at the end.

    done: share of the run that is done, 0..1. decay: share, at the end, in which the rate falls; 0: never.
    """
    falling = (1 - done) / decay if decay > 0 else 1.0
    return max(0.0, min(1.0, (step + 1) / max(1, warm_up), falling))
