"""Pix2Pix: a U-Net translates a picture of one kind into one of another kind; x_hat = g(y), or y + g(y).

The generator halves the picture at each level by a 4x4 convolution, then doubles it by transposed ones; each level of
the way up also sees the features of the same size of the way down. A critic that sees patches of y and x together
distinguishes real pairs from made ones, and the L1 distance keeps the translation close to the truth:

    min over g, max over d:  E log d(y, x) + E log(1 - d(y, g(y))) + 100 E |x - g(y)|

As in the authors' code, each channel is normalised over the picture, so every pixel depends on the whole of it, and
the picture cannot be computed in tiles. Unlike there, no features are dropped at random: that noise changed their
results very little, and a picture should always give the same result. With residual = 1, for kinds that show the same
scene, the net adds to the picture instead of making it anew, which keeps fine detail; and two more convolutions at full
size, which see the picture before and after, remove the grid that transposed convolutions leave.

P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros, "Image-to-image translation with conditional adversarial networks", CVPR
2017.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from restora.nets.blocks import silence

PAPER = (64, 128, 256, 512, 512, 512, 512, 512)
"""The widths in the paper: 54.4 million parameters, for pictures of 256x256. The shipped nets are narrower."""


class Pix2Pix(nn.Module):
    """(B, C, H, W), with masked = 1 a first guess and a plane where 1 = missing (B, C + 1, H, W), to (B, C, H, W).

    H and W are multiples of 2 ** len(widths), and at least twice that. residual: 1 to add to y. With a mask, only
    missing pixels change.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (24, 48, 96, 128, 128, 128),
        residual: int = 0,
        masked: int = 0,
    ) -> None:
        super().__init__()
        self.channels, self.residual, self.masked = channels, bool(residual), bool(masked)
        self.multiple = 2 ** (len(widths) + 1)  # OpenVINO does not compute a last level of a single pixel
        last = len(widths) - 1
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (inputs, outputs) in enumerate(zip((channels + masked, *widths), widths, strict=False)):
            halve = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            # The first level keeps the brightness. The last one is a single pixel in the paper, and has no spread.
            plain = level in (0, last)
            self.down.append(halve if plain else nn.Sequential(halve, nn.InstanceNorm2d(outputs, affine=True)))
            returned = widths[level - 1] if level else channels
            double = nn.ConvTranspose2d(outputs if level == last else 2 * outputs, returned, 4, stride=2, padding=1)
            self.up.append(nn.Sequential(double, nn.InstanceNorm2d(returned, affine=True)) if level else double)
            if residual and level == 0:
                silence(double)
        if residual:
            smoothing = nn.Conv2d(widths[0], channels, 3, padding=1)
            silence(smoothing)
            seeing = nn.Conv2d(2 * channels, widths[0], 3, padding=1)
            self.finish = nn.Sequential(seeing, nn.ReLU(inplace=True), smoothing)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat."""
        features, across = y, []
        for level, down in enumerate(self.down):
            features = down(features if level == 0 else nn.functional.leaky_relu(features, 0.2))
            across.append(features)
        features = across.pop()
        for up in reversed(self.up):
            features = up(torch.relu(features))
            if across:
                features = torch.cat([features, across.pop()], 1)
        picture = y[:, : self.channels]
        if self.residual:
            x_hat = picture + features
            x_hat = x_hat + self.finish(torch.cat([x_hat, picture], 1))
        else:
            x_hat = (torch.tanh(features) + 1) / 2
        if not self.masked:
            return x_hat
        return picture + y[:, self.channels :] * (x_hat - picture)
