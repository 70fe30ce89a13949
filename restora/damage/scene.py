"""Things of the scene that look like marks on a photograph and are none: print, wires, hair, grids and stars.

A net that finds marks must leave them alone, so it learns from pictures with them. They are drawn as a camera sees
them: with soft edges and the shading of what they belong to.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.damage.chain import Damage
from restora.damage.strokes import Canvas, cloud, curve, lettering


@dataclass(frozen=True)
class Print(Damage):
    """A page of text, or a plate with text: even paper under all of it; letters of about `size` pixels."""

    family: ClassVar[str] = "scene"
    kind: ClassVar[str] = "print"
    size: float = 14.0
    part: float = 1.0

    def __post_init__(self) -> None:
        self.need(4 <= self.size <= 500, "size must be from 4 to 500 pixels")
        self.need(0 < self.part <= 1, "part must be above 0 and at most 1")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The plate covers `part` of each side of the picture."""
        height, width = x.shape[:2]
        tall, wide = max(8, round(self.part * height)), max(8, round(self.part * width))
        top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
        dark = rng.random() < 0.8
        bright, deep = rng.uniform(0.6, 1), rng.uniform(0, 0.35)
        paper, ink = (bright, deep) if dark else (deep, bright)
        colours = np.clip(rng.normal(0, 0.06, (2, x.shape[2])) * (x.shape[2] > 1) + [[paper], [ink]], 0, 1)
        letters = np.zeros((tall, wide), np.float32)
        style = int(rng.integers(9)), rng.uniform(0.05, 0.14)
        bottom, indent = self.size * rng.uniform(0, 1.5), rng.uniform(-1, 2) * self.size
        while bottom < tall + self.size:
            text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyzABCDEFG01289        .,"), 80))
            line = text if rng.random() < 0.8 else text[: int(rng.integers(1, 12))]
            letters = np.maximum(letters, lettering((tall, wide), line, (indent, bottom), self.size, style))
            bottom += self.size * rng.uniform(1.5, 2.2) * (2 if rng.random() < 0.1 else 1)
        soft = rng.uniform(0, 1)
        letters = cv2.GaussianBlur(letters, (0, 0), soft) if soft >= 0.2 else letters
        light = 1 + 0.08 * cloud(tall, wide, max(tall, wide) / 2, rng)[:, :, None]
        plate = colours[0] + letters[:, :, None] * (colours[1] - colours[0])
        y = x.copy()
        y[top : top + tall, left : left + wide] = (plate * light).clip(0, 1)
        return y


@dataclass(frozen=True)
class Wires(Damage):
    """Wires, masts and branches: dark smooth lines that cross the picture, thicker where they fork."""

    family: ClassVar[str] = "scene"
    kind: ClassVar[str] = "wires"
    count: int = 3
    width: float = 3.0

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 1000, "count must be from 1 to 1000")
        self.need(0.5 <= self.width <= 100, "width must be from 0.5 to 100 pixels")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """All of one tone, darker than what is behind, with a lighter side; branches get thinner."""
        height, width = x.shape[:2]
        branches = rng.random() < 0.5
        canvas = Canvas(height, width)
        for _ in range(self.count):
            start = rng.random(2) * np.array([width, height])
            if branches:
                points = curve(start, rng.uniform(0.5, 1.5) * min(height, width), 0.12, rng)
                widths = np.linspace(self.width, 0.3 * self.width, len(points) - 1)
                for fork in points[1:-1][rng.random(len(points) - 2) < 0.15]:
                    twig = curve(fork, rng.uniform(0.1, 0.5) * min(height, width), 0.15, rng)
                    canvas.line(twig, np.linspace(0.5 * self.width, 0.3, len(twig) - 1))
            else:
                end = start + rng.normal(0, 1, 2) * (width, height)
                t = np.linspace(-3, 3, 200)[:, None]
                points = start + t * (end - start) + (t * t - 9) * np.array([0, rng.uniform(0, 0.05) * height])
                widths = np.full(len(points) - 1, rng.uniform(0.5, 1) * self.width)
            canvas.line(points, widths)
        share = canvas.coverage(rng.uniform(0.4, 0.9))[:, :, None]
        lit = canvas.coverage(self.width / 3 + 0.3)[:, :, None]  # round things are lighter in the middle
        tone = np.float32(rng.uniform(0, 0.6)) * x.min((0, 1)) + np.float32(rng.uniform(0, 0.2)) * lit
        return np.asarray(x + share * (tone - x), np.float32)


@dataclass(frozen=True)
class Hair(Damage):
    """Hair, grass, fur or rain: very many thin lines with nearly one direction, bright and dark."""

    family: ClassVar[str] = "scene"
    kind: ClassVar[str] = "hair"
    count: int = 60
    width: float = 1.5

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 10000, "count must be from 1 to 10000")
        self.need(0.3 <= self.width <= 100, "width must be from 0.3 to 100 pixels")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """In one layer for each of four tones between those of the picture."""
        height, width = x.shape[:2]
        heading, spread, bend = rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.3), rng.normal(0, 0.01)
        place, wide = rng.random(2) * np.array([width, height]), rng.uniform(0.15, 0.6) * max(height, width)
        tones = np.quantile(x, rng.random(4), (0, 1)).astype(np.float32) * rng.uniform(0.7, 1.3, (4, 1))
        y = x
        for tone in tones.clip(0, 1):
            canvas = Canvas(height, width)
            for _ in range(max(1, self.count // 4)):
                count = int(rng.integers(8, 50))
                turn = heading + spread * rng.standard_normal() + np.arange(count) * (bend + rng.normal(0, 0.01))
                steps = 4 * np.stack([np.cos(turn), np.sin(turn)], 1)
                points = place + wide * rng.normal(0, 1, 2) + np.cumsum(steps, 0)
                canvas.line(points, self.width * np.linspace(1, 0.3, count - 1) * rng.uniform(0.5, 1))
            y = y + rng.uniform(0.3, 0.9) * canvas.coverage(rng.uniform(0.3, 0.8))[:, :, None] * (tone - y)
        return np.asarray(y, np.float32)


@dataclass(frozen=True)
class Grid(Damage):
    """Fences, bricks, tiles or windows: lines at equal distances, in two directions."""

    family: ClassVar[str] = "scene"
    kind: ClassVar[str] = "grid"
    size: float = 24.0
    width: float = 2.5

    def __post_init__(self) -> None:
        self.need(4 <= self.size <= 1000, "size must be from 4 to 1000 pixels")
        self.need(0.5 <= self.width <= 100, "width must be from 0.5 to 100 pixels")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Turned and leaning at random; the rows of bricks are shifted against each other."""
        height, width = x.shape[:2]
        reach, canvas = float(np.hypot(height, width)), Canvas(height, width)
        turn, lean = rng.choice([0, rng.normal(0, 0.1), rng.uniform(0, np.pi)]), rng.normal(0, 0.1)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn + lean), np.cos(turn + lean)]])
        far = np.arange(-reach, reach, self.size * rng.uniform(0.5, 1))
        kind, middle = rng.choice(["bars", "mesh", "bricks"]), np.array([width, height]) / 2
        for row, away in enumerate(far):
            line = middle + away * axes[0] + np.array([[-reach], [reach]]) * axes[1]
            canvas.line(line, np.array([self.width]))
            if kind == "mesh":
                canvas.line(middle + away * axes[1] + np.array([[-reach], [reach]]) * axes[0], np.array([self.width]))
            for across in (np.arange(-reach, reach, 2 * self.size) + self.size * (row % 2)) * (kind == "bricks"):
                start = middle + away * axes[0] + across * axes[1]
                canvas.line(np.stack([start, start + (far[1] - far[0]) * axes[0]]), np.array([self.width]))
        share = canvas.coverage(rng.uniform(0.3, 0.9))[:, :, None] * np.float32(rng.uniform(0.5, 1))
        rough = 0.05 * rng.uniform(0, 1) * cloud(height, width, 3, rng)[:, :, None]
        return np.asarray(x + share * ((rng.uniform(0, 1) + rough).clip(0, 1) - x), np.float32)


@dataclass(frozen=True)
class Stars(Damage):
    """Stars, lamps, glints or sea spray: round bright spots without an edge, of all sizes and brightnesses."""

    family: ClassVar[str] = "scene"
    kind: ClassVar[str] = "stars"
    count: int = 60

    def __post_init__(self) -> None:
        self.need(1 <= self.count <= 100000, "count must be from 1 to 100000")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Light is added, most of it by few of them; the picture behind is darkened at random."""
        light = np.zeros(x.shape[:2], np.float32)
        for sigma in rng.uniform(0.6, 2.0, 3):
            points = np.zeros_like(light)
            places = rng.integers(0, x.shape[:2], (max(1, self.count // 3), 2))
            np.add.at(points, tuple(places.T), rng.pareto(1.2, len(places)).clip(0, 30) * 2 * np.pi * sigma**2 * 0.1)
            light += cv2.GaussianBlur(points, (0, 0), float(sigma), borderType=cv2.BORDER_CONSTANT)
        tint = 1 + 0.15 * rng.standard_normal(x.shape[2]) * (x.shape[2] > 1)
        return np.asarray((x * rng.uniform(0.1, 1) + light[:, :, None] * tint).clip(0, 1), np.float32)
