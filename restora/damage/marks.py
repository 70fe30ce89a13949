"""Marks on a photograph: scratches, creases, dust, blotches, tears, letters and dead pixels.

Each word gives the picture y and the mask of what it changed. Where a mark has the colour of the picture below it,
there is nothing to see, and the mask is False: y = x outside the mask, exactly.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.core.errors import BadDamage
from restora.damage.chain import Chain, Damage
from restora.damage.strokes import Canvas, blob, cloud, curve, lettering, ragged, text_width

SEEN = 0.025
"""A change of all channels below this is not seen, and not made."""
WORDS = ("Summer", "Family", "Berlin", "Mum and Dad", "Paris", "Kodak", "No. 7", "PROOF", "Sample", "Christmas", "1st")


class Mark(Damage):
    """Something that lies on the picture; `marked` also gives the mask."""

    family: ClassVar[str] = "marks"

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The damaged picture y (H, W, C), float32, and the mask of what was changed, (H, W) bool, True = damaged."""
        raise BadDamage(f"{self} cannot be applied")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The damaged picture alone."""
        return self.marked(x, rng)[0]


@dataclass(frozen=True)
class Scratches(Mark):
    """Thin lines, at most `width` pixels: straight, bent or broken, bright or dark, partly transparent."""

    kind: ClassVar[str] = "scratches"
    count: int = 5
    width: float = 3.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 10000, "count must be from 1 to 10000")
        self.need(0.3 <= self.width <= 100, "width must be from 0.3 to 100 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Each scratch has its own colour, opacity and softness."""
        y = x
        height, width = x.shape[:2]
        for _ in range(self.count):
            length = min(1.5, 0.08 + rng.exponential(0.35)) * float(np.hypot(height, width))
            points = curve(rng.random(2) * (width, height), length, rng.choice([0.0, 0.02, 0.08]), rng)
            canvas = Canvas(height, width)
            canvas.line(points, _widths(len(points) - 1, self.width, rng))
            y = _over(y, canvas.coverage(rng.uniform(0, 0.8)) * rng.uniform(0.45, 1), _tone(x, rng))
        return _changed(x, y)


@dataclass(frozen=True)
class FilmScratches(Mark):
    """A family of nearly parallel thin lines along one side of the picture, as film has from being wound."""

    kind: ClassVar[str] = "film"
    count: int = 4
    width: float = 1.5

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(0.3 <= self.width <= 100, "width must be from 0.3 to 100 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """All lines lean alike; each begins and ends somewhere."""
        y, upright, lean = x, rng.random() < 0.5, rng.normal(0, 0.01)
        height, width = x.shape[:2] if upright else x.shape[1::-1]
        tone = _tone(x, rng)
        for _ in range(self.count):
            along = np.arange(-8.0, height + 16, 8)
            across = rng.uniform(0, width) + lean * along + 0.3 * np.cumsum(rng.normal(0, 0.3, len(along)))
            points = np.stack([across, along] if upright else [along, across], 1)
            widths = np.full(len(points) - 1, rng.uniform(0.4, self.width))
            if rng.random() < 0.4:
                widths[: int(rng.integers(len(widths)))] = 0
            canvas = Canvas(*x.shape[:2])
            canvas.line(points, widths)
            y = _over(y, canvas.coverage(rng.uniform(0, 0.6)) * rng.uniform(0.35, 0.9), tone)
        return _changed(x, y)


@dataclass(frozen=True)
class Creases(Mark):
    """Folds across the picture: a bright broken core of at most `width` pixels, and a dark rim on one side."""

    kind: ClassVar[str] = "creases"
    count: int = 2
    width: float = 4.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(0.5 <= self.width <= 100, "width must be from 0.5 to 100 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """From border to border, or ending inside; flakes of paper are missing along the fold."""
        y = x
        height, width = x.shape[:2]
        for _ in range(self.count):
            start, end = _across(height, width, rng)
            points = ragged(start, end, rng.uniform(0.01, 0.07), rng)
            widths = _widths(len(points) - 1, self.width, rng, gaps=0.35) + 0.3 * (rng.random(len(points) - 1) < 0.8)
            rim, core = Canvas(height, width), Canvas(height, width)
            aside = rng.uniform(0.4, 0.8) * self.width * rng.choice([-1, 1])
            rim.line(points + aside * _normal(end - start), np.full(len(widths), rng.uniform(0.5, 1) * self.width))
            core.line(points, widths)
            for place in points[rng.random(len(points)) < 0.15]:
                core.area(blob(place, rng.uniform(0.4, 0.9) * self.width, rng))
            y = _over(y, rim.coverage(self.width / 4) * rng.uniform(0, 0.5), np.float32(rng.uniform(0, 0.15)))
            y = _over(y, core.coverage(rng.uniform(0, 0.6)) * rng.uniform(0.6, 1), _paper(x, rng))
        return _changed(x, y)


@dataclass(frozen=True)
class Dust(Mark):
    """Specks and fibres, bright or dark; specks of at most `size` pixels, fibres are longer."""

    kind: ClassVar[str] = "dust"
    count: int = 30
    size: float = 4.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 100000, "count must be from 1 to 100000")
        self.need(0.5 <= self.size <= 100, "size must be from 0.5 to 100 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Specks of one tone, and fibres of another."""
        y = x
        height, width = x.shape[:2]
        fibres = int(rng.binomial(self.count, 0.12))
        for drawn, count in (("specks", self.count - fibres), ("fibres", fibres)):
            canvas = Canvas(height, width)
            for place in rng.random((count, 2)) * (width, height):
                if drawn == "specks":
                    canvas.area(blob(place, max(0.35, self.size / 2 * rng.random() ** 2), rng))
                else:
                    points = curve(place, self.size * rng.uniform(2, 10), rng.uniform(0.1, 0.4), rng, 2.0)
                    canvas.line(points, np.full(len(points) - 1, rng.uniform(0.6, 0.4 + 0.25 * self.size)))
            y = _over(y, canvas.coverage(rng.uniform(0, 0.6)) * rng.uniform(0.6, 1), _tone(x, rng))
        return _changed(x, y)


@dataclass(frozen=True)
class Blotches(Mark):
    """Irregular areas of about `size` pixels, bright or dark, more or less transparent, some with a darker edge."""

    kind: ClassVar[str] = "blotches"
    count: int = 3
    size: float = 30.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(2 <= self.size <= 2000, "size must be from 2 to 2000 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The edge of each is where smooth noise falls below the distance from its centre."""
        y = x
        height, width = x.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        for _ in range(self.count):
            radius = self.size / 2 * rng.uniform(0.4, 1)
            centre = rng.random(2) * (height, width)
            away = np.hypot((rows - centre[0]) * rng.uniform(0.5, 1), (columns - centre[1]) * rng.uniform(0.5, 1))
            edge = 1 - away / np.float32(radius)
            for size, weight in ((radius, 0.25), (radius / 3, 0.12), (max(1.5, radius / 8), 0.03)):
                edge += np.float32(weight) * cloud(height, width, size, rng)
            edge *= np.float32(radius / rng.uniform(1, 4))  # the edge is 1 to 4 pixels wide
            covered = edge.clip(0, 1)
            if rng.random() < 0.3:
                covered = covered * np.float32(0.7) + np.float32(0.3) * (edge.clip(0, 2) < 2) * covered
            y = _over(y, covered * rng.uniform(0.35, 1), _tone(x, rng, stain=True))
        return _changed(x, y)


@dataclass(frozen=True)
class Tears(Mark):
    """Paper that is missing at a border, to a depth of at most `size` pixels; a rough white edge."""

    kind: ClassVar[str] = "tears"
    count: int = 1
    size: float = 40.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 100, "count must be from 1 to 100")
        self.need(4 <= self.size <= 4000, "size must be from 4 to 4000 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A corner, or a piece of a side; what is behind is nearly even, the torn edge brighter."""
        y = x
        height, width = x.shape[:2]
        for _ in range(self.count):
            depth = self.size * rng.uniform(0.3, 1)
            along = depth * rng.uniform(0.7, 2.5)
            middle = 0.0 if rng.random() < 0.5 else rng.uniform(0, width)  # at 0 it is a corner
            line = ragged(np.array([middle - along, -2.0]), np.array([middle, depth]), 0.05, rng)
            line = np.concatenate(
                [line, ragged(np.array([middle, depth]), np.array([middle + along, -2.0]), 0.05, rng)]
            )
            turn = int(rng.integers(4))
            sides = (height, width) if turn % 2 == 0 else (width, height)
            line[:, 0] *= sides[1] / width
            edge, behind = Canvas(*sides), Canvas(*sides)
            edge.area(line)
            edge.line(line, rng.uniform(1, 4, len(line) - 1))
            behind.area(line - (0, rng.uniform(1, 4)))
            paper = _paper(x, rng)
            back = paper if rng.random() < 0.6 else _tone(x, rng)
            grain = np.float32(0.015) * rng.standard_normal(x.shape[:2]).astype(np.float32)[:, :, None]
            y = _over(y, np.rot90(edge.coverage(0.4), turn), paper + grain)
            y = _over(y, np.rot90(behind.coverage(0.4), turn), back + grain)
        return _changed(x, y)


@dataclass(frozen=True)
class Letters(Mark):
    """Lines of text over the picture: a date stamp, a note or a watermark, letters `size` pixels high."""

    kind: ClassVar[str] = "letters"
    count: int = 1
    size: float = 20.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(4 <= self.size <= 1000, "size must be from 4 to 1000 pixels")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Any colour, several fonts, some with an outline."""
        y = x
        height, width = x.shape[:2]
        for _ in range(self.count):
            text, font = _line_of_text(rng), int(rng.integers(9))
            room = max(1.0, width - text_width(text, self.size, font))
            corner = (rng.uniform(0, room), rng.uniform(min(self.size, height - 1), height))
            thick = rng.uniform(0.06, 0.16)
            if rng.random() < 0.35:
                wide = lettering((height, width), text, corner, self.size, (font, thick + 2.5 / self.size + 0.05))
                y = _over(y, wide, np.float32(rng.uniform(0, 0.15)))
            covered = lettering((height, width), text, corner, self.size, (font, thick))
            soft = rng.uniform(0, 0.7)
            covered = cv2.GaussianBlur(covered, (0, 0), soft) if soft >= 0.2 else covered
            y = _over(y, covered * rng.uniform(0.65, 1), _ink(x, rng))
        return _changed(x, y)


@dataclass(frozen=True)
class DeadPixels(Mark):
    """Single pixels, and a few small groups, that are far too bright, too dark, or wrong in one channel."""

    kind: ClassVar[str] = "pixels"
    count: int = 20

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000000, "count must be from 1 to 1000000")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Hot ones are nearly 1, dead ones nearly 0; each differs from the picture by at least a quarter."""
        y = x.copy()
        height, width = x.shape[:2]
        for row, column in rng.integers(0, (height, width), (self.count, 2)):
            tall, wide = (1, 1) if rng.random() < 0.75 else rng.integers(1, 4, 2)
            group = y[row : row + tall, column : column + wide]
            bright = rng.random() < 0.7 if 0.25 < x[row, column].mean() < 0.75 else x[row, column].mean() < 0.5
            channels = slice(None) if rng.random() < 0.5 else rng.integers(x.shape[2])
            group[:, :, channels] = rng.uniform(0.85, 1) if bright else rng.uniform(0, 0.15)
        return _changed(x, y)


@dataclass(frozen=True)
class Mixed(Mark):
    """One to three of the other kinds, drawn at random; `amount` scales their number."""

    kind: ClassVar[str] = "mixed"
    amount: float = 1.0

    def __post_init__(self) -> None:
        self.need(0 < self.amount <= 100, "amount must be above 0 and at most 100")

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The mask is that of all together."""
        y = x
        for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
            y = self._drawn(x, rng).apply(y, rng)
        return _changed(x, y)

    def _drawn(self, x: np.ndarray, rng: np.random.Generator) -> Mark:
        """A mark of a kind whose number and size suit the picture."""
        side = float(np.sqrt(x.shape[0] * x.shape[1]))
        many = self.amount * side / 128  # lines are counted by the side of the picture, spots by its area

        def number(usual: float) -> int:
            return max(1, round(usual * many * rng.uniform(0.3, 1.7)))

        kinds = {
            Scratches(number(3), float(rng.choice([rng.uniform(0.8, 6), rng.uniform(0.6, 2.5)]))): 0.26,
            FilmScratches(number(3), float(rng.uniform(0.6, 2))): 0.1,
            Creases(number(1.2), float(rng.uniform(1, 6))): 0.14,
            Dust(number(12 * side / 128), float(rng.uniform(1, 7))): 0.18,
            Blotches(number(1.5), float(rng.uniform(6, 60))): 0.1,
            Tears(number(0.7), float(rng.uniform(0.1, 0.35) * side)): 0.06,
            Letters(number(1.2), float(rng.choice([rng.uniform(8, 32), rng.uniform(8, 64)]))): 0.12,
            DeadPixels(number(6 * side / 128)): 0.04,
        }
        return list(kinds)[int(rng.choice(len(kinds), p=list(kinds.values())))]


def marked(damage: Damage, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Any damage y of x, and the mask (H, W) bool of its marks; what blurs or adds noise marks nothing."""
    mask = np.zeros(x.shape[:2], bool)
    for part in damage.damages if isinstance(damage, Chain) else (damage,):
        if isinstance(part, Mark):
            x, seen = part.marked(x, rng)
            mask |= seen
        else:
            x = part.apply(x, rng)
    return x, mask


def _changed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y with what cannot be seen undone, and the mask of the rest."""
    mask: np.ndarray = (np.abs(y - x) > SEEN).any(2)
    return np.where(mask[:, :, None], y, x), mask


def _over(y: np.ndarray, covered: np.ndarray, colour: np.ndarray | np.float32) -> np.ndarray:
    """Paint of a colour over y, to the share that each pixel is covered."""
    share = covered.astype(np.float32)[:, :, None]
    return y + share * (colour - y)


def _tone(x: np.ndarray, rng: np.random.Generator, stain: bool = False) -> np.ndarray:
    """A bright or dark colour (C,), mostly the one that is seen on the picture; a stain may have any."""
    bright = rng.random() < (0.85 if np.median(x) < 0.6 else 0.35)
    level = rng.uniform(0.7, 1) if bright else rng.uniform(0, 0.25)
    if stain and rng.random() < 0.5:
        level = rng.uniform(0.1, 0.9)
    tint = rng.normal(0, 0.06 if stain else 0.03, x.shape[2]) * (x.shape[2] > 1)
    return (level + tint).clip(0, 1).astype(np.float32)


def _paper(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White, cream or light grey (C,)."""
    warm = rng.uniform(0, 0.06) * np.arange(x.shape[2])  # less in green than in red, and least in blue
    return np.asarray(rng.uniform(0.75, 1) - warm, np.float32)


def _ink(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The colour of letters (C,): white, black, the orange of a date stamp, or any."""
    if x.shape[2] == 1:
        return _tone(x, rng)
    which = rng.random()
    if which < 0.4:
        return _tone(x, rng)
    if which < 0.65:
        return np.array([rng.uniform(0.85, 1), rng.uniform(0.25, 0.65), rng.uniform(0, 0.25)], np.float32)
    return np.asarray(rng.random(x.shape[2]), np.float32)


def _line_of_text(rng: np.random.Generator) -> str:
    """A date as cameras print it, a word, or letters at random."""
    year, month, day = (int(part) for part in rng.integers((70, 1, 1), (100, 13, 29)))
    which = rng.random()
    if which < 0.4:
        forms = (
            f"'{year} {month:2d} {day:2d}",
            f"{day:02d}.{month:02d}.19{year}",
            f"{month}/{day}/{year}",
            f"19{year}",
        )
        return forms[int(rng.integers(len(forms)))]
    if which < 0.7:
        return WORDS[int(rng.integers(len(WORDS)))]
    letters = rng.choice(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789      .,-&"), 24)
    return "".join(letters[: int(rng.integers(4, 25))]).strip() or "a"


def _widths(count: int, most: float, rng: np.random.Generator, gaps: float = 0.0) -> np.ndarray:
    """The widths of the segments of a line; where it is broken, zero."""
    base = rng.uniform(0.25, 1) * most
    slow = np.interp(np.arange(count), np.arange(0, count + 12, 12), rng.normal(0, 0.35, len(range(0, count + 12, 12))))
    widths = np.clip(base * np.exp(slow), 0.3, most)
    if rng.random() < max(gaps, 0.35):
        broken = np.repeat(rng.random(count // 5 + 1) < rng.uniform(0.1, 0.6), 5)[:count]
        widths = np.where(broken, 0, widths)
    return widths


def _across(height: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two points on different borders, or one on a border and one inside."""
    borders = [(rng.uniform(0, width), -2.0), (width + 2.0, rng.uniform(0, height))]
    borders += [(rng.uniform(0, width), height + 2.0), (-2.0, rng.uniform(0, height))]
    first, second = rng.permutation(4)[:2]
    end = np.array(borders[second]) if rng.random() < 0.7 else rng.random(2) * (width, height)
    return np.array(borders[first]), end


def _normal(direction: np.ndarray) -> np.ndarray:
    """The unit vector across a direction."""
    across: np.ndarray = direction[::-1] * (1, -1) / max(1e-6, float(np.hypot(*direction)))
    return across
