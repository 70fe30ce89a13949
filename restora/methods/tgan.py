"""TGAN, the temporal GAN: a frame between two others, by 3-D convolutions over frames; x_hat = sum of w_t y_t + r.

The generator sees four pictures in the order of time: the frame before, both frames moved halfway to the middle by
optical flow (nets/halfway.py), and the frame after. It works at half size and below, on features with an axis of time;
its results are a weight for each of the four pictures at each pixel, w, which are positive and add to one, and a
residual, r. At the start of training it gives the mean of the moved frames. A temporal critic sees the frame before,
the middle, and the frame after as one volume, and tells made middles from true ones:

    min over g, max over d:  E |x - g(y)| + a (critic's loss)

The flow is not a part of the net: it looks far, and would make the halo of the net larger than any tile.

C. Vondrick, H. Pirsiavash, A. Torralba, "Generating videos with scene dynamics", NIPS 2016, and M. Saito, E.
Matsumoto, S. Saito, "Temporal generative adversarial nets with singular value clipping", ICCV 2017, for generators and
critics of 3-D convolutions; Z. Liu et al., "Video frame synthesis using deep voxel flow", ICCV 2017, for weights that
choose between frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

TIMES = 4
"""The pictures that the generator sees."""


class TGAN(nn.Module):
    """(B, 4 C, H, W), the frame before, then what is moved from it, what is moved from the one after, and that one, to
    the frame between (B, C, H, W); H and W multiples of 8.

    between: 1; recipes describe input planes by knobs.
    """

    def __init__(
        self, channels: int = 3, widths: Sequence[int] = (16, 24, 32), blocks: int = 2, between: int = 1
    ) -> None:
        super().__init__()
        self.channels = channels
        fine, middle, deep = widths
        self.enter = nn.Conv3d(4 * channels, fine, 3, padding=1)
        self.fine = _blocks(fine, 1)
        self.to_middle = nn.Conv3d(fine, middle, (1, 2, 2), stride=(1, 2, 2))
        self.middle = _blocks(middle, blocks)
        self.to_deep = nn.Conv3d(middle, deep, (1, 2, 2), stride=(1, 2, 2))
        self.deep = _blocks(deep, blocks)
        self.from_deep = nn.ConvTranspose3d(deep, middle, (1, 2, 2), stride=(1, 2, 2))
        self.middle_out = _blocks(middle, 1)
        self.from_middle = nn.ConvTranspose3d(middle, fine, (1, 2, 2), stride=(1, 2, 2))
        self.fine_out = _blocks(fine, 1)
        self.leave = nn.Conv3d(fine, 4 * (TIMES + channels), (TIMES, 3, 3), padding=(0, 1, 1))
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)
        with torch.no_grad():  # logits of the weights: what is moved counts, the frames as they are hardly
            self.leave.bias[4 : 4 * (TIMES - 1)] = 4.0

    def forward(self, y: Tensor) -> Tensor:
        """x_hat."""
        pictures = y.chunk(TIMES, 1)
        fine = self.fine(self.enter(torch.stack([pixel_unshuffle(each, 2) for each in pictures], 2)))
        middle = self.middle(self.to_middle(fine))
        middle = self.middle_out(middle + self.from_deep(self.deep(self.to_deep(middle))))
        fine = self.fine_out(fine + self.from_middle(middle))
        said = pixel_shuffle(self.leave(fine)[:, :, 0], 2)
        weights = torch.softmax(said[:, :TIMES].float(), 1).to(y.dtype)
        chosen = torch.stack([weights[:, n : n + 1] * each for n, each in enumerate(pictures)]).sum(0)
        return chosen + said[:, TIMES:]


class ResidualBlock3d(nn.Module):
    """x + conv(relu(conv(x))), two 3x3x3 convolutions over time, height and width; it starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels, channels, 3, padding=1)
        self.second = nn.Conv3d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        assert self.second.bias is not None
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x with the residual added."""
        return x + self.second(torch.relu(self.first(x)))


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[ResidualBlock3d(channels) for _ in range(count)])
