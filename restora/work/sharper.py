"""What sharpening did in a trial, without a reference: the width of edges, the fit to the picture, and grain."""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.image import to_grey
from restora.damage.blur import Blur, DiskBlur, GaussianBlur, MotionBlur
from restora.signs.blur import ENOUGH, edge_width, spread_of
from restora.signs.camera_noise import deviations, squares
from restora.signs.edges import edges_of

SHARP = 1.1
"""Width in pixels of the sharpest edges of sharp photographs, the median of 190."""
UNCHANGED = 0.9
"""Share of the blur left from which sharpening had no effect."""
FARTHER = 1.0
"""Limit on the distance of the result, blurred again, from the picture; 1 is that of the picture blurred again."""
FLAT, FEW, GRAIN = 1.5 / 255, 4, 3 / 255
"""Maximum standard deviation of flat squares, minimum number of them, and maximum increase of their median."""


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
    if distance(before, after, kernel_of(diagnosis.findings["blur"])) >= FARTHER:
        return "the sharpened parts of a trial do not fit the picture when they are blurred again"
    if grain(before, after) > GRAIN:
        return "sharpening made grain in flat places in a trial"
    return ""


def kernel_of(finding: Finding) -> Blur:
    """The blur that was found."""
    facts = finding.facts
    if "length" in facts:
        return MotionBlur(facts["length"], facts["angle"])
    return DiskBlur(facts["radius"]) if "radius" in facts else GaussianBlur(facts["sigma"])


def distance(before: Sequence[np.ndarray], after: Sequence[np.ndarray], blur: Blur) -> float:
    """|k * x_hat - y| / |k * y - y| over parts (h, w, C), y before and x_hat after, k the blur that was found.

    It is 0 for the true picture, 1 if nothing changes, and more where sharpening changes the picture in other ways, as
    by halos of the wrong width. Rings and noise that the blur removes do not count.
    """
    rng, off, usual = np.random.default_rng(0), 0.0, 0.0
    for was, now in zip(before, after, strict=True):
        y, x_hat = (to_grey(each).astype(np.float64) for each in (was, now))
        off += float(np.square(blur.apply(x_hat, rng) - y).sum())
        usual += float(np.square(blur.apply(y, rng) - y).sum())
    return float(np.sqrt(off / max(usual, 1e-12)))


def grain(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """The increase of the standard deviation in flat squares of parts (h, w, C), 0..1; 0 if there are few."""
    was, now = (deviations(np.concatenate([squares(part) for part in parts])) for parts in (before, after))
    flat = was < FLAT
    return float(np.median(now[flat]) - np.median(was[flat])) if flat.sum() >= FEW else 0.0
