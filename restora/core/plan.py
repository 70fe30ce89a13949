"""Plan: what will be done to a picture and why. It is JSON, a person may edit it, and it determines the pixels."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from restora.core.errors import BadPlan
from restora.core.knobs import Setting


@dataclass(frozen=True)
class Step:
    """One method with its weights and knobs.

    strength: how much of the change is applied, 0 (none) to 1 (all).
    """

    method: str
    because: str
    weights: str | None = None
    knobs: Mapping[str, Setting] = field(default_factory=dict)
    strength: float = 1.0


@dataclass(frozen=True)
class Plan:
    """Steps in order, none to leave the picture alone; `because` then says why."""

    steps: tuple[Step, ...]
    because: str
    seed: int = 0
    precision: str = "f32"  # or "bf16"

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the checksum of all that determines the pixels; reasons are not part of it."""
        facts = self.as_dict()
        for entry in (facts, *facts["steps"]):
            del entry["because"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        values["steps"] = [dict(step) for step in values["steps"]]
        return values

    def to_json(self) -> str:
        """The plan with its id, for people and files."""
        return json.dumps({"id": self.id, **self.as_dict()}, indent=2)


def plan_from_json(text: str) -> Plan:
    """The plan in a JSON text; an id in it is ignored. Raises BadPlan, naming what is wrong."""
    try:
        values = json.loads(text)
        values.pop("id", None)
        steps = tuple(Step(**step) for step in values.pop("steps"))
        plan = Plan(steps, **values)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadPlan(f"this is not a plan as `restora plan` prints it: {error}") from error
    for step in steps:
        if not isinstance(step.strength, int | float) or not 0 <= step.strength <= 1:
            raise BadPlan(f"the strength of {step.method} must be from 0 to 1, not {step.strength!r}")
        if not isinstance(step.knobs, dict):
            raise BadPlan(f"the knobs of {step.method} must be names with values, not {step.knobs!r}")
    if plan.precision not in ("f32", "bf16"):
        raise BadPlan(f"precision must be f32 or bf16, not {plan.precision!r}")
    return plan
