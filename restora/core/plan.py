"""Plan: what will be done to a picture and why. It is JSON that a person may edit, and determines the pixels."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from restora.core.errors import BadPlan
from restora.core.knobs import Setting
from restora.core.names import nearest

PRECISIONS = ("f32", "bf16", "int8")
EARLIER = {"hole": "mask", "sigma_map": "sigma_map"}
"""Entries of a step in plans of earlier versions, which are inputs now."""


@dataclass(frozen=True)
class Step:
    """One method with its weights and knobs.

    strength: how much of the change is applied, 0 (none) to 1 (all).
    inputs: of the method, by name: a file and its sha256, or a value in words, some with the weights that they need.
    """

    method: str
    because: str
    weights: str | None = None
    knobs: Mapping[str, Setting] = field(default_factory=dict)
    strength: float = 1.0
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, Mapping):
            raise BadPlan(f"the inputs of {self.method} must be names with files or values, not {self.inputs!r}")
        for name, given in self.inputs.items():
            fits = isinstance(given, Mapping) and all(isinstance(text, str) for text in given.values())
            if not (fits and set(given) in ({"file", "sha256"}, {"value"}, {"value", "weights"})):
                raise BadPlan(f"the {name} of {self.method} must be a file and its sha256, or a value, not {given!r}")
        texts = (self.method, self.because, "" if self.weights is None else self.weights)
        if not all(isinstance(text, str) for text in texts):
            raise BadPlan(f"method, because and weights of a step must be texts, not {texts}")
        if not _within_one(self.strength):
            raise BadPlan(f"the strength of {self.method} must be from 0 to 1, not {self.strength!r}")
        if not isinstance(self.knobs, Mapping):
            raise BadPlan(f"the knobs of {self.method} must be names with values, not {self.knobs!r}")


@dataclass(frozen=True)
class Blend:
    """What is done after all steps: x_hat becomes y + strength (x_hat + texture T - y), where y is the given picture.

    strength: how much of the change is applied, 0 (none) to 1 (all).
    texture: how much of T is put back, 0 to 1. T is what stands out of the noise in the fine detail of y - x_hat.
    noise: the standard deviation of the removed noise in the two finest bands of wavelets, on the 0..1 scale.
    """

    strength: float = 1.0
    texture: float = 0.0
    noise: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        numbers = isinstance(self.noise, list | tuple) and len(self.noise) == 2
        if not numbers or not all(_within_one(each) for each in (self.strength, self.texture, *self.noise)):
            raise BadPlan("strength and texture of a blend must be from 0 to 1, and its noise two numbers from 0 to 1")
        object.__setattr__(self, "noise", tuple(self.noise))


def _within_one(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


@dataclass(frozen=True)
class Plan:
    """Steps in order, and how the result is blended with the given picture.

    Without steps the picture does not change, and `because` says why.
    """

    steps: tuple[Step, ...]
    because: str
    seed: int = 0
    precision: str = "f32"
    blend: Blend | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BadPlan(f"precision must be {', '.join(PRECISIONS)}, not {self.precision!r}")
        if not isinstance(self.because, str) or type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise BadPlan("a plan's because must be a text and its seed a whole number from 0 to 2^63 - 1")
        if not isinstance(self.blend, Blend | None):
            raise BadPlan(f"the blend of a plan must be its strength, texture and noise, not {self.blend!r}")

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the checksum of everything that determines the pixels, so not of reasons."""
        facts = self.as_dict()
        for entry in (facts, *facts["steps"]):
            del entry["because"]
        for step in facts["steps"]:
            step["inputs"] = {name: given.get("sha256") or given for name, given in step["inputs"].items()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        values["steps"] = [dict(step) for step in values["steps"]]
        if self.blend is None:  # as plans were written before there was one, with the same id
            del values["blend"]
        return values

    def to_json(self) -> str:
        """The plan with its id, for people and files."""
        return json.dumps({"id": self.id, **self.as_dict()}, indent=2)


def plan_from_json(text: str) -> Plan:
    """The plan in the JSON text of a plan or a report; an id in it is ignored. Raises BadPlan, naming what is wrong."""
    wrong = "this is neither a plan nor a report of Restora"
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPlan(f"{wrong}: {error}") from error
    values = values.get("plan", values) if isinstance(values, dict) else values  # a report contains its plan
    steps = values.get("steps") if isinstance(values, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise BadPlan(f"{wrong}: it lacks a list of steps")
    values.pop("id", None)
    steps = tuple(_made(Step, _as_now(step)) for step in steps)
    if isinstance(values.get("blend"), dict):
        values["blend"] = _made(Blend, values["blend"])
    return _made(Plan, {**values, "steps": steps})


def _as_now(step: dict[str, Any]) -> dict[str, Any]:
    """A step as this version writes it."""
    earlier = {name: step[name] for name in EARLIER if name in step}
    inputs = {EARLIER[name]: given for name, given in earlier.items() if given is not None}
    kept = {name: value for name, value in step.items() if name not in earlier}
    return kept | {"inputs": {**inputs, **kept.get("inputs", {})}} if inputs else kept


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    called, known = kind.__name__.lower(), {entry.name: entry for entry in fields(kind)}
    for name in values:
        if name not in known:
            raise BadPlan(f"a {called} has no {name!r}; {nearest(name, known)}")
    for name, entry in known.items():
        if name not in values and entry.default is entry.default_factory is MISSING:
            raise BadPlan(f"a {called} lacks {name!r}")
    return kind(**values)
