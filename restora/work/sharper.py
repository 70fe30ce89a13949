"""What sharpening did in a trial, measured without a reference: the width of edges, rings beside them, and grain."""

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.core.image import to_grey
from restora.signs.blur import ENOUGH, edge_width, spread_of
from restora.signs.camera_noise import deviations, squares
from restora.signs.edges import edges_of

SHARP = 1.1
"""Width in pixels of the sharpest edges of sharp photographs, the median of 190."""
UNCHANGED = 0.9
"""Share of the blur left from which sharpening had no effect."""
RINGS = 0.25
"""Share of the change that may lie outside the values around a pixel."""
FLAT, GRAIN = 10, 1.5 / 255
"""Maximum increase of the standard deviation in the flattest 1/FLAT of the squares."""


def blur_left(before: Sequence[np.ndarray], after: Sequence[np.ndarray], diagnosis: Diagnosis) -> float | None:
    """The share left of the squared width that blur adds to edges, in parts (h, w, C); None if they have too few."""
    level = diagnosis.present.get("noise_level")
    noise = float(np.sqrt(np.mean(np.square(level.value)))) if level else 0.0
    moved = "length" in diagnosis.findings["blur"].facts
    was, now = _width(before, noise, moved), _width(after, 0.0, moved)
    if was is None or now is None or was <= 1.2 * SHARP:
        return None
    return max(0.0, now**2 - SHARP**2) / (was**2 - SHARP**2)


def _width(parts: Sequence[np.ndarray], noise: float, moved: bool) -> float | None:
    """The width of the sharpest edges or, for motion, of those across it; None if there are too few."""
    edges = edges_of([to_grey(part)[:, :, 0] for part in parts], noise)
    if len(edges.width) < ENOUGH:
        return None
    spread = spread_of(edges) if moved else None
    return spread.across if spread else edge_width(edges)


def harm_of_sharpening(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray], left: float | None, diagnosis: Diagnosis
) -> str:
    """Why the sharpened parts (h, w, C) must not be used; empty if they may. left: the share of the blur left."""
    if left is None:
        return "a trial could not measure the effect of sharpening"
    if left >= UNCHANGED:
        return f"sharpening left {100 * left:.0f} % of it in a trial"
    if rings(before, after, diagnosis.findings["blur"].value) > RINGS:
        return "sharpening made rings beside edges in a trial"
    if grain(before, after) > GRAIN:
        return "sharpening made grain in flat places in a trial"
    return ""


def rings(before: Sequence[np.ndarray], after: Sequence[np.ndarray], size: float | list[float]) -> float:
    """The share of the change in parts (h, w, C) that lies outside the range of values around each pixel.

    The range is that of the blurred part, as far as a blur of `size` pixels reaches.
    """
    side = 2 * ceil(2 * float(np.mean(size))) + 1
    window = np.ones((side, side), np.uint8)
    outside = change = 0.0
    for was, now in zip(before, after, strict=True):
        y, x_hat = (np.ascontiguousarray(to_grey(each)[:, :, 0], np.float32) for each in (was, now))
        beyond = np.maximum(x_hat - cv2.dilate(y, window), cv2.erode(y, window) - x_hat).clip(0)
        outside += float(np.square(beyond).sum())
        change += float(np.square(x_hat - y).sum())
    return float(np.sqrt(outside / max(change, 1e-12)))


def grain(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """The increase of the standard deviation in the flattest squares of parts (h, w, C), on the 0..1 scale."""
    was, now = (deviations(np.concatenate([squares(part) for part in parts])) for parts in (before, after))
    flattest = np.argsort(was, kind="stable")[: -(-len(was) // FLAT)]
    return float(np.median(now[flattest]) - np.median(was[flattest])) if len(was) else 0.0
