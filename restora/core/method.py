"""Method: a row of facts about one way to restore. The code is loaded only when it is used."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from restora.core.errors import MissingExtra
from restora.core.inputs import Input, Product
from restora.core.knobs import Knob, Setting

Stage = Literal["local", "net", "resize", "correct", "regions", "whole"]
"""How a method is carried out; restora/stages/ has one file for each."""
KINDS = {"local": "filter", "net": "trained net", "resize": "resampling", "correct": "correction"} | {
    "regions": "hole filling", "whole": "whole picture"
}  # fmt: skip
"""The stages in words for tables."""
Knobs = Mapping[str, Setting]
Halo = int | Callable[[Knobs], int]


@dataclass(frozen=True)
class Made:
    """What a method gives, if it gives more than a picture: products by name, and a sentence for the report."""

    x_hat: np.ndarray
    products: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Method:
    """What a method is, what it is for, and how far its pixels look around.

    entry: "module:name" of a function or of a net's class. What is called depends on the stage:
    local, regions, whole: (y, **inputs, **knobs) -> x_hat, or Made; y and x_hat (H, W, C) float32. `local` sees a
    window with its halo. `regions` sees each hole with its halo, and `mask` (H, W) bool, True = missing. `whole` sees
    the whole picture; if `minutes` is set it takes seed and tell(done, total) too and survives Ctrl-C with its best.
    net: a torch module. resize: (size, new_size) -> the matrix (new_size, size) that resamples one axis.
    correct: (x_hat, y, down, up, **knobs) -> x_hat, with the matrices between the sizes of x_hat and the input y.
    halo: how far a changed pixel reaches, in pixels, or a function of the knobs.
    multiple: what height and width must be divisible by; pictures are continued by mirroring.
    memory: bytes of working memory for each pixel of a tile, at most, or a function of the knobs.
    memory_of_hole: more of those bytes for each pixel that is filled.
    minutes: that a fit to one picture needs for a megapixel on two cores with these knobs, at most and roughly.
    inputs, products: what it reads beside the picture, and gives beside the result.
    """

    name: str
    entry: str
    stage: Stage
    about: str
    treats: tuple[str, ...]
    paper: str
    knobs: tuple[Knob, ...] = ()
    scale: int = 1  # how many times larger its net makes a picture, unless its weights say otherwise
    halo: Halo = 0
    multiple: int = 1
    channels: int | None = None  # that it works on at a time; None: any
    luma: bool = False  # a net of one channel that works on the luma of a colour picture, not channel by channel
    memory: int | Callable[[Knobs], int] = 100
    memory_of_hole: int = 0
    minutes: Callable[[Knobs], float] | None = None
    weights: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    products: tuple[Product, ...] = ()
    needs: str = ""  # a package that Restora itself can do without

    @property
    def kind(self) -> str:
        """Its stage in words."""
        return KINDS[self.stage]

    @property
    def learned(self) -> bool:
        """Whether it is a trained net, with weights."""
        return self.stage == "net"

    @property
    def available(self) -> bool:
        """Whether the package that it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None

    def load(self) -> Any:
        """The function or class named by `entry`. Raises MissingExtra if it needs a package that is not installed."""
        module, name = self.entry.split(":")
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"{self.name} needs the package {error.name}; install it with: pip install 'restora[lab]'"
            ) from error

    def reach(self, knobs: Knobs) -> int:
        """The halo for these knobs."""
        return self.halo(knobs) if callable(self.halo) else self.halo

    def bytes_a_pixel(self, knobs: Knobs) -> int:
        """The memory for these knobs."""
        return self.memory(knobs) if callable(self.memory) else self.memory

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return {
            "name": self.name,
            "stage": self.stage,
            "about": self.about,
            "treats": list(self.treats),
            "paper": self.paper,
            "scale": self.scale,
            "halo": "depends on its knobs" if callable(self.halo) else self.halo,
            "multiple": self.multiple,
            "channels": self.channels,
            "weights": list(self.weights),
            "needs": self.needs,
            "inputs": {each.name: each.as_dict() for each in self.inputs},
            "products": {each.name: each.as_dict() for each in self.products},
            "knobs": {knob.name: knob.schema() for knob in self.knobs},
        }
