"""Impulse noise (salt and pepper): black or white pixels that differ strongly from the median of their neighbours."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding

LEAST = 0.009
"""Share of pixels from which dots count as impulse noise; stars and glints are rarer."""
RARE = LEAST / 30
"""Share of values at black and white up to which no dots are searched, as in most photographs."""
SQUARE, EVENLY = 64, 0.3
"""Side of the squares, and share of the mean that half of them must have: grains and glints are saturated dots too,
but they belong to one object in the picture."""
MANY = 0.1
"""Share of pixels from which dots are called many."""
TOGETHER = 2.5
"""Ratio of equal neighbours to the number expected by chance from which dots are letters or lines, which are connected:
print and screenshots have 3 and more, impulse noise 1.0 to 1.3, and 2 or more only where it is rare."""
TWO_TONES = 0.97
"""Share of black and white from which a picture has only these two tones, so that no dot differs from them."""
WIDE = 15
"""Side of the square for computing the number expected by chance."""
NEARBY = 65
"""Side of the square for counting neighbours: beside print there is room for isolated dots."""


def impulse(crops: Sequence[np.ndarray]) -> Finding:
    """The share of impulse pixels in some crops (h, w, C). Present if they are many, and everywhere."""
    masks = [impulse_mask(crop) for crop in crops]
    share = float(np.mean([mask.mean() for mask in masks]))
    present = share >= LEAST and _everywhere(masks, share)
    percent = f"{100 * share:.1f} %" if present else f"{100 * share:.2f} %"
    says = f"about {percent} of the pixels are black or white dots" if present else f"no impulse noise ({percent})"
    if share >= LEAST and not present:
        says = f"no impulse noise: the black and white dots ({percent}) are only in a part of the picture"
    plain = ("many " if share >= MANY else "") + "black and white dots" if present else ""
    sure = min(1.0, abs(share - LEAST) / LEAST)
    return Finding("impulse", round(share, 5), "share of pixels", sure, present, says, {}, plain)


def _everywhere(masks: Sequence[np.ndarray], share: float) -> bool:
    """Whether half the squares of masks (h, w) have at least EVENLY of the mean share; small masks are one square."""
    shares = []
    for mask in masks:
        rows, columns = (max(1, side // SQUARE) for side in mask.shape)
        shares += [part.mean() for band in np.array_split(mask, rows) for part in np.array_split(band, columns, axis=1)]
    return float(np.median(shares)) >= EVENLY * share


def impulse_mask(crop: np.ndarray) -> np.ndarray:
    """(h, w) bool: True where a value at 0 or 1 is 0.15 and four deviations from the median of its 5x5 neighbours.

    False where such dots are connected. All False if the picture has only two tones, or hardly any value at 0 or 1.
    """
    black, white = crop <= 0.5 / 255, crop >= 254.5 / 255
    between = ~(black | white)
    if not 1 - TWO_TONES <= between.mean() <= 1 - RARE:
        return np.zeros(crop.shape[:2], bool)
    off = np.abs(crop - _median(crop))
    # A robust deviation: of all values or, if most are impulses, of the others.
    usual = 1.4826 * min(np.median(off), np.median(off[between]))
    far = off > max(0.15, 4 * usual)
    dots = np.concatenate([black & far, white & far], 2)
    return np.asarray(dots.any(2)) & ~_together(dots)


def _together(dots: np.ndarray) -> np.ndarray:
    """(h, w) bool: where nearby dots (h, w, kinds) have more neighbours of their kind than expected by chance."""
    near, by_chance = np.zeros((2, *dots.shape[:2]), np.float32)
    for kind in np.ascontiguousarray(np.moveaxis(dots, 2, 0), np.float32):
        close, wide = (cv2.boxFilter(kind, -1, (side, side), normalize=False) for side in (3, WIDE))
        near += (close - kind) * kind
        by_chance += (wide - close) * kind * np.float32(8 / (WIDE**2 - 9))
    near, by_chance = (cv2.boxFilter(each, -1, (NEARBY, NEARBY)) for each in (near, by_chance))
    return near > TOGETHER * by_chance + np.float32(1e-6)


def without_impulses(crop: np.ndarray) -> np.ndarray:
    """The crop with its impulse pixels replaced by the median of their neighbours."""
    dots = impulse_mask(crop)
    return np.where(dots[:, :, None], _median(crop), crop) if dots.any() else crop


def _median(crop: np.ndarray) -> np.ndarray:
    """The median of the 5x5 neighbours of each value; OpenCV drops a channel axis of length one."""
    return cv2.medianBlur(np.ascontiguousarray(crop, np.float32), 5).reshape(crop.shape)
