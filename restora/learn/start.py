"""Initialise a net from the weights of a related one, and round a net to its stored precision."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn


@torch.no_grad()
def begin_from(net: nn.Module, arrays: Mapping[str, np.ndarray]) -> int:
    """Copy into `net` every array that fits a parameter or buffer of the same name; returns how many were copied.

    A convolution with additional inputs keeps the weights of the old inputs, which come first, and gets zero weights
    for the new ones. One with fewer inputs keeps the weights of the first, as if the others were zero: a net without
    the plane of the noise level starts from one that has it. Everything else keeps its initialisation.
    """
    copied = 0
    for name, parameter in (*net.named_parameters(), *net.named_buffers()):
        if name not in arrays:
            continue
        old = torch.from_numpy(np.array(arrays[name], np.float32)).to(parameter.device)
        if old.shape == parameter.shape:
            parameter.copy_(old)
        elif name.endswith("weight") and _gained_inputs(old.shape, parameter.shape):
            parameter.zero_()
            parameter[:, : old.shape[1]] = old
        elif name.endswith("weight") and _gained_inputs(parameter.shape, old.shape):
            parameter.copy_(old[:, : parameter.shape[1]])
        else:
            continue
        copied += 1
    return copied


NEVER = 1e-3
"""Minimum share of pixels at which a live channel is above zero."""


@torch.no_grad()
def revive(net: nn.Module, y: torch.Tensor) -> int:
    """Re-initialise dead channels, which (almost) never fire for y (B, C, H, W); returns how many. The output stays.

    A ReLU that is zero everywhere passes no gradient, so its channel cannot recover; a plain net trained with large
    steps may lose most of its channels. Examined: each sequence of a convolution, a ReLU and a convolution.
    """
    rows: list[tuple[nn.Conv2d, nn.ReLU, nn.Conv2d]] = []
    for layers in (list(module) for module in net.modules() if isinstance(module, nn.Sequential)):
        for before, relu, after in zip(layers, layers[1:], layers[2:], strict=False):
            if isinstance(before, nn.Conv2d) and isinstance(relu, nn.ReLU) and isinstance(after, nn.Conv2d):
                rows.append((before, relu, after))
    fires: list[torch.Tensor] = []
    hooks = [
        row[1].register_forward_hook(lambda _, __, out: fires.append((out > 0).float().mean((0, 2, 3)))) for row in rows
    ]
    net(y)
    for hook in hooks:
        hook.remove()
    for (before, _, after), share in zip(rows, fires, strict=True):
        dead = share < NEVER
        fresh = nn.init.kaiming_normal_(torch.empty_like(before.weight), nonlinearity="relu")
        # Its inputs are above zero: weights of mean zero make it neither all zero nor all linear at the start.
        before.weight[dead] = (fresh - fresh.mean((1, 2, 3), keepdim=True))[dead]
        if before.bias is not None:
            before.bias[dead] = 0
        after.weight[:, dead] = 0
    return sum(int((share < NEVER).sum()) for share in fires)


@torch.no_grad()
def as_stored(net: nn.Module) -> nn.Module:
    """The net with its parameters rounded to float16, in place: so scores and plots use the stored numbers."""
    for value in (*net.parameters(), *net.buffers()):
        if value.is_floating_point():
            value.copy_(value.half().float())
    return net


def _gained_inputs(old: torch.Size, new: torch.Size) -> bool:
    return len(old) == len(new) == 4 and old[0] == new[0] and old[2:] == new[2:] and old[1] < new[1]
