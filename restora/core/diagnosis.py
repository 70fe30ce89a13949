"""Diagnosis: what seems to be wrong with a picture, in numbers, each with how sure it is."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One sign of damage: a value, its unit, how sure (0 to 1), and a sentence for people.

    facts: what else was measured on the way.
    """

    sign: str
    value: float | list[float]
    unit: str
    confidence: float
    present: bool
    says: str
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """All findings about a picture, by the name of the sign."""

    findings: dict[str, Finding]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: asdict(finding) for name, finding in self.findings.items()}
