"""Attention U-Net: a U-Net whose skip connections are weighted by the features of the deeper level.

For encoder features x and decoder features g of the same size, an additive gate gives each position a weight alpha
in 0..1 and concatenates alpha x instead of x:

    alpha = sigmoid(psi(relu(W_x x + W_g g)))        W_x, W_g and psi are 1x1 convolutions

Widths (64, 128, 256, 512, 1024) give 35 M parameters, the usual size; the default is a sixteenth of it.

O. Oktay et al., "Attention U-Net: learning where to look for the pancreas", MIDL 2018.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from restora.nets.blocks import DoubleConvolution, begun, silence


class AttentionUNet(nn.Module):
    """(B, C, H, W) damaged to (B, C, H, W) restored; H and W multiples of 2 ** (levels - 1)."""

    def __init__(self, channels: int = 1, widths: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.down = nn.ModuleList([DoubleConvolution(*pair) for pair in [(channels, widths[0]), *steps]])
        self.halve = nn.MaxPool2d(2)
        self.lift = nn.ModuleList([_Lift(deep, fine) for fine, deep in reversed(steps)])
        self.gate = nn.ModuleList([Gate(fine) for fine, _ in reversed(steps)])
        self.up = nn.ModuleList([DoubleConvolution(2 * fine, fine) for fine, _ in reversed(steps)])
        self.exit = nn.Conv2d(widths[0], channels, 1)
        silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        return y + self.exit(self.features(y))

    def features(self, y: Tensor) -> Tensor:
        """What the last level knows of each pixel, (B, widths[0], H, W)."""
        features: Tensor = self.down[0](y)
        across = []
        for level in self.down[1:]:
            across.append(features)
            features = level(self.halve(features))
        for lift, gate, level in zip(self.lift, self.gate, self.up, strict=True):
            g = lift(features)
            features = level(torch.cat([gate(across.pop(), g), g], 1))
        return features


class MarkFinder(AttentionUNet):
    """(B, C, H, W) a picture to (B, 1, H, W), the probability that a pixel belongs to a mark on the photograph.

    The net gets, besides the picture, its difference from the local mean, and its top-hats: what is brighter or darker
    than everything that is wider than some pixels, as thin marks are. Squares of 2x2 pixels become channels, without
    loss, so that most of the work is done at half the size; H and W are multiples of 2 ** levels.
    """

    def __init__(self, channels: int = 3, widths: Sequence[int] = (16, 32, 64, 96)) -> None:
        super().__init__(4 * (2 * channels + 2 * len(HATS)), widths)
        self.down = nn.ModuleList([_normalised(level) for level in self.down])
        self.up = nn.ModuleList([_normalised(level) for level in self.up])
        self.apart, self.joined = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.exit = nn.Conv2d(widths[0], 4, 1)
        nn.init.constant_(self.exit.bias, -3)  # type: ignore[arg-type]  # few pixels are marked

    def forward(self, y: Tensor) -> Tensor:
        """sigmoid(f(y))."""
        return torch.sigmoid(self.joined(self.exit(self.features(self.apart(_contrasts(y))))).float())


HATS = (5, 13)
"""Widths in pixels from which things do not show in the top-hats."""
MEAN = 9
"""Side in pixels of the square of the local mean."""
CONTRAST = 4.0
"""Factor by which differences are enlarged, so that the net gets values of about one."""


def _contrasts(y: Tensor) -> Tensor:
    """The picture around mid grey, its difference from the local mean, and its white and black top-hats."""
    parts = [y - 0.5, y - nn.functional.avg_pool2d(y, MEAN, 1, MEAN // 2, count_include_pad=False)]
    grey = y.mean(1, keepdim=True)
    for width in HATS:
        opened = _highest(-_highest(-grey, width), width)
        closed = -_highest(-_highest(grey, width), width)
        parts += [grey - opened, closed - grey]
    return CONTRAST * torch.cat(parts, 1)


def _highest(x: Tensor, width: int) -> Tensor:
    """The maximum of a square around each pixel."""
    rows = nn.functional.max_pool2d(x, (width, 1), 1, (width // 2, 0))
    return nn.functional.max_pool2d(rows, (1, width), 1, (0, width // 2))


class _Norm(nn.BatchNorm2d):
    """Batch normalisation that is a product and a sum when the net is used.

    An exporter would otherwise merge it with the convolution, whose weights could then not be stored as float16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        if self.training or self.running_mean is None or self.running_var is None:
            return super().forward(x)
        scale = self.weight / torch.sqrt(self.running_var + self.eps)
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


def _normalised(block: nn.Module) -> nn.Sequential:
    """A block of convolutions with batch normalisation after each: the net learns from few steps."""
    layers: list[nn.Module] = []
    for layer in block.children():
        layers += [layer, _Norm(layer.out_channels)] if isinstance(layer, nn.Conv2d) else [layer]
    return nn.Sequential(*layers)


class Gate(nn.Module):
    """x (B, C, H, W) times the weight alpha (B, 1, H, W) that x and g, of the same shape, give each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.w_x = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.w_g = nn.Conv2d(channels, channels // 2, 1)
        self.psi = nn.Conv2d(channels // 2, 1, 1)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """alpha x."""
        return x * torch.sigmoid(self.psi(torch.relu(self.w_x(x) + self.w_g(g))))


class _Lift(nn.Sequential):
    """Twice the size by repeating pixels, then a 3x3 convolution with ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        convolution = begun(nn.Conv2d(inputs, outputs, 3, padding=1))
        super().__init__(nn.Upsample(scale_factor=2), convolution, nn.ReLU(inplace=True))
