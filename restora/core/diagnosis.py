"""Diagnosis: what seems to be wrong with a picture, in numbers, each with how sure it is."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One sign of damage: a value, its unit, how sure (0 to 1), and a sentence with the figures.

    facts: what else was measured on the way. plain: what a person sees, as "strong grain"; empty if nothing was found.
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
        """Those that say that something is wrong."""
        return {name: finding for name, finding in self.findings.items() if finding.present}

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: asdict(finding) for name, finding in self.findings.items()}
