"""Fit two untrained nets to one blurred picture: g(z_k) * f(z_x) is pulled towards y, so f shows x and g the kernel.

f is the hourglass of Deep Image Prior. g is a small fully connected net that ends in a softmax, so the kernel is not
negative and has the sum 1. The first part of the steps uses the squared error, the rest 1 - SSIM. For a noisy picture
the total variation of f is added, with the weight that it has in deconvolution.

D. Ren, K. Zhang, Q. Wang, Q. Hu, W. Zuo, "Neural blind deconvolution using deep priors", CVPR 2020.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, mse_loss

from restora.learn.device import device_named
from restora.learn.game import Batch, Game, Nets, Player
from restora.learn.loop import Progress, Schedule, Watch, descend
from restora.learn.optimiser import Rates
from restora.nets.blur_kernel import centred, middle_of
from restora.nets.hourglass import GREATEST_STRIDE, Hourglass
from restora.nets.total_variation import WEIGHT

DEPTH = 8
"""Channels of z_x."""
Z_KERNEL, HIDDEN = 200, 1000
"""Values of z_k, and units of the hidden layer of g."""
JITTER = 0.001
"""Standard deviation of the noise added to z_x at every step; z itself is uniform on 0..0.1."""
SQUARED = 0.2
"""Share of the steps with the squared error."""
AVERAGE = 0.98
"""Decay of the averaged picture and kernel, which are the result."""
NOISY = 0.012
"""Noise level from which the total variation is added."""


class Fit:
    """The game for one picture. Each player takes what the other net gave last as constant."""

    def __init__(self, y: Tensor, side: int, width: int, iterations: int, sigma: float) -> None:
        """y: (1, 1, H, W). side: of the kernel, odd."""
        self.y, self.side, self.done, self.squared = y, side, 0, round(SQUARED * iterations)
        self.variation = 2 * WEIGHT * sigma**2 if sigma >= NOISY else 0.0
        self.size = y.shape[2] + side - 1, y.shape[3] + side - 1
        whole = [-(-length // GREATEST_STRIDE) * GREATEST_STRIDE for length in self.size]
        self.z = 0.1 * torch.rand(1, DEPTH, *(max(2 * GREATEST_STRIDE, length) for length in whole))
        self.z_kernel = 0.1 * torch.rand(Z_KERNEL)
        f = Hourglass(DEPTH, 1, width, skip=16)
        g = nn.Sequential(nn.Linear(Z_KERNEL, HIDDEN), nn.ReLU6(), nn.Linear(HIDDEN, side**2), nn.Softmax(0))
        with torch.no_grad():
            self.kernel = self.average_kernel = g(self.z_kernel).view(side, side)
        self.x = self.average = torch.full((1, 1, *self.size), 0.5)
        players = [
            Player(("f",), self.loss_of_picture, Rates(lr=0.01, muon=False, clip=None)),
            Player(("g",), self.loss_of_kernel, Rates(lr=1e-4, muon=False, clip=None)),
        ]
        self.game = Game({"f": f, "g": g}, players)

    def batch(self, step: int, rank: int, processes: int) -> dict[str, np.ndarray]:
        """z of the picture, the same at every step."""
        return {"z": self.z.numpy()}

    def shared(self, folder: Path) -> "Fit":
        """The same batches: there is one picture."""
        return self

    def loss_of_picture(self, nets: Nets, batch: Batch) -> Tensor:
        """The distance of k * f(z) to y, with k as g gave it last."""
        z = batch["z"]
        x = nets["f"](z + JITTER * torch.randn_like(z))[:, :, : self.size[0], : self.size[1]]
        self.x = x.detach()
        loss = self._distance(x, self.kernel)
        if self.variation:
            down, right = x[:, :, 1:, 1:] - x[:, :, :-1, 1:], x[:, :, 1:, 1:] - x[:, :, 1:, :-1]
            loss = loss + self.variation * (down**2 + right**2 + 1e-8).sqrt().mean()
        return loss

    def loss_of_kernel(self, nets: Nets, batch: Batch) -> Tensor:
        """The distance of g(z_k) * x to y, with x as f gave it in this step."""
        with _in_f32():
            kernel = nets["g"](self.z_kernel).view(self.side, self.side)
        loss = self._distance(self.x, kernel)
        self.kernel = kernel.detach()
        return loss

    def _distance(self, x: Tensor, kernel: Tensor) -> Tensor:
        with _in_f32():
            blurred = _convolved(x, kernel)
            return mse_loss(blurred, self.y) if self.done < self.squared else 1 - _ssim(blurred, self.y)

    def follow(self, progress: Progress) -> None:
        """Add the outputs of a step to the averages."""
        self.done = progress.step
        share = max(1 - AVERAGE, 1 / progress.step)
        self.average = torch.lerp(self.average, self.x, share)
        self.average_kernel = torch.lerp(self.average_kernel, self.kernel, share)

    @property
    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """The picture (H, W) and the kernel (side, side), centred: the nets are free to shift both."""
        kernel = self.average_kernel.numpy().astype(np.float64)
        top, left = (self.side - 1 - middle for middle in middle_of(kernel))
        x_hat = self.average[0, 0, top : top + self.y.shape[2], left : left + self.y.shape[3]]
        return x_hat.numpy().copy(), centred(kernel, self.side)


def fit(
    y: np.ndarray, side: int, width: int, iterations: int, sigma: float, *, seed: int, tell: Callable[[int, int], None]
) -> tuple[np.ndarray, np.ndarray, str]:
    """(x_hat, kernel (side, side), how it ended) for a plane y (H, W) with white noise sigma on the 0..1 scale.

    side: an odd number. tell(step, iterations) is called after every step. An interruption (Ctrl-C) ends the fit with
    the result so far.
    """
    torch.manual_seed(seed)
    mine = Fit(torch.from_numpy(y[None, None].copy()), side, width, iterations, sigma)

    def stop(progress: Progress) -> bool:
        mine.follow(progress)
        tell(progress.step, iterations)
        return False

    ended = f"all {iterations} steps were taken"
    falling = Schedule(iterations, warm_up=0, decay=0.6, ema=None, validate_every=iterations)
    try:
        descend(mine.game, mine, falling, device_named("cpu"), watch=Watch(stop=stop))
    except KeyboardInterrupt:
        if not mine.done:
            raise
        ended = f"interrupted after step {mine.done}; this is the result so far"
    return *mine.result, ended


def _in_f32() -> torch.autocast:
    """Where rounding to bf16 would be as large as the noise."""
    return torch.autocast("cpu", enabled=False)


def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
    """k * x where the kernel (side, side) lies inside x (1, 1, H, W): (1, 1, H - side + 1, W - side + 1).

    By the Fourier transform: conv2d makes a copy of x for each pixel of the kernel, and is fifty times slower.
    """
    side, size = kernel.shape[0], [next_fast_len(length, real=True) for length in x.shape[2:]]
    whole = torch.fft.irfft2(torch.fft.rfft2(x, size) * torch.fft.rfft2(kernel, size), size)
    return whole[:, :, side - 1 : x.shape[2], side - 1 : x.shape[3]]


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    """The mean structural similarity of (1, 1, H, W) on the 0..1 scale, with windows of 7x7 and their variances."""
    side = min(7, *a.shape[2:])

    def mean(values: Tensor) -> Tensor:
        return avg_pool2d(values, side, 1)

    of_a, of_b = mean(a), mean(b)
    both, squares = mean(a * b) - of_a * of_b, mean(a**2) + mean(b**2) - of_a**2 - of_b**2
    light = (2 * of_a * of_b + 0.01**2) / (of_a**2 + of_b**2 + 0.01**2)
    return (light * (2 * both + 0.03**2) / (squares + 0.03**2)).mean()
