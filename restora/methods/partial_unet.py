"""A U-Net that is told the mask: x_hat = y where pixels are known, and g + f(g, mask) where they are missing.

g is a first guess, a smooth surface through the known pixels (nets/first_guess.py), which is the input of the net. f
works at half size and below: pixel-unshuffle by 2, then a U-Net of four levels with plain residual blocks. As at the
flagship (methods/restora.py) there is no normalisation and there are no global statistics, so each pixel depends on a
bounded neighbourhood and tiles are exact. Known pixels pass unchanged, so the loss is one of missing pixels only.

O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015; the mask after G. Liu et al., "Image inpainting for
irregular holes using partial convolutions", ECCV 2018, where each convolution divides by the number of known pixels;
here only the averages of the first guess do, and the mask enters as a plane, by which the net may learn gates, as in
J. Yu et al., "Free-form image inpainting with gated convolution", ICCV 2019.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from restora.nets.blocks import ResidualBlock, silence


class PartialUNet(nn.Module):
    """(B, C + 1, H, W), a first guess and a plane where 1 = missing, to (B, C, H, W) filled; H and W multiples of 16.

    masked: 1; a net without the mask does not exist. The knob is there because recipes describe input planes by knobs.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (32, 64, 96, 96),
        blocks: Sequence[int] = (2, 2, 1, 3),
        masked: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        steps = list(pairwise(widths))
        self.door = nn.Conv2d((channels + masked) * 4, widths[0], 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(fine, deep, 2, stride=2) for fine, deep in steps])
        self.up = nn.ModuleList([nn.ConvTranspose2d(deep, fine, 2, stride=2) for fine, deep in steps])
        self.encoder = nn.ModuleList([_blocks(*level) for level in zip(widths, blocks, strict=True)])
        self.decoder = nn.ModuleList([_blocks(*level) for level in zip(widths[:-1], blocks[:-1], strict=True)])
        self.exit = nn.Conv2d(widths[0], channels * 4, 3, padding=1)
        silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat."""
        features = self.encoder[0](self.door(pixel_unshuffle(y, 2)))
        across = []
        for halve, level in zip(self.down, self.encoder[1:], strict=True):
            across.append(features)
            features = level(halve(features))
        for double, level in zip(reversed(self.up), reversed(self.decoder), strict=True):
            features = level(across.pop() + double(features))
        return y[:, : self.channels] + y[:, self.channels :] * pixel_shuffle(self.exit(features), 2)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock(channels) for _ in range(count)])
