"""DeepDLP, a deep denoiser-led prior: Deep Image Prior that is shown, and held near, what a denoiser makes of y.

The survey of the field names "DeepDLP (unsupervised prior)" without a reference, and no publication of that name is
known. Here it is this: with D(y) what non-local Bayes makes of y, so that nothing is learned from data,

    x_hat = f(z, D(y)),  f = argmin |f(z, D(y)) - y|^2 + strength |f(z, D(y)) - D(y)|^2.

The net begins from a picture instead of noise, which takes it a quarter of the steps; it takes up what D lost, and what
pulls it to D keeps it from taking up the noise. DeepRED, from which the idea comes, has D work on the net's outputs
while it is fitted; here once on y is enough, as D is part of what the net sees.

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
