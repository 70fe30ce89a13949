"""Frequency-selective reconstruction: the known pixels around a block, as few waves as explain them, and these waves in
the hole.

Blocks are filled one after another, those with the most known pixels first. It continues regular texture, which smooth
surfaces cannot. OpenCV computes it with 8 bits: filled values have 191 levels over the range of the known pixels. Where
a filled value is implausible, outside the range of the known pixels within NEAR pixels, biharmonic inpainting fills
instead, and the report says so.

J. Seiler, M. Jonscher, M. Schoberl, A. Kaup, "Resampling images to a regular grid from a non-regular subset of pixel
positions using frequency selective reconstruction", IEEE TIP 2015.
N. Genser, J. Seiler, F. Schilling, A. Kaup, "Signal and loss geometry aware frequency selective extrapolation for error
concealment", PCS 2018.
"""

import cv2
import numpy as np
from skimage.restoration import inpaint_biharmonic

from restora.core.method import Made
from restora.nets.levels import flat, levels

DARKEST, BRIGHTEST = 32, 223
"""Levels of the range of the known pixels. A block that OpenCV leaves black is then darker than all of them."""
NEAR = 8
"""Distance in pixels within which known pixels limit the filled values."""
BEYOND = 0.1
"""Share of that range by which a filled value may exceed it, as waves overshoot beside edges."""
ROUNDING = 0.016
"""Share of the range of all known pixels that is allowed in addition."""


def frequency_selective(y: np.ndarray, mask: np.ndarray) -> Made:
    """y (H, W, C) filled where mask (H, W) is True."""
    if (found := levels(y, mask, DARKEST, BRIGHTEST)) is None:
        return Made(flat(y, mask))
    whole, back = found
    known = np.where(mask, 0, 255).astype(np.uint8)  # OpenCV's mask here is of the known pixels
    planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(whole, 2, 0)]
    x_hat = back(np.dstack([_filled(plane, known) for plane in planes]))
    wrong = mask & ~_plausible(x_hat, y, mask)
    if not wrong.any():
        return Made(x_hat)
    smooth = inpaint_biharmonic(y, mask, channel_axis=2).astype(np.float32)
    return Made(
        np.where(wrong[:, :, None], smooth, x_hat),
        note="some filled values were implausible; biharmonic inpainting filled these pixels",
    )


def _filled(plane: np.ndarray, known: np.ndarray) -> np.ndarray:
    filled = np.zeros_like(plane)
    cv2.xphoto.inpaint(plane, known, filled, cv2.xphoto.INPAINT_FSR_FAST)
    return filled


def _plausible(x_hat: np.ndarray, y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Whether the values (H, W, C) are, in all channels, in the range of the known pixels nearby; (H, W)."""
    around, fits = np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8), np.ones(mask.shape, bool)
    seen = cv2.dilate((~mask).astype(np.uint8), around) > 0
    for plane, filled in zip(np.moveaxis(y, 2, 0), np.moveaxis(x_hat, 2, 0), strict=True):
        least, most = plane[~mask].min(), plane[~mask].max()
        low = np.where(seen, cv2.erode(np.where(mask, most, plane), around), least)
        high = np.where(seen, cv2.dilate(np.where(mask, least, plane), around), most)
        margin = BEYOND * (high - low) + ROUNDING * (y[~mask].max() - y[~mask].min())
        fits &= (filled >= low - margin) & (filled <= high + margin)
    return fits
