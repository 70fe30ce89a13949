"""Diagnosis: what seems to be wrong with a picture, in numbers with confidences."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One sign of damage: a value, its unit, a confidence (0 to 1), and a sentence with the figures.

    facts: other measurements. plain: what a person sees, such as "strong grain"; empty if nothing was found.
    """

    sign: str
    value: float | list[float]
    unit: str
    confidence: float
    present: bool
    says: str
    facts: dict[str, float] = field(default_factory=dict)
    plain: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings about a picture, by the name of the sign."""

    findings: dict[str, Finding]

    @property
    def present(self) -> dict[str, Finding]:
        """The findings of damage that is present."""
        return {name: finding for name, finding in self.findings.items() if finding.present}

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: asdict(finding) for name, finding in self.findings.items()}
