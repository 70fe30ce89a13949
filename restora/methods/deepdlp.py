"""DeepDLP, a deep denoiser-led prior: Deep Image Prior guided by the result of a denoiser.

The survey of the field names "DeepDLP (unsupervised prior)" without a reference, and no publication of that name is
known. Here it means this: with D(y) the result of non-local Bayes, so that nothing is learned from data,

    x_hat = f(z, D(y)),  f = argmin |f(z, D(y)) - y|^2 + strength |f(z, D(y)) - D(y)|^2.

The net starts from a picture instead of noise, so it needs only a quarter of the steps. It learns the detail that D
lost, and the second term keeps it from learning the noise. DeepRED, the source of the idea, applies D to the net's
outputs during the fit; here once on y is enough, because D(y) is an input of the net.

After G. Mataev, M. Elad, P. Milanfar, "DeepRED: deep image prior powered by RED", ICCV workshops 2019.
"""

from collections.abc import Callable

import numpy as np

from restora.core.method import Made
from restora.learn.games.per_image import fit
from restora.nets.non_local_bayes import non_local_bayes

STRENGTH = 1.0


def deepdlp(
    y: np.ndarray,
    sigma: float,
    width: int,
    iterations: int,
    *,
    seed: int,
    tell: Callable[[int, int], None],
) -> Made:
    """x_hat, and how the fit ended, for y (H, W, C) with noise sigma; a net of `width` channels."""
    x_hat, ended = fit(y, width, iterations, seed, tell, guide=non_local_bayes(y, sigma), weight=STRENGTH)
    return Made(x_hat, note=ended)
