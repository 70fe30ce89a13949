"""DeepDLP, a deep denoiser-guided prior: Deep Image Prior with regularisation by denoising joined to it.

The survey of the field names "DeepDLP (unsupervised prior)" without a reference, and no publication of that name is
known. Here it is this: minimise over the net's weights and x

    |f(z) - y|^2 + (strength / 2) x' (x - D(x))   subject to x = f(z),

with D a classical denoiser (non-local means), so that nothing is learned from data. The constraint is held by the
alternating direction method of multipliers: the net is drawn to x - u, then x is one step of the fixed point
x = (strength D(x) + pull (f(z) + u)) / (strength + pull), and u gathers f(z) - x.

After G. Mataev, M. Elad, P. Milanfar, "DeepRED: deep image prior powered by RED", ICCV workshops 2019, and Y. Romano,
M. Elad, P. Milanfar, "The little engine that could: regularization by denoising", SIAM J. Imaging Sciences 2017.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from restora.learn.deep_prior import fit
from restora.nets.non_local_means import non_local_means

EVERY = 10
"""Steps of the net between two of the denoiser, which costs as much as several of them."""


@dataclass
class DenoiserPull:
    """What the net is drawn to: x - u, renewed every few steps."""

    y: np.ndarray
    sigma: float
    strength: float
    pull: float
    x: np.ndarray = field(init=False)
    u: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.x = self._denoised(self.y)
        self.u = np.zeros_like(self.y)

    def __call__(self, step: int, output: np.ndarray) -> np.ndarray:
        """x - u (H, W, C) at a step, given f(z)."""
        if step and step % EVERY == 0:
            quiet = self._denoised(self.x)
            self.x = (self.strength * quiet + self.pull * (output + self.u)) / (self.strength + self.pull)
            self.u = self.u + output - self.x
        return (self.x - self.u).astype(np.float32)

    def _denoised(self, x: np.ndarray) -> np.ndarray:
        return non_local_means(x, self.sigma).astype(np.float32)


def deepdlp(
    y: np.ndarray,
    sigma: float,
    width: int,
    iterations: int,
    *,
    seed: int,
    tell: Callable[[int, int], None],
) -> tuple[np.ndarray, str]:
    """(x_hat, how it ended) for y (H, W, C) with noise sigma; a net of `width` channels."""
    pull = DenoiserPull(y, sigma, strength=0.5, pull=0.5)
    return fit(y, width, iterations, seed, tell, pull, weight=pull.pull / 2)
