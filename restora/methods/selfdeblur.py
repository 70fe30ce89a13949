"""SelfDeblur (Ren et al., 2020): two untrained nets, one for the picture and one for the kernel, fitted to y alone.

Their outputs, convolved, are pulled towards y. The picture is that of a convolutional net, which learns regular parts
first; the kernel is that of a small net with a softmax. Nothing is learned from data, but it takes minutes.

The nets see the luma. For a grey picture the result is the output of the first net. A colour picture is sharpened with
the kernel that was found, channel by channel, as plug-and-play does.

D. Ren, K. Zhang, Q. Wang, Q. Hu, W. Zuo, "Neural blind deconvolution using deep priors", CVPR 2020.
"""

from collections.abc import Callable

import numpy as np

from restora.core.image import to_grey
from restora.core.method import Made
from restora.learn.games.self_deblur import fit
from restora.nets.blur_kernel import KERNEL_ERRORS, estimate
from restora.nets.deconvolution import edge_note
from restora.nets.plug_and_play import Denoise, denoised_in_turns

ROUNDS = 8
"""Of plug-and-play, for a colour picture."""


def selfdeblur(
    y: np.ndarray,
    sigma: float,
    size: int,
    width: int,
    iterations: int,
    *,
    seed: int,
    tell: Callable[[int, int], None],
    denoise: Denoise,
) -> Made:
    """x_hat and the product `kernel` for y (H, W, C) with white noise sigma on the 0..1 scale.

    size: the side of the kernel in pixels; 0: half as much again as that of the estimate of blind-deconvolution.
    width: channels of the net of the picture. Raises BadImage for a picture that is too small for the kernel.
    """
    first = estimate(y, sigma, size).kernel.shape[0]
    side = first if size else first + first // 2 | 1
    x_hat, kernel, ended = fit(to_grey(y)[:, :, 0], side, width, iterations, sigma, seed=seed, tell=tell)
    sharp = (
        denoised_in_turns(y, kernel, max(sigma, KERNEL_ERRORS), ROUNDS, denoise)
        if y.shape[2] > 1
        else x_hat[:, :, None]
    )
    note = f"{ended}; a kernel of {side}x{side} pixels was found; {edge_note(kernel)}"
    return Made(sharp, {"kernel": kernel}, note)
