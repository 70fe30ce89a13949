"""Blocks shared by several nets."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + share * conv(relu(conv(x))), two 3x3 convolutions; (B, C, H, W) to the same shape; receptive radius 2.

    The second convolution is initialised to zero, so that a new block is the identity.
    """

    def __init__(self, channels: int, share: float = 1.0) -> None:
        super().__init__()
        self.share = share
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        silence(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """x with the residual added."""
        added = self.second(torch.relu(self.first(x)))
        return x + added if self.share == 1 else x + self.share * added


def silence(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Set the weights and biases of a layer to zero: a residual then starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class DoubleConvolution(nn.Sequential):
    """Two 3x3 convolutions, each with ReLU: the block of U-Net; (B, inputs, H, W) to (B, outputs, H, W); radius 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            begun(nn.Conv2d(inputs, outputs, 3, padding=1)),
            nn.ReLU(inplace=True),
            begun(nn.Conv2d(outputs, outputs, 3, padding=1)),
            nn.ReLU(inplace=True),
        )


def begun(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights that keep the variance through a ReLU (He et al., ICCV 2015), and zero bias."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def chain(channels: int, depth: int, width: int) -> nn.Sequential:
    """`depth` 3x3 convolutions with ReLU between them, (B, channels, H, W) to the same shape; receptive radius `depth`.

    The last one is initialised to zero.
    """
    layers: list[nn.Module] = [begun(nn.Conv2d(channels, width, 3, padding=1)), nn.ReLU(inplace=True)]
    for _ in range(depth - 2):
        layers += [begun(nn.Conv2d(width, width, 3, padding=1)), nn.ReLU(inplace=True)]
    last = nn.Conv2d(width, channels, 3, padding=1)
    silence(last)
    return nn.Sequential(*layers, last)


def in_layout(net: nn.Module, layout: torch.memory_format) -> nn.Module:
    """The net with the weights of its 2-D convolutions in a memory layout, in place; other weights have no such one."""
    for parameter in net.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)
    return net
