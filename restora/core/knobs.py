"""Knobs: each is declared once; check, help, JSON schema and docs come from the declaration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restora.core.errors import BadKnob
from restora.core.names import nearest

Setting = float | int | None


@dataclass(frozen=True)
class Knob:
    """A number that a person may set. `default` None: what `sign` measures when the plan is made, at least `least`."""

    name: str
    kind: type[float] | type[int]
    default: Setting
    low: float
    high: float
    unit: str
    help: str
    sign: str = ""
    least: float = 0.0

    def check(self, value: Any) -> float | int:
        """The value as `kind`. Raises BadKnob if it is not a number or out of range."""
        try:
            number = self.kind(value)
            right = not isinstance(value, bool) and float(number) == float(value) and self.low <= number <= self.high
        except (TypeError, ValueError, OverflowError):
            right = False
        if not right:
            kind = "a whole number" if self.kind is int else "a number"
            raise BadKnob(f"{self.name} must be {kind} from {self.low:g} to {self.high:g} ({self.unit}), not {value!r}")
        return number

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""
        kind = "integer" if self.kind is int else "number"
        text = f"{self.help} [{self.unit}]"
        return {"type": kind, "minimum": self.low, "maximum": self.high, "default": self.default, "description": text}


def settle(knobs: Sequence[Knob], given: Mapping[str, Any], owner: str) -> dict[str, Setting]:
    """All knobs with the given values checked and the others at their defaults. Raises BadKnob on an unknown name."""
    known = {knob.name: knob for knob in knobs}
    for name in given:
        if name not in known:
            raise BadKnob(f"{owner} has no knob {name!r}; {nearest(name, known) if known else 'it has no knobs'}")
    return {
        name: knob.check(given[name]) if given.get(name) is not None else knob.default for name, knob in known.items()
    }
