"""Fit an untrained net to one picture: f(z) is pulled towards y, and stopped before it learns the noise.

D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep image prior", CVPR 2018: z is fixed noise, jittered at every step, and the
outputs are averaged exponentially. When to stop: H. Wang et al., "Early stopping for deep image prior", TMLR 2023
(arXiv 2021): the variance of successive outputs falls while the picture forms and rises when the noise follows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from restora.core.allocator import keep_freed_memory
from restora.learn.optimiser import layout, precision
from restora.nets.hourglass import GREATEST_STRIDE, Hourglass

DEPTH = 32
"""Channels of z."""
JITTER = 1 / 30
"""Standard deviation of the noise added to z at every step; z itself is uniform on 0..0.1."""
AVERAGE = 0.99
"""Decay of the averaged output, which is the result."""


@dataclass
class RunningVariance:
    """The exponential running variance of outputs, and when it was least (Wang et al., algorithm 2)."""

    patience: int
    share: float = 0.1  # of a new output in mean and variance
    warm_up: int = 100  # steps that say nothing yet
    mean: Tensor | None = None
    variance: float = 0.0
    least: float = float("inf")
    at: int = 0

    def is_least(self, step: int, output: Tensor) -> bool:
        """Take in an output; whether the variance is now the least so far."""
        if self.mean is None:
            self.mean = output.clone()
        away = float(((output - self.mean) ** 2).mean())
        self.variance = (1 - self.share) * (self.variance + self.share * away)
        self.mean.lerp_(output, self.share)
        if step < self.warm_up or self.variance >= self.least:
            return False
        self.least, self.at = self.variance, step
        return True

    def says_stop(self, step: int) -> bool:
        """Whether the least variance lies `patience` steps back."""
        return step >= self.warm_up and step - self.at >= self.patience


def fit(
    y: np.ndarray,
    width: int,
    iterations: int,
    seed: int,
    tell: Callable[[int, int], None],
    guide: np.ndarray | None = None,
    weight: float = 0.0,
) -> tuple[np.ndarray, str]:
    """(x_hat, how it ended) for y (H, W, C) of any size.

    The loss is |f(z) - y|^2, a mean over values; with a guide (H, W, C), an estimate of x that takes the place of
    some channels of z, it is that and weight |f(z) - guide|^2, and all iterations are taken. tell(step, iterations) is
    called after every step. An interruption (Ctrl-C) ends the fit with the best result so far.
    """
    keep_freed_memory()
    torch.manual_seed(seed)
    target = _mirrored(y)
    seen = None if guide is None else _mirrored(guide)
    net = Hourglass(DEPTH, target.shape[1], width).to(memory_format=layout())  # type: ignore[call-overload]
    z = 0.1 * torch.rand(1, DEPTH, *target.shape[2:])
    if seen is not None:
        z[:, : seen.shape[1]] = seen
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    rule = RunningVariance(patience=max(200, iterations // 4))
    average = best = torch.full_like(target, 0.5)
    ended, done = f"all {iterations} steps were taken", 0
    try:
        for step in range(iterations):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision() is torch.bfloat16):
                output = net(z + JITTER * torch.randn_like(z))
            loss = mse_loss(output, target)
            if seen is not None:
                loss = loss + weight * mse_loss(output, seen)
            adam.zero_grad()
            loss.backward()
            adam.step()
            average = torch.lerp(output.detach(), average, min(AVERAGE, step / (10 + step)))
            done = step + 1
            tell(done, iterations)
            if seen is not None:  # what holds it to the guide keeps it from the noise
                continue
            if rule.is_least(step, output.detach()):
                best = average
            if rule.says_stop(step):
                ended = f"stopped at step {step + 1}, as the outputs were steadiest at {rule.at + 1}"
                break
    except KeyboardInterrupt:
        if not done:
            raise
        ended = f"interrupted after step {done}; this is the best result so far"
    return _picture(best if rule.at else average, y.shape), ended


def _mirrored(y: np.ndarray) -> Tensor:
    """(H, W, C) as (1, C, H', W'), continued by mirroring to multiples of the net's stride, at least twice that."""
    pads = [(0, max(2 * GREATEST_STRIDE, -(-side // GREATEST_STRIDE) * GREATEST_STRIDE) - side) for side in y.shape[:2]]
    return torch.from_numpy(np.pad(y, (*pads, (0, 0)), mode="symmetric").transpose(2, 0, 1)[None].copy())


def _picture(output: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    return output[0, :, : shape[0], : shape[1]].numpy().transpose(1, 2, 0).copy()
