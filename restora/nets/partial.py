"""Partial averages: a first guess of missing pixels, from means of the known pixels at several scales.

The mean of known pixels only, which divides by their number, is the partial convolution of G. Liu et al., "Image
inpainting for irregular holes using partial convolutions", ECCV 2018, with a constant kernel.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

LEVELS = 4
"""How often the picture is halved; sides must be multiples of 2 ** LEVELS."""
SURE = 0.25
"""Share of known pixels in a block at which its own mean counts as much as that of the next coarser block."""


def first_guess(y: Tensor, missing: Tensor) -> Tensor:
    """y (B, C, H, W) with missing pixels (B, 1, H, W), 1 = missing, replaced by means of known pixels around them.

    Blocks of 2 ** LEVELS pixels without any known pixel become mid grey.
    """
    known = 1 - missing
    sums, shares = [y * known], [known]
    for _ in range(LEVELS):
        sums.append(avg_pool2d(sums[-1], 2))
        shares.append(avg_pool2d(shares[-1], 2))
    guess = torch.full_like(sums[-1], 0.5)
    for level in range(LEVELS, 0, -1):
        share = shares[level]
        mean = sums[level] / share.clamp(min=1e-4)
        weight = share / (share + SURE) * (1 + SURE)  # 1 where all are known
        guess = guess + weight * (mean - guess)
        guess = interpolate(guess, scale_factor=2.0, mode="nearest")
    return sums[0] + missing * guess
