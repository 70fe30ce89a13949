"""Motion-compensated temporal filter: the mean of frames moved onto each other, then smoothed where it is flat.

The frames around y are moved by optical flow from y to them, at half size. Where one still differs by more than noise
explains, it counts less: with D the mean square of the difference nearby, in units of that of noise,

    w_k = exp(min(0, 1 - D_k)),    x_1 = (y + sum of w_k y_k) / (1 + sum of w_k)

The noise that is left in x_1 has the variance v = sigma^2 (1 + sum of w_k^2) / (1 + sum of w_k)^2. Then

    x_hat = a x_1 + b,    a = max(0, 1 - v / var),    b = (1 - a) mean

where a is the local gain of the Wiener filter, and a and b are averaged over the windows that hold a pixel. This is
done for luma and two colour differences. Clips have most of their noise in luma: how it is shared among the three is
measured by the median change from frame to frame.

E. Dubois and S. Sabri, "Noise reduction in image sequences using motion-compensated temporal filtering", IEEE Trans.
Communications 1984; flow: T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016; averaged gains:
K. He, J. Sun and X. Tang, "Guided image filtering", ECCV 2010.
"""

from collections.abc import Sequence

import cv2
import numpy as np

COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Luma and two colour differences, orthonormal: independent noise of all channels stays the same."""
GREY = COLOURS @ [0.299, 0.587, 0.114]
"""What a grey picture has of the three."""
SIDES = (3, 5, 5)
"""Of the windows of luma and colour differences."""
NEARBY = 5
"""Side of the window, at half size, in which frames are compared."""
SAFE = 1.5
"""Times the variance of noise that is taken for noise, as the variance of a small window is often too low."""
LEAST = 32
"""Pixels: frames that are less wide or high are not moved."""
SAMPLED = 4
"""Every so many pixels and rows, changes are measured."""

_TINY = np.float32(1e-12)


def mctf(y: np.ndarray, neighbours: Sequence[np.ndarray], sigma: float, reach: int) -> np.ndarray:
    """y (H, W, C), 1 or 3 channels with noise sigma; neighbours: `reach` frames before and after it, by time."""
    if sigma == 0:
        return y
    small = _half_size(y)
    moved = [_moved(small, frame) for frame in neighbours]
    shares = _shares(y, moved[reach][0])
    unit = 2 * sigma**2 * np.square(GREY[: len(shares)]).dot(shares) / 4 if y.shape[2] == 3 else sigma**2 / 2
    total = np.array(y, np.float32).reshape(moved[0][0].shape)
    weight, squares = np.ones(y.shape[:2], np.float32), np.ones(y.shape[:2], np.float32)
    for frame, grey in moved:
        share = _weight(small, grey, unit, y.shape)
        cv2.accumulateProduct(frame, cv2.merge([share] * y.shape[2]), total)
        weight += share
        squares += share * share
    x = cv2.divide(total, cv2.merge([weight] * y.shape[2]))
    left = np.float32(SAFE * sigma**2) * squares / (weight * weight)
    if y.shape[2] == 1:
        return _smoothed(x, left, SIDES[0])[:, :, None]
    parts = [np.empty(y.shape[:2], np.float32) for _ in SIDES]
    cv2.split(cv2.transform(x, COLOURS), parts)
    made = [
        _smoothed(part, np.float32(share) * left, side) for part, share, side in zip(parts, shares, SIDES, strict=True)
    ]
    return cv2.transform(cv2.merge(made), COLOURS.T)


def _half_size(frame: np.ndarray) -> np.ndarray:
    """A grey frame (H / 2, W / 2)."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.shape[2] == 3 else frame[:, :, 0]
    size = max(1, frame.shape[1] // 2), max(1, frame.shape[0] // 2)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _moved(small: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A frame (H, W, C), moved onto the one whose grey half size is given, and its own grey half size, moved too."""
    frame, grey = np.ascontiguousarray(frame), _half_size(frame)
    if min(frame.shape[:2]) < LEAST:
        return frame, grey
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow = dis.calc(_eight_bit(small), _eight_bit(grey), None)
    scale = frame.shape[1] / grey.shape[1], frame.shape[0] / grey.shape[0], 1, 1
    large = cv2.resize(cv2.multiply(flow, scale), frame.shape[1::-1])
    way = cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP
    return (
        cv2.remap(frame, large, None, way, borderMode=cv2.BORDER_REPLICATE),
        cv2.remap(grey, flow, None, way, borderMode=cv2.BORDER_REPLICATE),
    )


def _eight_bit(grey: np.ndarray) -> np.ndarray:
    """For optical flow: without the finest noise."""
    return cv2.convertScaleAbs(cv2.blur(grey, (3, 3)).clip(0, 1), alpha=255)


def _shares(y: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """How much of the noise each of the three parts of COLOURS has; equal shares are 1. One share for a grey frame."""
    if y.shape[2] != 3:
        return np.ones(1)
    change = (moved[::SAMPLED, ::SAMPLED] - y[::SAMPLED, ::SAMPLED]) @ COLOURS.T
    spread = np.square(np.median(np.abs(change), (0, 1)))
    return np.asarray(3 * spread / spread.sum()) if spread.sum() > 0 else np.ones(3)


def _weight(small: np.ndarray, grey: np.ndarray, unit: float, shape: tuple[int, ...]) -> np.ndarray:
    """The weight (H, W) of a frame by its difference at half size, whose mean square for noise alone is `unit`."""
    apart = cv2.blur(np.square(grey - small), (NEARBY, NEARBY))
    return cv2.resize(cv2.exp(np.minimum(1 - apart / np.float32(unit), 0)), (shape[1], shape[0]))


def _smoothed(x: np.ndarray, noise: np.ndarray, side: int) -> np.ndarray:
    """A part (H, W) of a frame; noise: its variance there."""
    window = (side, side)
    mean = cv2.blur(x, window)
    variance = cv2.sqrBoxFilter(x, cv2.CV_32F, window) - mean * mean
    gain = 1 - noise / np.maximum(variance, _TINY)
    np.maximum(gain, 0, out=gain)
    return cv2.blur(gain, window) * x + cv2.blur((1 - gain) * mean, window)
