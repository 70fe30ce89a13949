"""A multi-scale net for motion blur whose kernel is unknown and may differ from place to place.

The flagship (methods/restora.py), with one more level below, which looks twice as far, and coarse to fine: the picture
enters at four scales, and leaves at three, each a residual added to the picture at that scale. The coarse outputs are
trained against the clean picture shrunk alike, so that coarse levels undo large motion before fine ones add detail;
only the finest is the result. What is new adds nothing before it is trained, so that training can start from weights of
the flagship. Plain 3x3 convolutions and ReLU, no normalisation and no global statistics: tiles are exact.

After S. Nah, T. H. Kim, K. M. Lee, "Deep multi-scale convolutional neural network for dynamic scene deblurring", CVPR
2017, and S.-J. Cho et al., "Rethinking coarse-to-fine approach in single image deblurring" (MIMO-UNet), ICCV 2021.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pixel_shuffle, pixel_unshuffle

from restora.nets.blocks import ResidualBlock, silence


class Motion(nn.Module):
    """(B, C, H, W) blurred to (B, C, H, W) sharp; H and W multiples of 16.

    In training the answer is a list: the result, and the estimates at half and a quarter of its size.
    """

    def __init__(
        self, channels: int = 3, widths: Sequence[int] = (48, 96, 192, 64), blocks: Sequence[int] = (2, 3, 4, 2)
    ) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        inside = channels * 4
        self.door = nn.Conv2d(inside, half, 3, padding=1)
        self.half_in = _blocks(half, blocks[0])
        self.to_quarter = nn.Conv2d(half, quarter, 2, stride=2)
        self.door_quarter = _silent(inside, quarter)
        self.quarter_in = _blocks(quarter, blocks[1])
        self.to_eighth = nn.Conv2d(quarter, eighth, 2, stride=2)
        self.door_eighth = _silent(inside, eighth)
        self.to_sixteenth = nn.Conv2d(eighth, sixteenth, 2, stride=2)
        self.door_sixteenth = _silent(inside, sixteenth)
        self.sixteenth = _blocks(sixteenth, blocks[3])
        self.from_sixteenth = nn.ConvTranspose2d(sixteenth, eighth, 2, stride=2)
        silence(self.from_sixteenth)
        self.eighth = _blocks(eighth, blocks[2])
        self.exit_eighth = _silent(eighth, inside)
        self.from_eighth = nn.ConvTranspose2d(eighth, quarter, 2, stride=2)
        self.quarter_out = _blocks(quarter, blocks[1])
        self.exit_quarter = _silent(quarter, inside)
        self.from_quarter = nn.ConvTranspose2d(quarter, half, 2, stride=2)
        self.half_out = _blocks(half, blocks[0])
        self.exit = _silent(half, inside)

    def forward(self, y: Tensor) -> Tensor | list[Tensor]:
        """x_hat = y + f(y); in training with the coarse estimates."""
        y2, y4, y8 = (avg_pool2d(y, times) for times in (2, 4, 8))
        half = self.half_in(self.door(pixel_unshuffle(y, 2)))
        quarter = self.quarter_in(self.to_quarter(half) + self.door_quarter(pixel_unshuffle(y2, 2)))
        eighth = self.to_eighth(quarter) + self.door_eighth(pixel_unshuffle(y4, 2))
        deep = self.sixteenth(self.to_sixteenth(eighth) + self.door_sixteenth(pixel_unshuffle(y8, 2)))
        eighth = self.eighth(eighth + self.from_sixteenth(deep))
        quarter = self.quarter_out(quarter + self.from_eighth(eighth))
        half = self.half_out(half + self.from_quarter(quarter))
        x_hat = y + pixel_shuffle(self.exit(half), 2)
        if not self.training:
            return x_hat
        at_half = y2 + pixel_shuffle(self.exit_quarter(quarter), 2)
        return [x_hat, at_half, y4 + pixel_shuffle(self.exit_eighth(eighth), 2)]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock(channels) for _ in range(count)])


def _silent(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution that begins as zero."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    silence(layer)
    return layer
