"""Impulse noise (salt and pepper): pixels at black or white that stand far off their neighbours' median."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding

LEAST = 0.009
"""Share of pixels from which on the noise is called impulse noise; stars and glints are rarer than that."""
RARE = LEAST / 30
"""Share of values at black and white up to which no dots are looked for, as in most photographs."""
SQUARE, EVENLY = 64, 0.3
"""Side of the squares, and share of the mean that half of them must have: grains and glints are saturated dots too, but
they are of one thing in the picture."""
MANY = 0.1
"""Share of pixels from which on they are called many."""
TOGETHER = 2.5
"""Times more neighbours of their own kind than by chance from which on dots are letters or lines, which hang together:
print and screenshots have 3 and more, impulse noise 1.0 to 1.3, and 2 or more only where it is rare."""
TWO_TONES = 0.97
"""Share of black and white from which on a picture has these two tones alone, and nothing stands off them."""
WIDE = 15
"""Side of the square within which chance is reckoned."""
NEARBY = 65
"""Side of the square over which neighbours are counted: beside print there is room for dots that stand alone."""


def impulse(crops: Sequence[np.ndarray]) -> Finding:
    """The share of impulse pixels in some crops (h, w, C). They are present if they are many, and everywhere."""
    masks = [impulse_mask(crop) for crop in crops]
    share = float(np.mean([mask.mean() for mask in masks]))
    present = share >= LEAST and _everywhere(masks, share)
    percent = f"{100 * share:.1f} %" if present else f"{100 * share:.2f} %"
    says = f"about {percent} of the pixels are black or white dots" if present else f"no impulse noise ({percent})"
    if share >= LEAST and not present:
        says = f"no impulse noise: the black and white dots ({percent}) are in a part of the picture only"
    plain = ("many " if share >= MANY else "") + "black and white dots" if present else ""
    sure = min(1.0, abs(share - LEAST) / LEAST)
    return Finding("impulse", round(share, 5), "share of pixels", sure, present, says, {}, plain)


def _everywhere(masks: Sequence[np.ndarray], share: float) -> bool:
    """Whether half of the squares of masks (h, w) have at least EVENLY of the mean share; of small masks one square."""
    shares = []
    for mask in masks:
        rows, columns = (max(1, side // SQUARE) for side in mask.shape)
        shares += [part.mean() for band in np.array_split(mask, rows) for part in np.array_split(band, columns, axis=1)]
    return float(np.median(shares)) >= EVENLY * share


def impulse_mask(crop: np.ndarray) -> np.ndarray:
    """(h, w) bool: True where a value at 0 or 1 is 0.15 and four deviations off the median of its 5x5 neighbours.

    Not where such dots hang together, and nowhere if the picture has no other tones, or hardly any value at 0 or 1.
    """
    black, white = crop <= 0.5 / 255, crop >= 254.5 / 255
    between = ~(black | white)
    if not 1 - TWO_TONES <= between.mean() <= 1 - RARE:
        return np.zeros(crop.shape[:2], bool)
    off = np.abs(crop - _median(crop))
    # The deviation, robustly: of all values; where most are impulses, of the others.
    usual = 1.4826 * min(np.median(off), np.median(off[between]))
    far = off > max(0.15, 4 * usual)
    dots = np.concatenate([black & far, white & far], 2)
    return np.asarray(dots.any(2)) & ~_together(dots)


def _together(dots: np.ndarray) -> np.ndarray:
    """(h, w) bool: where the dots (h, w, kinds) nearby have more neighbours of their kind than chance would give."""
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
    """The median of the 5x5 neighbours of each value; OpenCV drops a channel axis of one."""
    return cv2.medianBlur(np.ascontiguousarray(crop, np.float32), 5).reshape(crop.shape)
