"""Correct: an enlarged picture is compared with the given picture, and corrected."""

from collections.abc import Callable
from functools import partial
from math import ceil

import numpy as np

from restora.core.resample import along, bicubic_weights
from restora.engines.tiling import Read
from restora.stages.stage import Setup, Size, Stage, Window


class Correct(Stage):
    """A function (x_hat, y, down, up) -> x_hat, where y is the given picture; the size does not change."""

    def __init__(self, setup: Setup, function: Callable[..., np.ndarray]) -> None:
        self.name, self.before, self.after = setup.method.name, setup.size, setup.size
        self.function, self.halo = function, setup.method.reach(setup.knobs) or 0  # in pixels of the given picture
        self.memory = setup.method.bytes_a_pixel(setup.knobs)
        self.given, self.given_size = setup.given, setup.given_size
        self.squares, self.count = 0.0, 0.0  # of the differences from the given picture

    def reads(self, size: Size) -> Size:
        """The window with the halo, which is counted in pixels of the given picture."""
        height, width = (
            min(whole, side + ceil(2 * (self.halo + 1) * whole / given))
            for side, whole, given in zip(size, self.before, self.given_size, strict=True)
        )
        return height, width

    def bytes_for(self, size: Size) -> int:
        """The memory of the row, for each computed pixel of the result."""
        height, width = self.reads(size)
        return self.memory * height * width

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, corrected."""
        axes = list(zip(window[:2], window[2:], self.given_size, self.before, strict=True))
        small = [self._small(*axis) for axis in axes]  # the part of the given picture that is read, by axis
        wide = [
            slice(int(part.start * large / little), min(large, ceil(part.stop * large / little)))
            for part, (_, _, little, large) in zip(small, axes, strict=True)
        ]
        sides = list(zip(self.given_size, self.before, small, wide, strict=True))
        down = tuple(bicubic_weights(large, little)[here][:, there] for little, large, here, there in sides)
        up = tuple(bicubic_weights(little, large)[there][:, here] for little, large, here, there in sides)
        y = self.given(*_window(small))
        x_hat = self.function(read(*_window(wide)), y, down, up)
        # Near the rim of the piece, except at the picture's border, shrinking lacks pixels.
        rows, columns = (
            slice(part.start and self.halo, None if part.stop == side else -self.halo)
            for part, side in zip(small, self.given_size, strict=True)
        )
        lacking = (y - along(down[1], along(down[0], x_hat, 0), 1))[rows, columns]
        self.squares, self.count = self.squares + float((lacking**2).sum()), self.count + lacking.size
        top, left = window[0] - wide[0].start, window[1] - wide[1].start
        return x_hat[top : top + window[2], left : left + window[3]]

    def _small(self, first: int, count: int, little: int, large: int) -> slice:
        ratio = large / little
        return slice(max(0, int(first / ratio) - self.halo), min(little, int((first + count) / ratio) + 1 + self.halo))

    def notes(self) -> list[str]:
        """The difference between the given picture and the result, when shrunk again."""
        away = 255 * (self.squares / max(1, self.count)) ** 0.5
        return [f"shrunk again, the result differs from the given picture by {away:.2f} of 255 (RMS)"]

    def counted(self) -> list[float]:
        """The sum of squared differences in all windows so far, and their count."""
        return [self.squares, self.count]

    def count_on(self, counted: list[float]) -> None:
        """Continue counting from these values."""
        self.squares, self.count = counted


def _window(sides: list[slice]) -> Window:
    rows, columns = sides
    return rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start


def correct(setup: Setup) -> Stage:
    """The stage of a correction."""
    setup.all_or_nothing()
    return Correct(setup, partial(setup.method.load(), **setup.knobs))
