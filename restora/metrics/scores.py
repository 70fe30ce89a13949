"""PSNR and SSIM, and PSNR-B if the protocol asks for it, of a restored picture against its reference."""

import math
from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

from restora.core.errors import RestoraError
from restora.metrics.blocking import psnr_b
from restora.metrics.protocol import Protocol


@dataclass(frozen=True)
class Scores:
    """psnr in dB (infinite if equal), ssim at most 1; higher is better. Includes the protocol.

    psnr_b: in dB, if the protocol has a block size.
    """

    psnr: float
    ssim: float
    protocol: Protocol
    psnr_b: float | None = None


def measure(x_hat: np.ndarray, x: np.ndarray, protocol: Protocol, scale: int = 1) -> Scores:
    """Scores of x_hat against the reference x, both (H, W, C) on the 0..1 scale.

    A grey picture is compared with one in colour as colour. Raises RestoraError if the sizes differ.
    """
    if x_hat.shape[:2] != x.shape[:2]:
        sizes = [f"{side.shape[1]}x{side.shape[0]}" for side in (x_hat, x)]
        raise RestoraError(f"the pictures must have the same size, not {sizes[0]} and {sizes[1]}")
    if x_hat.shape[2] != x.shape[2]:
        x_hat, x = (np.repeat(side, 3, 2) if side.shape[2] == 1 else side for side in (x_hat, x))
    a, b = protocol.prepare(x_hat, scale), protocol.prepare(x, scale)
    in_blocks = psnr_b(a, b, protocol.blocks) if protocol.blocks else None
    return Scores(psnr(a, b), ssim(a, b, protocol.ssim), protocol, in_blocks)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """10 log10(255^2 / mean squared error) of values on 0..255, over all channels at once."""
    error = float(np.mean((a - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(a: np.ndarray, b: np.ndarray, variant: str = "wang") -> float:
    """Structural similarity (Wang et al., 2004, eq. 13) of (H, W, C) on 0..255, the mean over channels.

    "wang": the authors' ssim_index.m: Gaussian 11x11 window of sigma 1.5, population covariance, valid region.
    "uniform": scikit-image's default, a 7x7 box with sample covariance.
    """
    smallest = 11 if variant == "wang" else 7
    if min(a.shape[:2]) < smallest:
        raise RestoraError(f"SSIM needs at least {smallest} pixels on each side, not {a.shape[1]}x{a.shape[0]}")
    if variant == "uniform":
        return float(structural_similarity(a, b, channel_axis=2, data_range=255))
    return float(
        structural_similarity(
            a, b, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )
