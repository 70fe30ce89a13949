"""Local: a method whose pixels depend on their surroundings only, run window by window with a halo."""

from collections.abc import Mapping
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from restora.core.method import Made
from restora.engines.tiling import Read, around, continued, smaller
from restora.stages.spool import Spool
from restora.stages.stage import Setup, Size, Stage, Window, blended, check_shape, made_of


class Local(Stage):
    """Windows are read with the halo around them, from the grid of `multiple`; the result is `scale` times larger."""

    def __init__(self, setup: Setup, *, halo: int, multiple: int, memory: int, scale: int = 1) -> None:
        self.name, self.before = setup.step.weights or setup.method.name, setup.size
        self.after = scale * setup.size[0], scale * setup.size[1]
        self.setup, self.halo, self.multiple, self.memory, self.scale = setup, halo, multiple, memory, scale
        self.planes = setup.planes()
        self.kept: dict[str, Spool] = {}  # products that are wanted

    def reads(self, size: Size) -> Size:
        """The window with the halo on both sides, as far as the picture goes, and on the grid."""
        margin = -(-self.halo // self.multiple) * self.multiple
        height, width = (
            min(whole, -(-side // self.scale) + 2 * margin) + -whole % self.multiple
            for side, whole in zip(size, self.before, strict=True)
        )
        return height, width

    def bytes_for(self, size: Size) -> int:
        """Those of the row, for each pixel of the result that is computed."""
        height, width = self.reads(size)
        return ceil(self.memory * self.scale**2 * height * width)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, computed with what is around it."""
        core = smaller(window, self.scale)
        piece = around(core, self.before, self.halo, self.multiple)
        y = continued(read(*piece.read), self.multiple)
        planes = {name: continued(plane(*piece.read), self.multiple) for name, plane in self.planes.items()}
        made = self.method(y, planes)
        check_shape(made.x_hat, (self.scale * y.shape[0], self.scale * y.shape[1], y.shape[2]), self.name)
        top, left = window[0] - piece.read[0] * self.scale, window[1] - piece.read[1] * self.scale
        inside = slice(top, top + window[2]), slice(left, left + window[3])
        for name, spool in self.kept.items():
            spool.write(window, made.products[name][inside])
        return blended(y, made.x_hat, self.setup.step.strength)[inside]

    def products(self) -> Mapping[str, Spool]:
        """Planes as large as the result."""
        return self.kept

    def method(self, y: np.ndarray, planes: Mapping[str, np.ndarray]) -> Made:
        """The method itself."""
        raise NotImplementedError


class Function(Local):
    """A function (y, **inputs, **knobs) of a window."""

    def __init__(self, setup: Setup) -> None:
        method = setup.method
        super().__init__(
            setup, halo=method.reach(setup.knobs), multiple=method.multiple, memory=method.bytes_a_pixel(setup.knobs)
        )
        self.kept = {each.name: Spool(self.after, 1) for each in method.products if each.name in setup.keep}
        self.function: Any = partial(method.load(), **setup.others(), **setup.knobs)

    def method(self, y: np.ndarray, planes: Mapping[str, np.ndarray]) -> Made:
        """The function of the row."""
        return made_of(self.function(y, **planes))


def local(setup: Setup) -> Stage:
    """The stage of a classical method with a halo."""
    return Function(setup)
