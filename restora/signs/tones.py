"""The range of tones of a picture: the darkest and the brightest values of each channel, and the colour of highlights.

Means over small squares are used, so that noise hardly widens the range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

COLOURS = ("red", "green", "blue")
YELLOWED, EVENLY = 8.0, 2.5
"""Least yellow (b of CIE Lab) of highlights, and greatest deviation within them, of old paper."""
SQUARE, NOISY, LARGER = 2, 0.012, 4
"""Side of the squares; deviation of the finest detail from which it counts as noise; and their side then."""
FEWEST = 400
"""Number of squares below which a picture has no range to measure."""
DARKEST, DARK, BRIGHT = 0.05, 0.1, 99.9
"""Percentiles: of the lowest channel, and for the black and the white point."""
HIGHLIGHTS = 97
"""Percentile of brightness from which squares are highlights."""
ONE_HUE = 0.17
"""Deviation of colour around its curve over brightness, relative to the colour, up to which a picture is toned."""
COLOURED = 5.0
"""Colour (CIE Lab) from which a picture is not grey."""


@dataclass(frozen=True)
class Tones:
    """darkest: the value that every channel of nearly every square exceeds; black, white: of each channel; all 0..1.

    tail: how far values reach below the black point of the lowest channel, relative to the range. piled: the share of
    squares within a tenth of the range above that point. highlight: (3,) mean colour of the highlights. yellow: its b
    in CIE Lab if its hue is that of old paper, else 0; even: the standard deviation of a and b in the highlights.
    toned: whether the picture has one hue whose strength depends on brightness only.
    """

    darkest: float
    tail: float
    black: np.ndarray
    white: np.ndarray
    highlight: np.ndarray
    yellow: float
    even: float
    piled: float
    toned: bool

    @property
    def yellowed(self) -> bool:
        """Whether the highlights have the colour of old paper, and the picture has other hues too."""
        return self.yellow >= YELLOWED and self.even <= EVENLY and not self.toned


def tones_of(crops: Sequence[np.ndarray]) -> Tones | None:
    """The tones of crops (h, w, C) on 0..1; None if they are too small."""
    side = LARGER if _detail(crops) > NOISY else SQUARE
    squares = np.concatenate([_means(crop, side) for crop in crops])
    if len(squares) < FEWEST:
        return None
    lowest, black, white = squares.min(1), np.percentile(squares, DARK, 0), np.percentile(squares, BRIGHT, 0)
    darkest, dark = np.percentile(lowest, [DARKEST, 10 * DARKEST])
    piled = float((lowest <= dark + 0.1 * (white.max() - dark)).mean())
    tail = float((dark - darkest) / max(1e-3, white.max() - dark))
    highlight, yellow, even, toned = white, 0.0, 0.0, False
    if squares.shape[1] == 3:
        brightness = squares.mean(1)
        bright = squares[brightness >= np.percentile(brightness, HIGHLIGHTS)]
        highlight, lab = bright.mean(0), _lab(bright)
        a, b = lab[:, 1].mean(), lab[:, 2].mean()
        yellow = float(b) if -0.35 * b <= a <= 0.35 * b else 0.0
        even, toned = float(lab[:, 1:].std(0).max()), _toned(_lab(squares))
    return Tones(float(darkest), tail, black, white, highlight, yellow, even, piled, toned)


def _means(crop: np.ndarray, side: int) -> np.ndarray:
    """(n, C): the means over the squares of a crop; what is left at its borders is omitted."""
    rows, columns = crop.shape[0] // side, crop.shape[1] // side
    if not rows or not columns:
        return np.zeros((0, crop.shape[2]), np.float32)
    whole = np.ascontiguousarray(crop[: rows * side, : columns * side], np.float32)
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).reshape(-1, crop.shape[2]))


def _detail(crops: Sequence[np.ndarray]) -> float:
    """The robust deviation of the finest diagonal detail, an upper estimate of the noise (Donoho, 1995)."""
    fine = [
        (each[::2, ::2] - each[1::2, ::2] - each[::2, 1::2] + each[1::2, 1::2]).ravel() / 2
        for each in (crop[: crop.shape[0] // 2 * 2, : crop.shape[1] // 2 * 2] for crop in crops)
    ]
    values = np.abs(np.concatenate(fine))
    return float(np.median(values) / 0.6745) if len(values) else 0.0


def _lab(squares: np.ndarray) -> np.ndarray:
    """(n, 3) RGB as CIE Lab."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(squares[None].clip(0, 1)), cv2.COLOR_RGB2LAB)[0])


def _toned(lab: np.ndarray) -> bool:
    """Whether the colour of squares (n, 3) is a function of their brightness, and not grey."""
    colour = lab[:, 1:]
    level = np.minimum(lab[:, 0] // 5, 19).astype(int)
    apart = np.zeros_like(colour)
    for each in np.unique(level):
        apart[level == each] = colour[level == each] - np.median(colour[level == each], 0)
    strength = float(np.hypot(*np.median(colour, 0)))
    return strength >= COLOURED and float(np.sqrt(np.square(apart).sum(1).mean())) <= ONE_HUE * strength
