"""Fading: no value of the picture is black in any channel, and the range of tones ends sharply there.

In fog, snow or a bright room single dark or coloured things still reach lower values, so the range has a tail. Less is
needed if white has yellowed too.
"""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.tones import COLOURS, Tones, tones_of

LIFTED, SHARP = 0.21, 0.04
"""Value that all channels exceed nearly everywhere, and greatest tail below it, of a faded picture."""
WITH_YELLOW, SHARP_WITH_YELLOW = 0.09, 0.03
"""The same for a picture with yellow highlights."""
SHARP_IF_GREY = 0.015
"""The same tail for a grey picture, which has no colours that would show that it is not faded."""
PILED = 0.4
"""Share of the squares near black from which a picture is a drawing or a silhouette, whose black may be any value."""
MOST = 0.4
"""Greatest black point, relative to the white point; a larger one would amplify noise too much."""
PART = 0.8
"""Share of the colour of black that is measured: the darkest thing in a picture need not be neutral."""


def fading(crops: Sequence[np.ndarray]) -> Finding:
    """The black point of each channel of some crops (h, w, C), 0..1, as facts black_red, black_green, black_blue."""
    tones = tones_of(crops)
    unit = "0..1 scale, per channel"
    if tones is None:
        facts = {f"black_{colour}": 0.0 for colour in COLOURS}
        return Finding("fading", [0.0, 0.0, 0.0], unit, 0.0, False, "too small to measure the range of tones", facts)
    present, black = is_faded(tones), black_points(tones)
    facts = {f"black_{colour}": value for colour, value in zip(COLOURS, black, strict=True)}
    level = round(255 * tones.darkest)
    says = f"no channel is below {level} of 255: the darkest pixels are {'dark ' if level < 110 else ''}grey"
    if not present:
        says = f"no fading (the darkest pixels have {level} of 255)"
    plain = ("very " if tones.darkest >= 1.5 * LIFTED else "") + "faded" if present else ""
    sure = min(1.0, 0.6 + tones.darkest) if present else min(1.0, abs(tones.darkest - LIFTED) / LIFTED + 0.3)
    return Finding("fading", black, unit, round(sure, 3), present, says, facts, plain)


def is_faded(tones: Tones) -> bool:
    """Whether black is missing although the picture looks like a photograph with dark parts."""
    if tones.piled > PILED:
        return False
    grey = len(tones.black) == 1
    alone = tones.darkest >= LIFTED and tones.tail <= (SHARP_IF_GREY if grey else SHARP)
    return alone or (tones.yellowed and tones.darkest >= WITH_YELLOW and tones.tail <= SHARP_WITH_YELLOW)


def black_points(tones: Tones) -> list[float]:
    """The black points of red, green and blue; one for all channels if the picture is grey or toned."""
    lowest = float(tones.black.min())
    part = 0.0 if tones.toned else PART
    points = np.minimum(lowest + part * (tones.black - lowest), MOST * float(tones.white.max()))
    return [round(float(each), 4) for each in np.broadcast_to(points, 3)]
