"""Impulse noise (salt and pepper): pixels at black or white that stand far off their neighbours' median."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding

LEAST = 0.008
"""Share of pixels from which on the noise is called impulse noise; stars and glints are rarer than that."""
TOGETHER = 2.5
"""Times more neighbours of their own kind than by chance from which on dots are letters or lines, which hang together:
print and screenshots have 3 and more, impulse noise 1.0 to 1.3, and 2 or more only where it is rare."""
TWO_TONES = 0.97
"""Share of black and white from which on a picture has these two tones alone, and nothing stands off them."""
WIDE = 15
"""Side of the square within which chance is reckoned."""


def impulse(crops: Sequence[np.ndarray]) -> Finding:
    """The share of impulse pixels in some crops (h, w, C)."""
    share = float(np.mean([impulse_mask(crop).mean() for crop in crops]))
    present = share >= LEAST
    percent = f"{100 * share:.1f} %" if present else f"{100 * share:.2f} %"
    says = f"about {percent} of the pixels are black or white dots" if present else f"no impulse noise ({percent})"
    return Finding("impulse", round(share, 5), "share of pixels", min(1.0, abs(share - LEAST) / LEAST), present, says)


def impulse_mask(crop: np.ndarray) -> np.ndarray:
    """(h, w) bool: True where a value at 0 or 1 is 0.15 and four deviations off the median of its 5x5 neighbours.

    Nowhere if such dots hang together, or if the picture has no other tones.
    """
    black, white = crop <= 0.5 / 255, crop >= 254.5 / 255
    between = ~(black | white)
    if between.mean() < 1 - TWO_TONES:
        return np.zeros(crop.shape[:2], bool)
    off = np.abs(crop - _median(crop))
    # The deviation, robustly: of all values; where most are impulses, of the others.
    usual = 1.4826 * min(np.median(off), np.median(off[between]))
    far = off > max(0.15, 4 * usual)
    dots = np.concatenate([black & far, white & far], 2)
    found = np.asarray(dots.any(2))
    return found & (_togetherness(dots) < TOGETHER)


def _togetherness(dots: np.ndarray) -> float:
    """How many times more neighbours of its kind a dot has than in its wider surroundings, for (h, w, kinds) bool."""
    near, by_chance = 0.0, 0.0
    for kind in np.moveaxis(dots.astype(np.float32), 2, 0):
        close, wide = (cv2.boxFilter(kind, -1, (side, side), normalize=False) for side in (3, WIDE))
        near += float(((close - kind) * kind).sum())
        by_chance += float(((wide - close) * kind).sum()) * 8 / (WIDE**2 - 9)
    return near / by_chance if by_chance else 0.0


def without_impulses(crop: np.ndarray) -> np.ndarray:
    """The crop with its impulse pixels replaced by the median of their neighbours."""
    return np.where(impulse_mask(crop)[:, :, None], _median(crop), crop)


def _median(crop: np.ndarray) -> np.ndarray:
    """The median of the 5x5 neighbours of each value; OpenCV drops a channel axis of one."""
    return cv2.medianBlur(np.ascontiguousarray(crop, np.float32), 5).reshape(crop.shape)
