"""Method: a row of facts about one way to restore. The code is loaded only when it is used."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from restora.core.errors import MissingExtra
from restora.core.inputs import Input, Product
from restora.core.knobs import Knob, Setting

if TYPE_CHECKING:
    import numpy as np

Stage = Literal["local", "net", "resize", "correct", "regions", "whole", "find", "detect"]
"""How a method runs; restora/stages/ has one file for each."""
KINDS = {"local": "filter", "net": "trained net", "resize": "resampling", "correct": "correction"} | {
    "regions": "hole filling", "whole": "whole picture", "find": "mask finder", "detect": "region repair"
}  # fmt: skip
"""The stages in words for tables."""
Knobs = Mapping[str, Setting]
Halo = int | Callable[[Knobs], int]


@dataclass(frozen=True)
class Made:
    """The answer of a method with more than a picture: products by name, and a sentence for the report."""

    x_hat: "np.ndarray"
    products: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Method:
    """The facts about a method: what it does, what it treats, and its halo.

    entry: "module:name" of a function or of a net's class. What is called depends on the stage:
    local, regions, whole: (y, **inputs, **knobs) -> x_hat, or Made; y and x_hat (H, W, C) float32. `local` sees a
    window with its halo. `regions` sees each hole with its halo, and `mask` (H, W) bool, True = missing. `whole` sees
    the whole picture; if `minutes` is set it also takes seed and tell(done, total), and on Ctrl-C returns its best.
    net: a torch module. resize: (size, new_size) -> the matrix (new_size, size) that resamples one axis.
    find: a torch module that gives a mask, for the input `mask` of other methods; it is no step of a plan.
    detect: a torch module that finds boxes, which the stage repairs.
    correct: (x_hat, y, down, up, **knobs) -> x_hat, with the matrices between the sizes of x_hat and the input y.
    around: of a `whole` method for clips, how many frames before, and after, it also sees, or a function of the knobs;
    it takes them as `neighbours`, a list in the order of time. Of nets, the card says it.
    halo: how far a changed pixel reaches, in pixels, or a function of the knobs.
    multiple: height and width must be divisible by it; pictures are padded by mirroring.
    memory: bytes of working memory for each pixel of a tile, at most, or a function of the knobs.
    memory_of_hole: additional bytes for each filled pixel.
    minutes: upper estimate for a fit to a picture of one megapixel, on two cores, with these knobs.
    inputs, products: what it reads besides the picture, and returns besides the result.
    """

    name: str
    entry: str
    stage: Stage
    about: str
    treats: tuple[str, ...]
    paper: str
    knobs: tuple[Knob, ...] = ()
    scale: int = 1  # how many times larger its net makes a picture, unless its weights say otherwise
    halo: Halo | None = None
    multiple: int = 1
    channels: int | None = None  # processed together; None: any number
    luma: bool = False  # a net of one channel that works on the luma of a colour picture, not channel by channel
    memory: int | Callable[[Knobs], int] = 100
    memory_of_hole: int = 0
    around: int | Callable[[Knobs], int] = 0
    minutes: Callable[[Knobs], float] | None = None
    weights: tuple[str, ...] = ()
    denoiser: str = ""  # weights of another method, which its function calls as `denoise`
    inputs: tuple[Input, ...] = ()
    products: tuple[Product, ...] = ()
    needs: str = ""  # a package that Restora itself does not need

    @property
    def kind(self) -> str:
        """Its stage in words."""
        return KINDS[self.stage]

    @property
    def learned(self) -> bool:
        """Whether it is a trained net, with weights."""
        return self.stage in ("net", "find", "detect") or bool(self.weights)

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

    def reach(self, knobs: Knobs) -> int | None:
        """The halo for these knobs."""
        return self.halo(knobs) if callable(self.halo) else self.halo

    def frames_around(self, knobs: Knobs) -> int:
        """How many frames before, and after, it sees with these knobs."""
        return self.around(knobs) if callable(self.around) else self.around

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
