"""Local: a method whose pixels depend only on their surroundings, run window by window with a halo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from restora.core.method import Made
from restora.engines.tiling import Read, around, continued, smaller
from restora.stages.spool import Spool
from restora.stages.stage import Setup, Size, Stage, Window, blended, check_shape, made_of

Function = Callable[[np.ndarray, Mapping[str, np.ndarray]], Made]
"""(y (h, w, C), planes by name, each (h, w, 1)) -> the outputs of the method."""


@dataclass
class Local(Stage):
    """Windows are read with the halo around them, from the grid of `multiple`; the result is `scale` times larger.

    halo: in pixels of the input; None: the whole picture matters. careful: the method in full precision, for windows
    with NaN or infinity. memory: bytes for each pixel of the result. planes: inputs with one value for each
    pixel. kept: requested products, as large as the result.
    """

    name: str
    before: Size
    function: Function
    halo: int | None = 0
    multiple: int = 1
    memory: int = 100
    scale: int = 1
    strength: float = 1.0
    careful: Function | None = None
    planes: Mapping[str, Read] = field(default_factory=dict)
    kept: Mapping[str, Spool] = field(default_factory=dict)
    repaired: int = 0

    def __post_init__(self) -> None:
        self.after = self.scale * self.before[0], self.scale * self.before[1]
        self.whole = self.halo is None
        self.reach = max(self.before) if self.halo is None else self.halo

    def reads(self, size: Size) -> Size:
        """The window with the halo on both sides, as far as the picture goes, and on the grid."""
        margin = -(-self.reach // self.multiple) * self.multiple
        height, width = (
            min(whole, -(-side // self.scale) + 2 * margin) + -whole % self.multiple
            for side, whole in zip(size, self.before, strict=True)
        )
        return height, width

    def bytes_for(self, size: Size) -> int:
        """The memory for each computed pixel of the result."""
        height, width = self.reads(size)
        return ceil(self.memory * self.scale**2 * height * width)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, computed with its surroundings."""
        piece = around(smaller(window, self.scale), self.before, self.reach, self.multiple)
        y = continued(read(*piece.read), self.multiple)
        planes = {name: continued(plane(*piece.read), self.multiple) for name, plane in self.planes.items()}
        made = self.function(y, planes)
        if self.careful and not np.isfinite(made.x_hat).all():
            self.repaired += 1
            made = self.careful(y, planes)
        check_shape(made.x_hat, (self.scale * y.shape[0], self.scale * y.shape[1], y.shape[2]), self.name)
        top, left = window[0] - piece.read[0] * self.scale, window[1] - piece.read[1] * self.scale
        inside = slice(top, top + window[2]), slice(left, left + window[3])
        for name, spool in self.kept.items():
            spool.write(window, np.atleast_3d(made.products[name])[inside])
        return blended(y, made.x_hat, self.strength)[inside]

    def products(self) -> Mapping[str, Spool]:
        """The requested ones."""
        return self.kept

    def counted(self) -> list[float]:
        """Windows that were computed again."""
        return [self.repaired]

    def count_on(self, counted: list[float]) -> None:
        """Continue counting from this value."""
        self.repaired = int(counted[0])


def local(setup: Setup) -> Stage:
    """The stage of a classical method with a halo, a function (y, **inputs, **knobs)."""
    method = setup.method
    function: Any = partial(method.load(), **setup.others(), **setup.knobs)
    return Local(
        method.name,
        setup.size,
        lambda y, planes: made_of(function(y, **planes)),
        halo=method.reach(setup.knobs),
        multiple=method.multiple,
        memory=method.bytes_a_pixel(setup.knobs),
        strength=setup.step.strength,
        planes=setup.planes(),
        kept={each.name: Spool(setup.size, 1) for each in method.products if each.name in setup.keep},
    )
