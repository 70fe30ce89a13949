"""Stage: one step of a plan, ready to run on a picture of a known size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from restora.core.errors import BadImage, BadPlan, NotFinite, RestoraError
from restora.core.knobs import Setting
from restora.core.method import Made, Method
from restora.core.plan import Step
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.engines.tiling import Read

Size = tuple[int, int]
"""(height, width) in pixels."""
Window = tuple[int, int, int, int]
"""(top, left, height, width) of a rectangle inside a picture, in pixels."""
Tell = Callable[[int, int], None]
"""(pieces done, total pieces), called after each piece."""


class Stage:
    """One step of a plan, ready to run: from a picture of size `before` to a picture of size `after`.

    whole: the stage must be run once, on the whole picture; the pipeline then stores its result on disk.
    """

    name: str
    before: Size
    after: Size
    whole: bool = False
    repaired: int = 0  # windows with NaN or infinity that were computed again in full precision

    def reads(self, size: Size) -> Size:
        """The largest (height, width) that `run` reads for a window of this size of the result."""
        raise NotImplementedError

    def bytes_for(self, size: Size) -> int:
        """Working memory for a window of this size of the result."""
        raise NotImplementedError

    def run(self, read: Read, window: Window) -> np.ndarray:
        """A window of the result, (height, width, C) float32; `read` reads the picture before this stage."""
        raise NotImplementedError

    def products(self) -> Mapping[str, Any]:
        """The products by name, after everything was run."""
        return {}

    def notes(self) -> list[str]:
        """Sentences for the report, after everything was run."""
        return []

    def counted(self) -> list[float]:
        """The counters of the windows so far, for `count_on` when an unfinished result is resumed."""
        return []

    def count_on(self, counted: list[float]) -> None:
        """Continue counting from these values."""


@dataclass(frozen=True)
class Setup:
    """The arguments for making a stage."""

    step: Step
    method: Method
    knobs: dict[str, Setting]
    size: Size  # of the picture before this step
    channels: int
    given: Read  # the input picture of the pipeline
    given_size: Size
    report: Report
    backend: Backend
    inputs: Mapping[str, Any] = field(default_factory=dict)  # see stages/inputs.py
    keep: frozenset[str] = frozenset()  # names of requested products
    tell: Tell | None = None
    neighbours: Sequence[Read] = ()  # other frames of the clip, in the order of time, for the first step

    def planes(self) -> dict[str, Read]:
        """The inputs with one value for each pixel, by name."""
        return {each.name: self.inputs[each.name] for each in self.method.inputs if self.has(each.name, "plane")}

    def others(self) -> dict[str, Any]:
        """The other inputs, by name."""
        return {
            each.name: self.inputs[each.name]
            for each in self.method.inputs
            if self.has(each.name) and each.kind != "plane"
        }

    def has(self, name: str, kind: str = "") -> bool:
        """Whether an input is given, and of this kind."""
        return name in self.inputs and any(each.name == name and kind in ("", each.kind) for each in self.method.inputs)

    def all_or_nothing(self) -> None:
        """Raise BadPlan for a step with a strength: its method cannot be applied in part."""
        if self.step.strength < 1:
            raise BadPlan(f"{self.method.name} cannot be applied in part: its strength must be 1")


def around(setup: Setup, name: str) -> Sequence[Read]:
    """The frames around the one that is restored. Raises BadPlan for a picture, and for a step after others."""
    if not setup.neighbours:
        raise BadPlan(f"{name} sees several frames: give it a clip, and make it the first step of the plan")
    return setup.neighbours


def made_of(answer: np.ndarray | Made) -> Made:
    """The answer of a method as Made."""
    return answer if isinstance(answer, Made) else Made(answer)


def blended(y: np.ndarray, x_hat: np.ndarray, strength: float) -> np.ndarray:
    """y with a share of the change to x_hat. Raises NotFinite for a result with NaN or infinity."""
    if not np.isfinite(x_hat).all():
        raise NotFinite("the result holds NaN or infinity; nothing was written")
    return x_hat if strength == 1 else y + np.float32(strength) * (x_hat - y)


def check_inside(boxes: np.ndarray, size: Size) -> None:
    """Raise BadImage for a box (top, left, height, width) that reaches beyond a picture of this size."""
    for top, left, height, width in boxes.tolist():
        if top + height > size[0] or left + width > size[1]:
            raise BadImage(
                f"the box {left},{top},{width},{height} (x,y,width,height) reaches beyond the picture,"
                f" which has {size[1]}x{size[0]} pixels"
            )


def check_shape(x_hat: np.ndarray, shape: tuple[int, int, int], name: str) -> None:
    """Raise RestoraError if a method returned another shape than (H, W, C)."""
    if x_hat.shape != shape:
        raise RestoraError(f"{name} returned an array of shape {x_hat.shape}, not {shape}")
