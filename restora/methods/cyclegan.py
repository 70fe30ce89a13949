"""CycleGAN: translate pictures of one kind into another kind, learned without pairs; x_hat = f(y), or y + f(y).

Two nets are trained together, f from y to x and g from x to y, on pictures that show different scenes. A critic for
each kind says whether translations look like that kind, and the way there and back must end where it began:

    d_x(f(y)) and d_y(g(x)) look real,  g(f(y)) = y,  f(g(x)) = x

The net: a 7x7 convolution, two that halve the size, residual blocks, two that double it, and a 7x7 convolution. As in
the paper each channel is normalised over the picture, so every pixel depends on the whole of it, and the picture
cannot be computed in tiles. With residual = 1 the net adds to the picture instead of making it anew, which keeps fine
detail where both kinds show the same scene.

J.-Y. Zhu, T. Park, P. Isola, A. A. Efros, "Unpaired image-to-image translation using cycle-consistent adversarial
networks", ICCV 2017; the net after J. Johnson, A. Alahi, L. Fei-Fei, "Perceptual losses for real-time style transfer
and super-resolution", ECCV 2016.
"""

import torch
from torch import Tensor, nn

from restora.nets.blocks import silence


class CycleGAN(nn.Module):
    """(B, C, H, W) to the same shape; H and W are multiples of 4. The paper has width 64 and 9 blocks: 11.4 million.

    residual: 1 to add to y.
    """

    def __init__(self, channels: int = 3, width: int = 64, blocks: int = 9, residual: int = 0) -> None:
        super().__init__()
        self.residual = bool(residual)
        deep = 4 * width
        self.enter = nn.Sequential(
            *_layer(nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect")),
            *_layer(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *_layer(nn.Conv2d(2 * width, deep, 3, stride=2, padding=1)),
        )
        self.blocks = nn.ModuleList([_block(deep) for _ in range(blocks)])
        self.leave = nn.Sequential(
            *_layer(nn.ConvTranspose2d(deep, 2 * width, 3, stride=2, padding=1, output_padding=1)),
            *_layer(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)),
        )
        self.exit = nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect")
        if residual:
            silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat."""
        features = self.enter(y)
        for block in self.blocks:
            features = features + block(features)
        made = self.exit(self.leave(features))
        return y + made if self.residual else (torch.tanh(made) + 1) / 2


def _layer(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels, affine=True), nn.ReLU()]


def _block(channels: int) -> nn.Sequential:
    """The change that a residual block adds."""
    first, second = (nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect") for _ in range(2))
    return nn.Sequential(*_layer(first), second, nn.InstanceNorm2d(channels, affine=True))
