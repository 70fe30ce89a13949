"""Blind deconvolution: the blur kernel is estimated from the picture, then a trained denoiser sharpens the picture.

The kernel is estimated from coarse to fine. At each size of the picture, salient edges are predicted by deconvolution
with few gradients (an L0 prior), and the kernel is fitted to them by nonnegative least squares. Several sizes of the
kernel are tried; the right one gives the result with the sparsest gradients. Only the luma of the most textured part of
a large picture is used, so the time of this step is limited. The last step is that of plug-and-play, told a noise level
of at least 0.01, because errors of the kernel act as noise.

The blur must be the same everywhere. A sharp picture should not be given: a small blur is found in it too. The position
of the kernel cannot be known: its centre of mass is put in the middle.

L. Xu, S. Zheng, J. Jia, "Unnatural L0 sparse representation for natural image deblurring", CVPR 2013.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.blur_kernel import KERNEL_ERRORS, estimate
from restora.nets.deconvolution import edge_note
from restora.nets.plug_and_play import Denoise, denoised_in_turns


def blind_deconvolution(y: np.ndarray, sigma: float, rounds: int, size: int, *, denoise: Denoise) -> Made:
    """x_hat and the product `kernel` for y (H, W, C) with white noise sigma on the 0..1 scale.

    size: the side of the kernel in pixels; 0: found. denoise: (picture (h, w, C), noise level) denoises the picture in
    place. Raises BadImage for a picture that is too small for the kernel.
    """
    found = estimate(y, sigma, size)
    sigma = max(sigma, KERNEL_ERRORS)
    x_hat = denoised_in_turns(y, found.kernel, sigma, rounds, denoise)
    note = f"{found.note}; sharpened for noise of sigma {sigma:.3g}; {edge_note(found.kernel)}"
    return Made(x_hat, {"kernel": found.kernel}, note)
