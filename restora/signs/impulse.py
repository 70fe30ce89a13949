"""Impulse noise (salt and pepper): pixels at black or white that stand far off their neighbours' median."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding

LEAST = 0.008
"""Share of pixels from which on the noise is called impulse noise; stars, glints and print are rarer than that."""


def impulse(crops: Sequence[np.ndarray]) -> Finding:
    """The share of impulse pixels in some crops (h, w, C)."""
    share = float(np.mean([impulse_mask(crop).mean() for crop in crops]))
    present = share >= LEAST
    percent = f"{100 * share:.1f} %" if present else f"{100 * share:.2f} %"
    says = f"about {percent} of the pixels are black or white dots" if present else f"no impulse noise ({percent})"
    return Finding("impulse", round(share, 5), "share of pixels", min(1.0, abs(share - LEAST) / LEAST), present, says)


def impulse_mask(crop: np.ndarray) -> np.ndarray:
    """(h, w) bool: True where a value at 0 or 1 is 0.15 and four deviations off the median of its 5x5 neighbours."""
    centre = _median(crop)
    off = np.abs(crop - centre)
    usual = 1.4826 * np.median(off)  # the deviation, robustly
    extreme = (crop <= 0.5 / 255) | (crop >= 254.5 / 255)
    return (extreme & (off > max(0.15, 4 * usual))).any(2)


def without_impulses(crop: np.ndarray) -> np.ndarray:
    """The crop with its impulse pixels replaced by the median of their neighbours."""
    return np.where(impulse_mask(crop)[:, :, None], _median(crop), crop)


def _median(crop: np.ndarray) -> np.ndarray:
    """The median of the 5x5 neighbours of each value; OpenCV drops a channel axis of one."""
    return cv2.medianBlur(np.ascontiguousarray(crop, np.float32), 5).reshape(crop.shape)
