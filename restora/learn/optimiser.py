"""Muon for the inner convolutions, AdamW for everything else.

Muon (Jordan et al., 2024) moves each weight matrix by the nearest orthogonal matrix to its momentum, so that all
directions learn at the same rate. Here a convolution's matrix is (out, in * kh * kw).
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; parameters of four dimensions.

    torch.optim.Muon takes matrices only and always works in bf16, which a processor without bf16 arithmetic has to
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
            alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                velocity = self.state[parameter].setdefault("velocity", torch.zeros_like(parameter))
                velocity.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(velocity, group["momentum"]).flatten(1)
                if self.centred:
                    ahead = ahead - ahead.mean(1, keepdim=True)
                alike[ahead.shape].append((parameter, ahead))
            for (rows, columns), pairs in alike.items():
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for (parameter, _), turn in zip(pairs, orthogonal(torch.stack([m for _, m in pairs])), strict=True):
                    parameter.sub_(turn.view(parameter.shape), alpha=rate)


def orthogonal(matrices: Tensor) -> Tensor:
    """U V' of each matrix U S V' in (N, rows, columns), roughly: five Newton-Schulz steps of fifth order.

    Singular values come out between about 0.7 and 1.2, which serves as well as 1 (Jordan et al., 2024).
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(precision())
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


def precision() -> torch.dtype:
    """bf16 where the processor computes in it; else f32, as emulated bf16 is several times slower than f32."""
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def layout() -> torch.memory_format:
    """How activations lie in memory: channels last where the processor has AVX-512, whose convolutions want that; else
    not, as the gradients of convolutions then take up to twice as long."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.channels_last if wide else torch.contiguous_format


def optimisers(net: nn.Module, lr: float, lr_rest: float, centred: bool = False) -> list[torch.optim.Optimizer]:
    """Muon for all convolutions of `net` but its first and last, AdamW for the other parameters."""
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    inner = [layer.weight for layer in convolutions[1:-1]]
    taken = {id(weight) for weight in inner}
    rest = [parameter for parameter in net.parameters() if id(parameter) not in taken]
    both: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=lr_rest, weight_decay=0.0)]
    if inner:
        both.append(Muon(inner, lr=lr, centred=centred))
    return both


def rate(step: int, steps: int, warm_up: int, decay: float) -> float:
    """The share of the full learning rate at a step: up, level, then straight down to zero at the end."""
    return min(1.0, (step + 1) / max(1, warm_up), (steps - step) / (decay * steps))
