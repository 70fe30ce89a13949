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
    size = 64 * multiple
    while (reach := _reach_within(net, channels, multiple, size)) >= size // 2 - multiple:
        size *= 2
    return reach


def _reach_within(net: nn.Module, channels: int, multiple: int, size: int) -> int:
    net = deepcopy(net).double().requires_grad_(True)
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.01 if parameter.ndim > 1 else 0.0)
    y = torch.ones(1, channels, size, size, dtype=torch.float64, requires_grad=True)
    start = size // 2 // multiple * multiple
    x_hat = net(y)
    scale = x_hat.shape[2] // size
    if scale == 1:
        x_hat = x_hat - y[:, : x_hat.shape[1]]
    block = slice(scale * start, scale * (start + multiple))
    x_hat[:, :, block, block].sum().backward()
    assert y.grad is not None
    touched = y.grad[0].abs().sum(0) > 0
    rows, columns = touched.any(1).nonzero().flatten(), touched.any(0).nonzero().flatten()
    ends = [(start - int(line[0]), int(line[-1]) - (start + multiple - 1)) for line in (rows, columns)]
    return max(max(pair) for pair in ends)
