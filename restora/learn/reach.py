"""Measure how far a net looks around, from its gradient rather than from its author's word."""

from copy import deepcopy

import torch
from torch import nn


def measured_reach(net: nn.Module, channels: int, multiple: int) -> int:
    """Pixels of the input beyond a block, aligned to the net's multiple, that can change what becomes of the block.

    All weights positive and all inputs positive keep every ReLU open, so that no path of the graph cancels; a mean
    takes the place of each maximum over a window, which would send its gradient to one of its inputs only. The picture
    grows until the reach ends inside it.
    """
    return max(_reach_along(net, channels, multiple, axis) for axis in (2, 3))


def _reach_along(net: nn.Module, channels: int, multiple: int, axis: int) -> int:
    size = 64 * multiple
    while (reach := _reach_within(net, channels, multiple, size, axis)) >= size // 2 - multiple:
        size *= 2
    return reach


def _reach_within(net: nn.Module, channels: int, multiple: int, size: int, axis: int) -> int:
    """In a strip of the picture, `size` pixels along the axis: how far is no matter of how wide."""
    net = deepcopy(net).double().requires_grad_(False)
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    for parameter in net.parameters():
        parameter.fill_(0.01 if parameter.ndim > 1 else 0.0)
    shape = [1, channels, 4 * multiple, 4 * multiple]
    shape[axis] = size
    y = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    start = size // 2 // multiple * multiple
    x_hat = net(y)
    scale = x_hat.shape[axis] // size
    if scale == 1:
        x_hat = x_hat - y[:, : x_hat.shape[1]]
    x_hat.narrow(axis, scale * start, scale * multiple).sum().backward()
    assert y.grad is not None
    touched = y.grad.abs().sum([side for side in range(4) if side != axis]).nonzero().flatten()
    return max(start - int(touched[0]), int(touched[-1]) - (start + multiple - 1))
