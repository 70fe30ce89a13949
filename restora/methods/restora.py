"""Restora, the flagship: a blind denoiser made for the CPU, x_hat = y + f(y).

f works at half size and below: pixel-unshuffle by 2 (no pixel is lost, a quarter of the positions), then a U-Net of
three levels with plain residual blocks (3x3 convolutions and ReLU). It has no normalisation, no attention and no
global statistics, so that each output pixel depends on a bounded neighbourhood (tiles are exact), int8 is cheap, and
most of the arithmetic runs where pictures are small. f estimates the kind and level of the noise from the picture; a
known sigma of white noise can be given as a plane, where zero means unknown (as in FFDNet, but optional).

The shape follows Ronneberger et al., "U-Net", MICCAI 2015; the residual blocks Lim et al., "EDSR", CVPRW 2017;
the unshuffled door Zhang et al., "FFDNet", IEEE TIP 2018.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from restora.nets.blocks import ResidualBlock, silence


class Restora(nn.Module):
    """(B, C + told, H, W) damaged to (B, C, H, W) restored; H and W multiples of 8.

    told: 1 if a plane with sigma of the noise follows the C channels, 0 if not. frames: of a clip; the other frames
    follow the one that is restored, in the order of time.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (48, 96, 192),
        blocks: Sequence[int] = (2, 3, 4),
        told: int = 0,
        frames: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        half, quarter, eighth = widths
        self.door = nn.Conv2d((frames * channels + told) * 4, half, 3, padding=1)
        self.half_in = _blocks(half, blocks[0])
        self.to_quarter = nn.Conv2d(half, quarter, 2, stride=2)
        self.quarter_in = _blocks(quarter, blocks[1])
        self.to_eighth = nn.Conv2d(quarter, eighth, 2, stride=2)
        self.eighth = _blocks(eighth, blocks[2])
        self.from_eighth = nn.ConvTranspose2d(eighth, quarter, 2, stride=2)
        self.quarter_out = _blocks(quarter, blocks[1])
        self.from_quarter = nn.ConvTranspose2d(quarter, half, 2, stride=2)
        self.half_out = _blocks(half, blocks[0])
        self.exit = nn.Conv2d(half, channels * 4, 3, padding=1)
        silence(self.exit)

    def forward(self, y: Tensor) -> Tensor:
        """x_hat = y + f(y)."""
        half = self.half_in(self.door(pixel_unshuffle(y, 2)))
        quarter = self.quarter_in(self.to_quarter(half))
        quarter = self.quarter_out(quarter + self.from_eighth(self.eighth(self.to_eighth(quarter))))
        half = self.half_out(half + self.from_quarter(quarter))
        return y[:, : self.channels] + pixel_shuffle(self.exit(half), 2)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock(channels) for _ in range(count)])
