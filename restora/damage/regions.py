"""Damage in parts of a picture: scratches, a blotch, blur, letters or lost blocks inside boxes, the rest untouched."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.damage.chain import Damage
from restora.damage.hole import ScratchHole

CLASSES = ("scratches", "blotch", "blur", "overlay", "blocks")
"""The kinds of damaged regions; the class of a region is its index here."""
LEAST = 24
"""The shortest side of a region in pixels, before the box is drawn tightly around what has changed."""
CHANGED, WEAK = 0.02, 0.012
"""Least change of a pixel that counts, and least mean change of a region; weaker damage is not made."""
TRIES = 8
"""Attempts to place a region beside the others."""
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
SIGNS = "ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz"

Painter = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(part (h, w, C), rng) -> the damaged part."""


@dataclass(frozen=True)
class Regions(Damage):
    """Up to `most` damaged regions of random classes, sizes and places, which hardly overlap; the rest is unchanged.

    only: the name of one class; empty: all. least: how many regions are tried at least; weak ones are left out.
    """

    family: ClassVar[str] = "regions"
    kind: ClassVar[str] = "mixed"
    first: ClassVar[bool] = True
    most: int = 4
    least: int = 0
    only: str = ""

    def __post_init__(self) -> None:
        self.need(0 <= self.least <= self.most <= 100, "least and most must be from 0 to 100, in this order")
        self.need(self.only in ("", *CLASSES), f"only must be one of {', '.join(CLASSES)}")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with its regions damaged."""
        return self.marked(x, rng)[0]

    def marked(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """y, and the regions (n, 5): top, left, height and width of the box around what has changed, and the class."""
        y, found = np.array(x, np.float32), list[tuple[int, ...]]()
        if min(x.shape[:2]) < LEAST:
            return y, np.zeros((0, 5), np.int64)
        for _ in range(int(rng.integers(self.least, self.most + 1))):
            chosen = CLASSES.index(self.only) if self.only else int(rng.integers(len(CLASSES)))
            place = _place(x.shape[:2], CLASSES[chosen], found, rng)
            if place is None:
                continue
            top, left, height, width = place
            part = y[top : top + height, left : left + width]
            damaged = PAINTERS[CLASSES[chosen]](part, rng).astype(np.float32)
            change = np.abs(damaged - part).max(2)
            rows, columns = (np.flatnonzero((change > CHANGED).any(axis)) for axis in (1, 0))
            if not rows.size or min(np.ptp(rows), np.ptp(columns)) < LEAST // 3 or change.mean() < WEAK:
                continue
            part[...] = damaged
            box = top + rows[0], left + columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
            found.append((*map(int, box), chosen))
        return y, np.array(found, np.int64).reshape(-1, 5)


def _place(
    size: tuple[int, int], kind: str, found: list[tuple[int, ...]], rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """A random box (top, left, height, width) that hardly overlaps those found; None if there is no room."""
    for _ in range(TRIES):
        side = np.exp(rng.uniform(np.log(max(LEAST, 0.1 * min(size))), np.log(max(LEAST + 1, 0.6 * min(size)))))
        aspect = np.exp(rng.uniform(0.5, 1.6) if kind == "overlay" else rng.uniform(-0.6, 0.6))
        height, width = (
            int(min(length, max(LEAST, side * way)))
            for length, way in zip(size, (aspect**-0.5, aspect**0.5), strict=True)
        )
        top, left = int(rng.integers(size[0] - height + 1)), int(rng.integers(size[1] - width + 1))
        if all(_shared((top, left, height, width), other) < 0.1 * height * width for other in found):
            return top, left, height, width
    return None


def _shared(box: tuple[int, ...], other: tuple[int, ...]) -> int:
    """The area in pixels that two boxes share."""
    rows, columns = (
        max(0, min(box[axis] + box[axis + 2], other[axis] + other[axis + 2]) - max(box[axis], other[axis]))
        for axis in (0, 1)
    )
    return rows * columns


def _scratches(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cluster of thin lines, bright or dark, often parallel, with soft ends and breaks."""
    height, width = part.shape[:2]
    count, thick = int(rng.integers(3, 14)), int(rng.integers(1, 3 + (min(part.shape[:2]) > 60)))
    if rng.random() < 0.5:
        lines = ~ScratchHole(count, thick).mask(height, width, rng)
    else:
        lines = _parallel((height, width), count, thick, rng)
    alpha = cv2.GaussianBlur(lines.astype(np.float32), (0, 0), rng.uniform(0.4, 0.9))
    if rng.random() < 0.5:  # broken lines
        alpha *= _field((height, width), 6, rng) > rng.uniform(-0.8, -0.2)
    level = rng.uniform(0.8, 1) if rng.random() < 0.6 else rng.uniform(0, 0.2)
    tint = np.asarray(level + rng.uniform(-0.1, 0.1, part.shape[2]))
    return _mixed(part, tint.clip(0, 1), np.minimum(alpha * rng.uniform(1, 1.8), rng.uniform(0.7, 1)))


def _parallel(size: tuple[int, int], count: int, thick: int, rng: np.random.Generator) -> np.ndarray:
    lines, (height, width) = np.zeros(size, np.uint8), size
    angle, reach = rng.uniform(0, np.pi), float(np.hypot(*size))
    for _ in range(count):
        centre = rng.random(2) * (width, height)
        turned = angle + rng.normal(0, 0.06)
        along = np.array([np.cos(turned), np.sin(turned)]) * rng.uniform(0.2, 0.6) * reach
        bend = np.array([-along[1], along[0]]) * rng.normal(0, 0.05)
        curve = np.rint([centre - along, centre + bend, centre + along]).astype(np.int32)
        cv2.polylines(lines, [curve], False, 1, thick)
    return lines > 0


def _blotch(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An irregular stain, bright, dark or brown, partly transparent."""
    size, (height, width) = part.shape[:2], part.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = 0.75 - np.hypot(rows, columns) + 0.22 * _field(size, 0.15 * min(size), rng)
    alpha = np.clip(inside * rng.uniform(4, 20), 0, 1).astype(np.float32)
    alpha *= np.clip(1 + 0.2 * _field(size, 0.1 * min(size), rng), 0, 1)
    style = rng.integers(3)
    tint = np.full(3, rng.uniform(0.75, 1)) if style == 0 else np.full(3, rng.uniform(0, 0.25))
    if style == 2:
        tint = np.array([0.55, 0.4, 0.22]) * rng.uniform(0.6, 1.5)
    return _mixed(part, tint[: part.shape[2]].clip(0, 1), alpha * rng.uniform(0.45, 0.97))


def _blur(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part out of focus, with a soft rim."""
    size = part.shape[:2]
    soft = cv2.GaussianBlur(part, (0, 0), rng.uniform(2, 6)).reshape(part.shape)
    rim = max(1.0, rng.uniform(0.02, 0.1) * min(size))
    core = np.zeros(size, np.float32)
    gap = int(np.ceil(rim))
    if rng.random() < 0.5:
        core[gap : size[0] - gap, gap : size[1] - gap] = 1
    else:
        axes = (max(1, size[1] // 2 - gap), max(1, size[0] // 2 - gap))
        cv2.ellipse(core, (size[1] // 2, size[0] // 2), axes, 0, 0, 360, 1.0, -1)
    return part + cv2.GaussianBlur(core, (0, 0), rim / 2)[:, :, None] * (soft - part)


def _overlay(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Letters or a date stamp over the picture, sometimes with an outline."""
    height, width = part.shape[:2]
    if rng.random() < 0.4:
        day, month, year = (int(rng.integers(1, top)) for top in (29, 13, 100))
        joint = str(rng.choice(["/", ".", "-", " "]))
        text = joint.join(f"{number:02d}" for number in (day, month, year))
    else:
        text = "".join(rng.choice(list(SIGNS), int(rng.integers(4, 11))))
    font = FONTS[int(rng.integers(len(FONTS)))]
    (wide, high), below = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(0.95 * width / wide, 0.9 * height / (high + below))
    thick = max(1, round(scale * rng.uniform(1, 3.5)))
    start = (int(0.02 * width), int((height + scale * (high - below)) / 2))

    def drawn(stroke: int) -> np.ndarray:
        letters = np.zeros((height, width), np.uint8)
        cv2.putText(letters, text, start, font, scale, 255, stroke, cv2.LINE_AA)
        return letters.astype(np.float32) / 255

    colours = [(1, 1, 1), (0, 0, 0), (1, 0.55, 0.1), (1, 1, 0.2), (1, 0.2, 0.1), tuple(rng.random(3))]
    tint = np.array(colours[int(rng.integers(len(colours)))])[: part.shape[2]]
    y = part
    if rng.random() < 0.3:
        y = _mixed(y, np.full(part.shape[2], float(tint.mean() < 0.5)), drawn(thick + 2))
    return _mixed(y, tint, drawn(thick) * rng.uniform(0.65, 1))


def _blocks(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blocks of 8 or 16 pixels that were lost in transmission, all of one value."""
    height, width = part.shape[:2]
    side = int(rng.choice([8, 16]))
    rows, columns = max(1, height // side), max(1, width // side)
    lost = rng.random((rows, columns)) < rng.uniform(0.3, 1)
    if rng.random() < 0.4:  # runs, as in a stream that is read block by block
        lost = np.repeat(rng.random((rows, 1)) < 0.6, columns, 1) & (np.arange(columns) >= rng.integers(columns))
    value = rng.choice([0.0, 0.5, 0.5, 1.0]) if rng.random() < 0.8 else rng.random()
    tint = np.array([0.0, 1.0, 0.0])[: part.shape[2]] if rng.random() < 0.1 else np.full(part.shape[2], value)
    mask = np.zeros((height, width), bool)
    mask[: rows * side, : columns * side] = np.kron(lost, np.ones((side, side), bool))[:height, :width]
    return np.where(mask[:, :, None], tint.astype(np.float32), part)


PAINTERS: dict[str, Painter] = dict(zip(CLASSES, (_scratches, _blotch, _blur, _overlay, _blocks), strict=True))


def _mixed(part: np.ndarray, tint: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    weight = np.asarray(alpha, np.float32).clip(0, 1)[:, :, None]
    return part + weight * (tint.astype(np.float32) - part)


def _field(size: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise (h, w) of mean 0 and variance 1."""
    noise = cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), max(1.0, sigma))
    return (noise - noise.mean()) / max(1e-6, float(noise.std()))
