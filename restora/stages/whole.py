"""Whole: a method that needs the whole picture, run once; the pipeline stores its result on disk."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from restora.core.method import Knobs, Method
from restora.engines.tiling import Read
from restora.stages.marked import marked
from restora.stages.net import DENOISER, denoiser
from restora.stages.stage import Setup, Size, Stage, Window, around, blended, check_shape, made_of


class Whole(Stage):
    """A function (y, **inputs, **knobs) of the whole picture; if the row has a denoiser, `denoise` is that net."""

    whole = True

    def __init__(self, setup: Setup) -> None:
        self.name, self.before, self.after, self.setup = setup.method.name, setup.size, setup.size, setup
        self.function: Any = setup.method.load()
        self.found: Mapping[str, Any] = {}
        self.note = ""

    def reads(self, size: Size) -> Size:
        """Everything."""
        return self.before

    def bytes_for(self, size: Size) -> int:
        """The memory of the row for each pixel of the picture, and that of a denoiser that it calls."""
        return needed(self.setup.method, self.setup.knobs, self.before)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The whole result; the window must be the whole picture."""
        setup, everything = self.setup, (0, 0, *self.before)
        given = {name: plane(*everything) for name, plane in setup.planes().items()} | setup.others()
        if "hole" in setup.method.treats and given:  # a mask, boxes, or both
            given = {"mask": marked(setup.inputs, setup.size)}
        if setup.method.denoiser:
            given["denoise"] = denoiser(setup)
        if setup.method.minutes:
            given |= {"seed": setup.report.plan.seed, "tell": setup.tell or (lambda done, total: None)}
        if setup.method.frames_around(setup.knobs):
            given["neighbours"] = [frame(*everything) for frame in around(setup, self.name)]
        y = read(*everything)
        made = made_of(self.function(y, **given, **setup.knobs))
        check_shape(made.x_hat, y.shape, self.name)
        self.found, self.note = made.products, made.note
        return blended(y, made.x_hat, setup.step.strength)

    def products(self) -> Mapping[str, Any]:
        """The products of the function."""
        return self.found

    def notes(self) -> list[str]:
        """The note of the function."""
        return [f"{self.name}: {self.note}"] if self.note else []


def needed(method: Method, knobs: Knobs, size: Size) -> int:
    """Bytes for a method that needs the whole of a picture (H, W): its own, and those of a denoiser that it calls."""
    own = method.bytes_a_pixel(knobs) * size[0] * size[1]
    return max(own, own * 3 // 4 + DENOISER) if method.denoiser else own  # a denoiser runs between its own steps


def whole(setup: Setup) -> Stage:
    """The stage of a method that needs the whole picture."""
    return Whole(setup)
