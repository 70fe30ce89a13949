"""The base class of damage, and chains of damage: y = d_n(... d_1(x))."""

from dataclasses import dataclass, fields
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from restora.core.errors import BadDamage


class Damage:
    """One kind of damage: a frozen dataclass of knobs; its text is its damage word, without defaults.

    `apply(x, rng)` takes pixels (H, W, C), float32, 0..1, and returns damaged ones; noise is not clipped.
    The same rng state gives the same damage.
    """

    family: ClassVar[str]
    kind: ClassVar[str]
    first: ClassVar[bool] = False  # the kind may be omitted in text

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The damaged picture y of x."""
        raise BadDamage(f"{self} cannot be applied")

    def __str__(self) -> str:
        values = ((field, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        knobs = [f"{field.name}={_text(value)}" for field, value in values if value != field.default]
        return f"{self.family}({', '.join(knobs if self.first else [self.kind, *knobs])})"

    def need(self, condition: bool, what: str) -> None:
        """Raise BadDamage unless the condition holds; `what` is the requirement."""
        if not condition:
            raise BadDamage(f"{self}: {what}")


@runtime_checkable
class Linear(Protocol):
    """A damage y = A x with its adjoint: <A x, y> = <x, A' y> for the same rng state."""

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A x."""

    def adjoint(self, y: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """A' y, of the shape that x had."""


@dataclass(frozen=True)
class Chain(Damage):
    """Several damages, applied from left to right."""

    family: ClassVar[str] = "chain"
    kind: ClassVar[str] = "chain"
    damages: tuple[Damage, ...]

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Each damage in turn, all with the same rng."""
        for damage in self.damages:
            x = damage.apply(x, rng)
        return x

    def __str__(self) -> str:
        return " | ".join(map(str, self.damages))


def _text(value: float | int | str) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
