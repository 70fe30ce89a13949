"""The hourglass with thin skips of Deep Image Prior (Ulyanov et al., CVPR 2018, figure 21 of the long version)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

GREATEST_STRIDE = 32
"""Height and width must be multiples of it."""


class Hourglass(nn.Module):
    """(1, inputs, H, W) to (1, outputs, H, W) on the 0..1 scale; five levels; batch norm always uses the batch."""

    def __init__(self, inputs: int, outputs: int, width: int, skip: int = 4) -> None:
        super().__init__()
        level: nn.Module = nn.Identity()
        for depth in range(5):
            level = _Level(inputs if depth == 4 else width, width, skip, level)
        self.body = level
        self.exit = nn.Conv2d(width, outputs, 1)

    def forward(self, z: Tensor) -> Tensor:
        """f(z), through a sigmoid at the end."""
        return torch.sigmoid(self.exit(self.body(z)).float())  # in f32 even if the rest computes in bf16


class _Level(nn.Module):
    """Halve the size, apply the deeper levels, double the size, with a thin skip around."""

    def __init__(self, inputs: int, width: int, skip: int, deeper: nn.Module) -> None:
        super().__init__()
        self.around = _layer(inputs, skip, 1)
        self.down = nn.Sequential(_layer(inputs, width, 3, stride=2), _layer(width, width, 3), deeper)
        self.up = nn.Sequential(nn.BatchNorm2d(skip + width), _layer(skip + width, width, 3), _layer(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        deep = interpolate(self.down(x), scale_factor=2, mode="bilinear", align_corners=False)
        return self.up(torch.cat([self.around(x), deep], 1))


def _layer(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, padding_mode="reflect"),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )
