"""What deconvolution methods share: the transfer function of a kernel, and pictures continued so that the FFT may wrap.

The model is y = k * x + n: convolution with a kernel k that sums to one. The FFT takes pictures as periodic, so a jump
between opposite borders would ring through the result. `Bordered` continues a picture so that there is no jump, and so
that the continuation is blurred as the picture is: what no sharp picture could be blurred to would ring too.

R. Liu, J. Jia, "Reducing boundary artifacts in image deconvolution", ICIP 2008. S. Reeves, "Fast image restoration
without boundary artifacts", IEEE TIP 2005, for unknown values beyond the borders.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import fft

ROUNDING = 0.3 / 255
"""Noise that every picture of 8 bits has."""
AGREEING = 10
"""Rounds in which the continuation of a picture is replaced by what the sharp picture would be blurred to there."""
SMOOTH = np.float32(0.01)
"""Weight of squared gradients in these rounds."""
WORKERS = -1
"""Threads of an FFT: as many as there are processors."""


def transfer(kernel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The transfer function of a kernel (kh, kw), odd sides, for planes of a (height, width): half of it, complex64."""
    plane = np.zeros(size, np.float32)
    rows, columns = (np.arange(-(side // 2), side - side // 2) for side in kernel.shape)
    plane[np.ix_(rows, columns)] = kernel  # negative indices: around the corner, as the FFT wraps
    return forward(plane)


def forward(plane: np.ndarray) -> np.ndarray:
    """The Fourier transform of a real plane (H, W), half of it."""
    return fft.rfft2(plane, workers=WORKERS)


def inverse(spectrum: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The real plane of a (height, width) of half a Fourier transform, which is overwritten."""
    # In two steps, as irfft2 copies the spectrum between them.
    half = fft.ifft(spectrum, axis=0, overwrite_x=True, norm="forward", workers=WORKERS)
    plane = fft.irfft(half, n=size[1], axis=1, norm="forward", workers=WORKERS)
    plane *= np.float32(1 / (size[0] * size[1]))
    return plane


def power(k: np.ndarray) -> np.ndarray:
    """|k|^2 of a transfer function, float32."""
    made = np.abs(k)
    made *= made
    return made


def gradient_power(size: tuple[int, int]) -> np.ndarray:
    """|D_x|^2 + |D_y|^2 for differences of neighbours, float32, half of it: (H, W // 2 + 1)."""
    down = 2 - 2 * np.cos(2 * np.pi * fft.fftfreq(size[0]))
    across = 2 - 2 * np.cos(2 * np.pi * fft.rfftfreq(size[1]))
    return np.add(down[:, None], across, out=np.empty((len(down), len(across)), np.float32), casting="same_kind")


class Margin(NamedTuple):
    """What continues a plane (h, w) to (H, W): its rows below, (H - h, W), and its columns beside it, (h, W - w)."""

    below: np.ndarray
    beside: np.ndarray

    def around(self, plane: np.ndarray) -> np.ndarray:
        """The continued plane, in new memory."""
        return np.concatenate([np.concatenate([plane, self.beside], 1), self.below])


@dataclass(frozen=True)
class Bordered:
    """A plane (H, W) continued at the bottom and right, so that it may be taken as periodic.

    plane: the continued one, of a size that the FFT likes. size: (H, W) of the picture in its top left corner.
    """

    plane: np.ndarray
    size: tuple[int, int]

    def inside(self, plane: np.ndarray) -> np.ndarray:
        """The part of a continued plane that is the picture."""
        return plane[: self.size[0], : self.size[1]]

    def margin(self, plane: np.ndarray | None = None) -> Margin:
        """A copy of the rest of a continued plane, by default of this one."""
        plane = self.plane if plane is None else plane
        return Margin(plane[self.size[0] :].copy(), plane[: self.size[0], self.size[1] :].copy())

    def continue_as(self, margin: Margin) -> None:
        """Take the continuation from another continued plane."""
        self.plane[self.size[0] :] = margin.below
        self.plane[: self.size[0], self.size[1] :] = margin.beside


def bordered(plane: np.ndarray, kernel: np.ndarray) -> Bordered:
    """A plane (H, W) continued by at least the kernel's sides, as k * x for a smooth x that is blurred to the plane.

    It begins as `_joined` and is improved by accelerated gradient steps (Nesterov 1983), of two FFTs each.
    """
    made = _joined(plane, kernel)
    size = made.plane.shape
    again = power(transfer(kernel, size))
    again /= again + SMOOTH * gradient_power(size)  # blurred after it was sharpened
    before, momentum = made.margin(), 1.0
    for _ in range(AGREEING):
        spectrum = forward(made.plane)
        spectrum *= again
        blurred = made.margin(inverse(spectrum, size))
        faster = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        share = np.float32((momentum - 1) / faster)
        ahead = [new + share * (new - old) for new, old in zip(blurred, before, strict=True)]
        made.continue_as(Margin(*ahead))
        before, momentum = blurred, faster
    made.continue_as(before)
    return made


def _joined(plane: np.ndarray, kernel: np.ndarray) -> Bordered:
    """A plane (H, W) continued by at least the kernel's sides, smoothly from each border to the opposite one.

    The continuation is the smoothest surface (laplacian zero) between borders that are the line between both ends of
    each row and column.
    """
    size = plane.shape[0], plane.shape[1]
    height, width = (fft.next_fast_len(side + 2 * k, real=True) for side, k in zip(size, kernel.shape, strict=True))
    whole = np.zeros((height, width), np.float32)
    whole[: size[0], : size[1]] = plane
    below, right = height - size[0], width - size[1]
    ramp = _ramp(right)
    whole[: size[0], size[1] :] = plane[:, -1:] * (1 - ramp) + plane[:, :1] * ramp
    ramp = _ramp(below)[:, None]
    whole[size[0] :] = whole[size[0] - 1] * (1 - ramp) + whole[:1] * ramp
    whole[size[0] :, : size[1]] = _smooth(whole, (size[0] - 1, -1), (below, size[1]))
    whole[: size[0], size[1] :] = _smooth(whole, (-1, size[1] - 1), (size[0], right))
    return Bordered(whole, size)


def _ramp(length: int) -> np.ndarray:
    """From 0 to 1, both left out, in so many steps."""
    return (np.arange(1, length + 1) / (length + 1)).astype(np.float32)


def _smooth(whole: np.ndarray, before: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The surface with laplacian zero in a gap of a (height, width), given the values around it in a periodic plane.

    before: the row and the column before the gap.
    """
    height, width = size
    rows, columns = (np.arange(start, start + side + 2) for start, side in zip(before, size, strict=True))
    around = whole.take(rows, 0, mode="wrap").take(columns, 1, mode="wrap").astype(np.float64)
    # The equation of Laplace with these borders, by a sine transform, in which it is a division.
    source = np.zeros((height, width))
    source[0] -= around[0, 1:-1]
    source[-1] -= around[-1, 1:-1]
    source[:, 0] -= around[1:-1, 0]
    source[:, -1] -= around[1:-1, -1]
    waves = [2 * np.cos(np.pi * np.arange(1, side + 1) / (side + 1)) - 2 for side in (height, width)]
    spectrum = fft.dstn(source, type=1, workers=WORKERS) / (waves[0][:, None] + waves[1])
    return fft.idstn(spectrum, type=1, workers=WORKERS).astype(np.float32)


def edge_note(kernel: np.ndarray) -> str:
    """How near to the borders a result depends on what the picture does not show."""
    return f"within {max(kernel.shape) // 2} pixels of the borders the result depends on what is outside the picture"
