"""Blur: softness, defocus and motion, from the width of the sharpest edges in each direction.

Shallow focus, fog and clouds leave some edges sharp, so only the sharpest twentieth of the clear edges counts. If these
are wide in all directions, the picture is soft or out of focus; if they are much wider in one direction than across it,
it is blurred by motion. The zeros of the spectrum distinguish a disk from a Gaussian, and refine size and angle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restora.core.diagnosis import Finding
from restora.core.image import to_grey
from restora.signs.cepstrum import disk_radius, log_spectrum, motion
from restora.signs.edges import DIRECTIONS, Edges, edges_of
from restora.signs.noise_level import noise_level

ENOUGH, SOME = 100, 15
"""Minimum number of edges for a measurement, and of each direction for one of the direction."""
SHARPEST, OF_DIRECTION = 0.05, 0.1
"""Share of the edges, and of those of one direction, that count: the sharpest."""
NOISY = 15 / 255
"""Standard deviation of noise from which edges cannot be measured: above it, widths are up to twice too large."""

# Sizes and thresholds were set on every other one of 190 photographs of free licences, blurred by all three kinds, with
# noise and JPEG; and on the sharp ones of all 190 and of BSD100, Set14, LIVE1 and Classic5.
SOFT = 1.9
"""Width in pixels from which the sharpest edges are soft. Of undamaged photographs 98 % have less than 1.65; blurred
by a Gaussian of sigma 1.0, 1.2 and 1.6 the median is 1.98, 2.26 and 2.9, by a disk of radius 2, 2.23."""
RATIO, RATIO_SOFT, RATIO_CONFIRMED = 1.8, 1.6, 1.5
"""Minimum ratio of the widths across and along the motion; the second if all edges are soft; the third if the cepstrum
has its minimum in the same direction."""
NARROWEST = 0.02
"""Share of the edges across the motion, the narrowest, that must be wide too: motion leaves no sharp edge there."""
WIDE, WIDE_CONFIRMED = 2.0, 1.7
"""Minimum width of these; the second if the cepstrum confirms the motion. Motion of 7 and more pixels has 2.2 and more;
photographs whose widths go with the direction for other reasons, such as grass and shallow focus, have 1.4 to 1.8."""
FITS, FITS_CONFIRMED = 0.6, 0.3
"""Minimum share of the variation of the log width that is a wave over the direction, as motion gives. Shallow focus
has large ratios too, but no wave."""
DEEP = 6.5
"""Minimum depth of the cepstrum that confirms motion, in standard deviations."""
BESIDE = np.deg2rad(26)
"""Classes of direction up to this angle count as across or along the motion."""
LONG = 1.65
"""Length of a motion over the width of the edges across it. It is right up to about 13 pixels; farther, edges end
before they have their full width."""


@dataclass(frozen=True)
class Spread:
    """How the width of edges goes with their direction.

    angle: of the motion in degrees, if it is one; across, along: widths in pixels of the edges that motion in this
    direction widens, and of those that it leaves; narrowest: of the narrowest across; fits: share of the variation
    that is a wave.
    """

    angle: float
    across: float
    along: float
    narrowest: float
    fits: float

    @property
    def ratio(self) -> float:
        """Of the widths across and along the motion."""
        return self.across / self.along

    def exceeds(self, ratio: float, wide: float, fits: float) -> bool:
        """Whether it looks like motion."""
        return self.ratio >= ratio and self.narrowest >= wide and self.fits >= fits


def blur(crops: Sequence[np.ndarray]) -> Finding:
    """The size of the blur of crops (h, w, C) in pixels: sigma, radius or length; 0 if they are sharp.

    facts: `width` of the sharpest edges in pixels; and `sigma`, or `radius`, or `length` and `angle`, by the kind of
    the blur: Gaussian, disk or motion. The angle is in degrees, anticlockwise from the right.
    """
    sample = [crops[i] for i in np.linspace(0, len(crops) - 1, min(3, len(crops))).astype(int)]
    noise = float(np.sqrt(np.mean(np.square(noise_level(sample).value))))
    if noise > NOISY:
        return _finding(0.0, 0.0, False, "blur cannot be measured beneath strong noise", {})
    greys = [to_grey(crop)[:, :, 0] for crop in crops]
    edges = edges_of(greys, noise)
    if len(edges.width) < ENOUGH:
        return _finding(0.0, 0.0, False, "too few clear edges to measure blur", {})
    width, spread = edge_width(edges), spread_of(edges)
    facts = {"width": round(width, 2)}
    if spread and spread.exceeds(RATIO_CONFIRMED, WIDE_CONFIRMED, FITS_CONFIRMED):
        length, angle = LONG * spread.across, spread.angle
        spectrum = log_spectrum(greys)
        found = None if spectrum is None else motion(spectrum, angle, max(4.0, 0.8 * length), 2.5 * length + 4)
        confirmed = found is not None and found[2] >= DEEP
        if confirmed or spread.exceeds(RATIO_SOFT if width >= SOFT else RATIO, WIDE, FITS):
            return _motion(*(found[:2] if found else (length, angle)), spread, facts)
    sure = min(1.0, 0.5 + abs(width - SOFT) / SOFT)
    if width < SOFT:
        return _finding(0.0, sure, False, f"sharp: the sharpest edges are {width:.1f} pixels wide", facts)
    return _soft(greys, width, sure, facts)


def edge_width(edges: Edges) -> float:
    """The width of the sharpest edges in pixels."""
    return float(np.quantile(edges.width, SHARPEST))


def spread_of(edges: Edges) -> Spread | None:
    """How the width of edges goes with their direction; None if edges of too few directions are known."""
    widths = np.array([np.quantile(c, OF_DIRECTION) if len(c) >= SOME else np.nan for c in edges.classes()])
    known = np.isfinite(widths)
    if known.sum() < DIRECTIONS // 2:
        return None
    middle = (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS * np.pi
    waves = np.stack([np.ones(DIRECTIONS), np.cos(2 * middle), np.sin(2 * middle)], 1)[known]
    logs = np.log(widths[known])
    fit = np.linalg.lstsq(waves, logs, rcond=None)[0]
    angle, wave = np.arctan2(fit[2], fit[1]) / 2, (fit[1] ** 2 + fit[2] ** 2) / 2
    off = np.abs((middle - angle + np.pi / 2) % np.pi - np.pi / 2)
    across, along = widths[known & (off < BESIDE)], widths[known & (off > np.pi / 2 - BESIDE)]
    beside = np.abs((edges.direction - angle + np.pi / 2) % np.pi - np.pi / 2) < BESIDE
    if min(len(across), len(along)) < 2:
        return None
    fits = wave / (wave + np.mean(np.square(logs - waves @ fit)) + 1e-9)
    medians = float(np.median(across)), float(np.median(along))
    narrowest = float(np.quantile(edges.width[beside], NARROWEST))
    return Spread(float(np.rad2deg(angle)) % 180, *medians, narrowest, float(fits))


def _motion(length: float, angle: float, spread: Spread, facts: dict[str, float]) -> Finding:
    says = f"motion blur of about {length:.0f} pixels at {angle:.0f} degrees"
    sure = min(1.0, spread.ratio / RATIO - 0.3)
    facts = facts | {"length": round(length, 1), "angle": round(angle, 1)}
    return _finding(length, max(0.5, sure), True, says, facts, "motion blur")


def _soft(greys: Sequence[np.ndarray], width: float, sure: float, facts: dict[str, float]) -> Finding:
    """A disk if the spectrum has its zeros, else a Gaussian. Size over width was fitted on the same photographs."""
    spectrum = log_spectrum(greys)
    radius = None if spectrum is None else disk_radius(spectrum, float(np.sqrt((width**2 - 1.1) / 0.93)))
    if radius:
        says = f"out of focus: blurred as by a disk of radius {radius:.1f} pixels"
        return _finding(radius, sure, True, says, facts | {"radius": round(radius, 2)}, "out of focus")
    sigma = float(np.sqrt((width**2 - 0.95) / 2.89))
    says = f"soft: blurred as by a Gaussian of sigma {sigma:.1f} pixels (the sharpest edges are {width:.1f} wide)"
    return _finding(sigma, sure, True, says, facts | {"sigma": round(sigma, 2)}, "soft" if sigma < 2 else "very soft")


def _finding(value: float, sure: float, present: bool, says: str, facts: dict[str, float], plain: str = "") -> Finding:
    return Finding("blur", round(value, 2), "pixels", round(sure, 3), present, says, facts, plain)
