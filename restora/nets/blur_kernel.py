"""The blur kernel of a picture, estimated from the picture alone, from coarse to fine.

At each size of the picture, in turns:

    x <- argmin |k * x - y|^2 + weight |grad x|_0                 keeps only the salient edges, and makes them sharp
    k <- argmin |k * grad x - grad y|^2 + RIDGE |k|^2, k >= 0

The size of the kernel is found by trying several: the right one gives the result with the sparsest gradients.

L. Xu, S. Zheng, J. Jia, "Unnatural L0 sparse representation for natural image deblurring", CVPR 2013; the measure of
sparsity: D. Krishnan, T. Tay, R. Fergus, "Blind deconvolution using a normalized sparsity measure", CVPR 2011.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import fft, ndimage

from restora.core.errors import BadImage
from restora.core.image import to_grey
from restora.core.resample import imresize
from restora.nets.deconvolution import bordered, forward, gradient_power, inverse, transfer
from restora.nets.total_variation import total_variation

SIZES = (13, 19, 27, 39, 55, 79)
"""Sides of kernels that are tried, in pixels."""
DOUBTFUL = 0.7
"""Correlation of the kernels of successive sizes below which both may be wrong; above, they may still be."""
KERNEL_ERRORS = 0.01
"""Least noise level, 0..1 scale, of a deconvolution with an estimated kernel: its errors act as noise."""
LARGER = 0.04
"""Exponent of the side by which the sparsity of a larger kernel's result must be better."""
TIMES = 6
"""The sides of a picture must be so many times those of its kernel."""
WINDOW = 640
"""Pixels: the side of the part of a picture from which its kernel is estimated."""
STEP = 0.5**0.5
"""The ratio of the sides of successive levels."""
COARSEST = 5
"""The side of the kernel from which the coarsest level is found."""
ROUNDS = 5
"""Of both steps at each level."""
WEIGHT, DECAY, LEAST_WEIGHT = 8e-3, 1.1, 1e-4
"""Of the edges of x: at the start, its divisor after each round, and at least."""
STRONGEST_PULL = 1e5
"""Of x towards its salient edges."""
RIDGE = 2.0
"""Weight of |k|^2, in units of squared gradients."""
STEPS = 200
"""Of the minimisation over k."""
SMALL, ISLAND = 0.05, 0.1
"""Values of k below this share of the greatest, and islands with less than this share of the sum, become zero."""


@dataclass(frozen=True)
class Estimate:
    """A kernel, (side, side) with sum 1 and its centre of mass in the middle.

    agreement: the correlation with the kernel that another size gave, 0..1; None if only one size was tried.
    """

    kernel: np.ndarray
    agreement: float | None = None

    @property
    def note(self) -> str:
        """What was found, in words."""
        side = self.kernel.shape[0]
        found = f"a kernel of {side}x{side} pixels was estimated"
        if self.agreement is None:
            return found
        doubt = "; it may be wrong" if self.agreement < DOUBTFUL else ""
        return f"{found}, with a correlation of {self.agreement:.2f} to that of the next size{doubt}"


def estimate(y: np.ndarray, sigma: float, size: int) -> Estimate:
    """The blur kernel of y (H, W, C) with white noise sigma, from the luma of its most textured window.

    size: the side of the kernel; 0: of those in SIZES that fit the picture, the best. Raises BadImage.
    """
    smallest, side = min(y.shape[:2]), size + 1 - size % 2
    sizes = [side] if size else [each for each in SIZES if TIMES * each <= smallest]
    if not sizes or TIMES * sizes[0] > smallest:
        side = sizes[0] if sizes else SIZES[0]
        raise BadImage(
            f"to estimate a kernel of {side}x{side} pixels, a picture must be at least {TIMES * side} pixels"
            f" wide and high, not {y.shape[1]}x{y.shape[0]}"
        )
    plane = textured(y)
    kernels = [of_side(plane, each) for each in sizes]
    results = [total_variation(plane, kernel, max(sigma, KERNEL_ERRORS)) for kernel in kernels]
    best = int(np.argmin([_sparsity(x) * side**LARGER for x, side in zip(results, sizes, strict=True)]))
    near = [correlation(*pair) for pair in pairwise(kernels)]
    return Estimate(kernels[best], max(near[max(0, best - 1) : best + 1], default=None))


def textured(y: np.ndarray) -> np.ndarray:
    """The luma (h, w) of the window of y (H, W, C), at most WINDOW on each side, with the strongest gradients."""
    height, width = (min(WINDOW, side) for side in y.shape[:2])

    def strength(place: tuple[int, int]) -> float:
        part = y[place[0] : place[0] + height : 2, place[1] : place[1] + width : 2, y.shape[2] // 2]
        return float(np.abs(np.diff(part, axis=0)).sum() + np.abs(np.diff(part, axis=1)).sum())

    places = [
        (top, left)
        for top in range(0, y.shape[0] - height + 1, WINDOW // 4)
        for left in range(0, y.shape[1] - width + 1, WINDOW // 4)
    ]
    top, left = max(places, key=strength)
    return to_grey(y[top : top + height, left : left + width])[:, :, 0]


def of_side(y: np.ndarray, size: int) -> np.ndarray:
    """The blur kernel (size, size), size odd, of a plane y (H, W) on the 0..1 scale."""
    sides = [size]
    while sides[-1] > COARSEST:
        sides.append(int(np.ceil(size * STEP ** len(sides))) | 1)
    kernel, weight = np.array([[0, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]), WEIGHT
    for level, side in reversed(list(enumerate(sides))):
        plane = imresize(y[:, :, None], *(round(length * STEP**level) for length in y.shape))[:, :, 0] if level else y
        kernel = _grown(kernel, side)
        for _ in range(ROUNDS):
            kernel = _fitted(_salient(plane, kernel, weight), plane, side)
            weight = max(weight / DECAY, LEAST_WEIGHT)
        kernel = _without_islands(kernel)
    return centred(kernel, size)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """The greatest correlation of two kernels over all shifts, 0..1."""
    size = tuple(m + n for m, n in zip(a.shape, b.shape, strict=True))
    product = fft.irfft2(fft.rfft2(a, size) * np.conj(fft.rfft2(b, size)), size)
    return float(product.max() / np.sqrt((a**2).sum() * (b**2).sum()))


def centred(kernel: np.ndarray, side: int) -> np.ndarray:
    """The kernel with its centre of mass in the middle of (side, side), up to half a pixel, and with sum 1."""
    padded = np.pad(kernel, side)
    top, left = (middle - side // 2 for middle in middle_of(padded))
    cut = padded[top : top + side, left : left + side]
    return np.asarray(cut / cut.sum())


def middle_of(kernel: np.ndarray) -> tuple[int, int]:
    """The row and the column of the centre of mass, rounded."""
    row, column = (round(float(centre)) for centre in ndimage.center_of_mass(kernel))
    return row, column


def _salient(y: np.ndarray, kernel: np.ndarray, weight: float) -> np.ndarray:
    """argmin |k * x - y|^2 + weight |grad x|_0, by half-quadratic splitting."""
    plane = bordered(y, kernel)
    size = plane.plane.shape
    k, gradients = transfer(kernel, size), gradient_power(size)
    data, power = np.conj(k) * forward(plane.plane), np.abs(k) ** 2
    x, pull = plane.plane, 2 * weight
    while pull < STRONGEST_PULL:
        down, right = np.roll(x, -1, 0) - x, np.roll(x, -1, 1) - x
        salient = down**2 + right**2 >= weight / pull
        down, right = down * salient, right * salient
        back = np.roll(down, 1, 0) - down + np.roll(right, 1, 1) - right  # the transposed differences
        x = inverse((data + np.float32(pull) * forward(back)) / (power + np.float32(pull) * gradients), size)
        pull *= 2
    return plane.inside(x)


def _fitted(x: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
    """argmin |k * grad x - grad y|^2 + RIDGE |k|^2 over k >= 0 (side, side), small values removed, centred.

    Only correlations up to the side of the kernel matter, so the minimisation does not depend on the picture's size.
    """
    half = side // 2
    size = tuple(fft.next_fast_len(length + side, real=True) for length in x.shape)
    own, cross = np.zeros(1), np.zeros(1)
    for axis in (0, 1):
        edges, target = np.diff(x, axis=axis), np.diff(y, axis=axis)
        edges[:half] = edges[-half:] = edges[:, :half] = edges[:, -half:] = 0  # as k * x reaches outside there
        of_x = fft.rfft2(edges, size)
        own, cross = own + np.abs(of_x) ** 2, cross + np.conj(of_x) * fft.rfft2(target, size)
    near, far = np.arange(-half, half + 1), np.arange(-2 * half, 2 * half + 1)
    wanted = fft.irfft2(cross, size)[np.ix_(near, near)].astype(np.float64)
    length = fft.next_fast_len(3 * side, real=True)
    table = np.zeros((length, length))
    table[np.ix_(far, far)] = fft.irfft2(own, size)[np.ix_(far, far)]
    found = _nonnegative(fft.rfft2(table).real, wanted, length)
    if not found.any():
        found[half, half] = 1
    return centred(np.where(found < SMALL * found.max(), 0, found), side)


def _nonnegative(power: np.ndarray, wanted: np.ndarray, length: int) -> np.ndarray:
    """argmin k'Ak / 2 + RIDGE k'k / 2 - wanted'k over k >= 0, by accelerated projected gradients (FISTA).

    A: convolution, with the transfer function `power` for planes of length x length.
    """
    side, greatest = wanted.shape[0], power.max() + RIDGE
    k = ahead = np.full((side, side), 1 / side**2)
    momentum = 1.0
    for _ in range(STEPS):
        product = fft.irfft2(power * fft.rfft2(ahead, (length, length)), (length, length))[:side, :side]
        new = np.maximum(ahead - (product + RIDGE * ahead - wanted) / greatest, 0)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - k)
        k, momentum = new, following
    return k


def _grown(kernel: np.ndarray, side: int) -> np.ndarray:
    """The kernel of a level for the next finer one."""
    larger = round(kernel.shape[0] / STEP) | 1
    return centred(np.maximum(imresize(kernel[:, :, None], larger, larger)[:, :, 0], 0), side)


def _without_islands(kernel: np.ndarray) -> np.ndarray:
    """The kernel without islands that hold a small share of it; the largest one is kept."""
    labels, count = ndimage.label(kernel, np.ones((3, 3)))
    sums = ndimage.sum_labels(kernel, labels, np.arange(count + 1))
    return np.where(sums[labels] >= min(ISLAND * kernel.sum(), sums.max()), kernel, 0)


def _sparsity(x: np.ndarray) -> float:
    """The sum of the gradients' lengths over the root of that of their squares; lower is sparser."""
    length = np.hypot(np.diff(x, axis=0)[:, 1:], np.diff(x, axis=1)[1:])
    return float(length.sum() / max(np.sqrt((length**2).sum() * length.size), 1e-12))
