"""Fit an untrained net to one picture: f(z) is pulled towards y, and stopped before it fits the noise.

D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep image prior", CVPR 2018: z is fixed noise, jittered at every step, and the
outputs are averaged exponentially. Stopping: H. Wang et al., "Early stopping for deep image prior", TMLR 2023
(arXiv 2021): the variance of successive outputs falls while the net fits the picture and rises when it fits the noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from restora.learn.device import Device, device_named
from restora.learn.game import Batch, Game, Nets, Player
from restora.learn.loop import Progress, Schedule, Watch, descend
from restora.learn.optimiser import Rates
from restora.nets.hourglass import GREATEST_STRIDE, Hourglass

DEPTH = 32
"""Channels of z."""
JITTER = 1 / 30
"""Standard deviation of the noise added to z at every step; z itself is uniform on 0..0.1."""
AVERAGE = 0.99
"""Decay of the averaged output, which is the result."""


@dataclass
class RunningVariance:
    """The exponential running variance of outputs, and the step of its minimum (Wang et al., algorithm 2)."""

    patience: int
    share: float = 0.1  # weight of a new output in mean and variance
    warm_up: int = 100  # initial steps that are ignored
    mean: Tensor | None = None
    variance: float = 0.0
    least: float = float("inf")
    at: int = 0

    def is_least(self, step: int, output: Tensor) -> bool:
        """Add an output; returns whether the variance is now the minimum so far."""
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
        """Whether the minimum of the variance was `patience` steps ago."""
        return step >= self.warm_up and step - self.at >= self.patience


class Fit:
    """The game for one picture: its only player pulls f(z) towards y, and towards a guide if there is one.

    It also holds the state of the stopping rule: the averaged output, and the best of it so far.
    """

    def __init__(
        self, target: Tensor, guide: Tensor | None, width: int, weight: float, patience: int, known: Tensor | None
    ) -> None:
        """target, guide: (1, C, H, W), sides multiples of GREATEST_STRIDE; guide replaces some channels of z.

        known: (1, 1, H, W), 1 where the target counts; None: everywhere.
        """
        self.target, self.guide, self.weight, self.known = target, guide, weight, known
        net = Hourglass(DEPTH, target.shape[1], width)
        z = 0.1 * torch.rand(1, DEPTH, *target.shape[2:])
        if guide is not None:
            z[:, : guide.shape[1]] = guide
        self.z = z
        self.rule = RunningVariance(patience)
        self.average = self.best = torch.full_like(target, 0.5)
        self.output = self.average
        self.game = Game({"f": net}, [Player(("f",), self.loss, Rates(lr=0.01, muon=False, clip=None))])

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """z, the same at every step."""
        return {"z": self.z.numpy()}

    def shared(self, folder: Path) -> "Fit":
        """The same batches: there is one picture."""
        return self

    def loss(self, nets: Nets, batch: Batch) -> Tensor:
        """|f(z) - y|^2, averaged over known values, plus weight |f(z) - guide|^2."""
        z = batch["z"]
        output = nets["f"](z + JITTER * torch.randn_like(z))
        self.output = output.detach()
        if self.known is None:
            loss = mse_loss(output, self.target)
        else:
            loss = (self.known * (output - self.target)).square().mean() / self.known.mean()
        return loss if self.guide is None else loss + self.weight * mse_loss(output, self.guide)

    def follow(self, progress: Progress) -> bool:
        """Add the output of a step; returns whether to stop."""
        step = progress.step - 1
        self.average = torch.lerp(self.output, self.average, min(AVERAGE, step / (10 + step)))
        if self.guide is not None or self.known is not None:  # the guide, or the hole, keeps it from fitting the noise
            return False
        if self.rule.is_least(step, self.output):
            self.best = self.average
        return self.rule.says_stop(step)

    @property
    def result(self) -> Tensor:
        """The averaged output at the minimum of the variance, or the last one."""
        return self.best if self.rule.at else self.average


def fit(
    y: np.ndarray,
    width: int,
    iterations: int,
    seed: int,
    tell: Callable[[int, int], None],
    guide: np.ndarray | None = None,
    weight: float = 0.0,
    missing: np.ndarray | None = None,
) -> tuple[np.ndarray, str]:
    """(x_hat, why it ended) for y (H, W, C) of any size.

    missing: (H, W) bool, pixels of y that do not count; then all iterations are run.

    The loss is |f(z) - y|^2, averaged over values. With a guide (H, W, C), an estimate of x that replaces some channels
    of z, weight |f(z) - guide|^2 is added, and all iterations are run. tell(step, iterations) is called after every
    step. An interruption (Ctrl-C) ends the fit with the best result so far.
    """
    device: Device = device_named("cpu")
    torch.manual_seed(seed)
    known = None if missing is None else _mirrored((~missing[:, :, None]).astype(np.float32))
    patience = max(200, iterations // 4)
    mine = Fit(_mirrored(y), None if guide is None else _mirrored(guide), width, weight, patience, known)
    ended, done = f"all {iterations} steps were taken", 0

    def stop(progress: Progress) -> bool:
        nonlocal ended, done
        time_to_stop = mine.follow(progress)
        done = progress.step
        if time_to_stop:
            ended = f"stopped at step {done}, as the outputs were steadiest at {mine.rule.at + 1}"
        tell(done, iterations)
        return time_to_stop

    constant = Schedule(iterations, warm_up=0, decay=0.0, ema=None, validate_every=iterations)
    try:
        descend(mine.game, mine, constant, device, watch=Watch(stop=stop))
    except KeyboardInterrupt:
        if not done:
            raise
        ended = f"interrupted after step {done}; this is the best result so far"
    return _picture(mine.result, y.shape), ended


def _mirrored(y: np.ndarray) -> Tensor:
    """(H, W, C) as (1, C, H', W'), padded by mirroring to multiples of the net's stride, at least twice the stride."""
    pads = [(0, max(2 * GREATEST_STRIDE, -(-side // GREATEST_STRIDE) * GREATEST_STRIDE) - side) for side in y.shape[:2]]
    return torch.from_numpy(np.pad(y, (*pads, (0, 0)), mode="symmetric").transpose(2, 0, 1)[None].copy())


def _picture(output: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    return output[0, :, : shape[0], : shape[1]].numpy().transpose(1, 2, 0).copy()
