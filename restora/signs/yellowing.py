"""Yellowing: the highlights have the yellow of old paper, evenly, and black is lifted as well.

Yellow highlights alone are left: warm light and sand look the same. A picture in one hue, such as a sepia print, keeps
its tone, because toning was meant.
"""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.fading import is_faded
from restora.signs.tones import COLOURS, Tones, tones_of

PART = 0.8
"""Share of the yellow that is removed: paper and light are seldom quite white."""
LEAST = 0.7
"""Least white point; a lower one would amplify noise too much."""


def yellowing(crops: Sequence[np.ndarray]) -> Finding:
    """The yellow of highlights in crops (h, w, C): b of CIE Lab; facts white_red, white_green, white_blue, 0..1."""
    tones, unit = tones_of(crops), "b of CIE Lab"
    if tones is None:
        facts = {f"white_{colour}": 1.0 for colour in COLOURS}
        return Finding("yellowing", 0.0, unit, 0.0, False, "too small to measure the colour of highlights", facts)
    present = is_faded(tones) and tones.yellowed
    facts = {f"white_{colour}": value for colour, value in zip(COLOURS, white_points(tones), strict=True)}
    facts["toned"] = float(tones.toned)
    says = f"no yellowing (b of CIE Lab in the highlights: {tones.yellow:.0f})"
    if tones.toned:
        says = "the picture has one hue, like a sepia print; its tone is kept"
    if present:
        says = f"the whitest parts are yellow (b of CIE Lab: {tones.yellow:.0f})"
    return Finding("yellowing", round(tones.yellow, 2), unit, 0.8, present, says, facts, "yellowed" if present else "")


def white_points(tones: Tones) -> list[float]:
    """The white points of red, green and blue; one for all channels unless the highlights are yellow."""
    white = max(LEAST, float(tones.white.max()))
    off = tones.highlight / tones.highlight.max() if tones.yellow and not tones.toned else np.ones(1)
    points = np.maximum(white * (1 - PART * (1 - off)), LEAST * off)
    return [round(float(each), 4) for each in np.broadcast_to(points.clip(0.4, 1), 3)]
