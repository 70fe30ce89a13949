"""The critic of an adversarial game: is a patch real or generated?"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class Critic(nn.Module):
    """(B, C, H, W) to (B, 1, H / 2^n, W / 2^n), above zero where a patch is judged real; n is the number of widths.

    Pairs of 3x3 convolutions, the second halving the size, as in Ledig et al., "Photo-realistic single image
    super-resolution using a generative adversarial network", CVPR 2017. Unlike there, it judges patches (as in
    Isola et al., CVPR 2017), not the whole picture, and uses group normalisation, not batch normalisation.
    """

    def __init__(self, channels: int = 3, widths: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for inputs, outputs in pairwise([channels, *widths]):
            for entering, stride in ((inputs, 1), (outputs, 2)):
                self.layers.append(nn.Conv2d(entering, outputs, 3, stride, padding=1))
                self.layers.append(nn.GroupNorm(8, outputs))
                self.layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.layers.append(nn.Conv2d(widths[-1], 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The judgements."""
        return self.layers(x)


class PatchGAN(nn.Module):
    """(B, planes, H, W) to (B, 1, h, w), above zero where a patch of 70x70 pixels is judged real; h is about H / 8.

    Three 4x4 convolutions that halve the size, one that does not, and the judgement, with instance normalisation:
    Isola et al., "Image-to-image translation with conditional adversarial networks", CVPR 2017, with width 64.
    """

    def __init__(self, planes: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(planes, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True))
        for inputs, outputs, stride in ((width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)):
            self.layers.append(nn.Conv2d(inputs, outputs, 4, stride, padding=1))
            self.layers.append(nn.InstanceNorm2d(outputs, affine=True))
            self.layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.layers.append(nn.Conv2d(8 * width, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """The judgements."""
        return self.layers(x)


class TemporalCritic(nn.Module):
    """Judges whether the frame between two others is real: a volume of three frames, patches of space and time.

    (B, 5 C, H, W), the four pictures that the generator sees (methods/tgan.py) and the middle frame, to (B, 1, h, w), h
    about H / 8. 3-D convolutions with instance normalisation: Saito, Matsumoto and Saito, "Temporal generative
    adversarial nets", ICCV 2017, made shorter, as there are only three frames.
    """

    def __init__(self, channels: int = 3, width: int = 32) -> None:
        super().__init__()
        self.channels = channels
        self.layers = nn.Sequential(
            nn.Conv3d(channels, width, (3, 4, 4), stride=(1, 2, 2), padding=1), nn.LeakyReLU(0.2, inplace=True)
        )
        for inputs, outputs in ((width, 2 * width), (2 * width, 4 * width)):
            self.layers.append(nn.Conv3d(inputs, outputs, (3, 4, 4), stride=(1, 2, 2), padding=1))
            self.layers.append(nn.InstanceNorm3d(outputs, affine=True))
            self.layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.layers.append(nn.Conv3d(4 * width, 1, (3, 3, 3), padding=(0, 1, 1)))

    def forward(self, seen: Tensor) -> Tensor:
        """The judgements."""
        pictures = seen.split(self.channels, 1)
        volume = torch.stack([pictures[0], pictures[4], pictures[3]], 2)
        return self.layers(volume)[:, :, 0]
