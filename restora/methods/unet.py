"""U-Net: coarse features at low resolution, fine ones by skip connections; x_hat = y + f(y).

f halves the picture level by level (max pooling) and doubles it again (2x2 up-convolutions); at each level of the
decoder, the features of the encoder are concatenated, so that no detail has to pass the lowest level.
Widths (64, 128, 256, 512, 1024) are the paper's net of 31 M parameters; the default is a sixteenth of it. Restoration
adds two things to the paper: convolutions are padded, and the net predicts the change of y.

O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from restora.nets.blocks import DoubleConvolution, silence


class UNet(nn.Module):
    """(B, C, H, W) damaged to (B, C, H, W) restored; H and W multiples of 2 ** (levels - 1).

    skips: 1 if the features of the encoder go to the decoder; 0 is for comparison only.
    """

    def __init__(self, channels: int = 1, widths: Sequence[int] = (32, 64, 128, 256), skips: int = 1) -> None:
        super().__init__()
        self.skips = skips
        steps = list(pairwise(widths))
        self.down = nn.ModuleList([DoubleConvolution(*pair) for pair in [(channels, widths[0]), *steps]])
        self.halve = nn.MaxPool2d(2)
        self.lift = nn.ModuleList([nn.ConvTranspose2d(deep, fine, 2, stride=2) for fine, deep in reversed(steps)])
        self.up = nn.ModuleList([DoubleConvolution((1 + skips) * fine, fine) for fine, _ in reversed(steps)])
        self.exit = nn.Conv2d(widths[0], channels, 1)
        silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        features = self.down[0](y)
        across = []
        for level in self.down[1:]:
            across.append(features)
            features = level(self.halve(features))
        for lift, level in zip(self.lift, self.up, strict=True):
            lifted = lift(features)
            features = level(torch.cat([across.pop(), lifted], 1) if self.skips else lifted)
        return y + self.exit(features)
