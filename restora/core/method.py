"""Method: a row of facts about one way to restore. The code is loaded only when it is used."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from restora.core.errors import MissingExtra
from restora.core.knobs import Knob, Setting

Kind = Literal["classical", "filling", "resize", "correction", "learned", "per-image"]
Knobs = Mapping[str, Setting]
Halo = int | None | Callable[[Knobs], int]


@dataclass(frozen=True)
class Method:
    """What a method is, what it is for, and how far its pixels look around.

    entry: "module:name" of a function (y, **knobs) -> x_hat on (H, W, C), or of a net's class. A per-image function
    takes seed and tell(done, total) too, gives (x_hat, how it ended), and survives an interruption with its best. A
    filling takes the mask too, (y, m, **knobs), m (H, W) bool, True = known, and leaves what is known as it is. A
    resize function gives the matrix (new_size, size) that resamples one axis. A correction takes the given picture
    too, (x_hat, y, down, up, **knobs), with the matrices of the axes that lead from one to the other.
    halo: how far a changed pixel reaches, in pixels, or a function of the knobs; None: the whole picture matters.
    multiple: what height and width must be divisible by; pictures are continued by mirroring.
    memory: bytes of working memory for each pixel of a tile, at most, or a function of the knobs.
    memory_of_hole: more of those bytes for each pixel that is filled.
    minutes: that a per-image method needs for a megapixel on two cores with these knobs, at most and roughly.
    """

    name: str
    entry: str
    kind: Kind
    about: str
    treats: tuple[str, ...]
    paper: str
    knobs: tuple[Knob, ...] = ()
    scale: int = 1  # how many times larger its net makes a picture, unless its weights say otherwise
    halo: Halo = None
    multiple: int = 1
    channels: int | None = None  # that it works on at a time; None: any
    luma: bool = False  # a net of one channel that works on the luma of a colour picture, not channel by channel
    memory: int | Callable[[Knobs], int] = 100
    memory_of_hole: int = 0
    minutes: Callable[[Knobs], float] | None = None
    weights: tuple[str, ...] = ()
    needs: str = ""  # a package that Restora itself can do without

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

    def bytes_a_pixel(self, knobs: Knobs) -> int:
        """The memory for these knobs."""
        return self.memory(knobs) if callable(self.memory) else self.memory

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "about": self.about,
            "treats": list(self.treats),
            "paper": self.paper,
            "scale": self.scale,
            "halo": "depends on its knobs" if callable(self.halo) else self.halo,
            "multiple": self.multiple,
            "channels": self.channels,
            "weights": list(self.weights),
            "needs": self.needs,
            "knobs": {knob.name: knob.schema() for knob in self.knobs},
        }
