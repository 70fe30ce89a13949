"""Report: what was done to a picture, in enough detail to repeat and check it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from restora.core.plan import Plan


@dataclass
class Report:
    """Filled while a picture is restored, and written beside it."""

    plan: Plan
    request: str = ""  # id of what was asked of a command; empty: not known
    input: str = ""
    input_sha256: str = ""  # of the file's bytes
    salvaged_rows: int = 0  # existing rows of a truncated input, as stored; 0: the input was complete
    output: str = ""
    output_sha256: str = ""
    weights: dict[str, str] = field(default_factory=dict)  # name: checksum
    versions: dict[str, str] = field(default_factory=dict)
    engine: str = ""
    device: str = "cpu"  # of the nets, such as cuda:0 or GPU
    precision: str = ""
    tile: tuple[int, int] | None = None  # height and width of the cores
    tiles: int = 0
    resumed_at: int = 0  # row of the result at which an unfinished one was resumed, or frame of a clip
    repaired_tiles: int = 0  # tiles with NaN or infinity, computed again in full precision
    seconds: float = 0.0
    peak_megabytes: float = 0.0  # of the process
    clip: dict[str, Any] = field(default_factory=dict)  # of a clip: frames, seconds, how it is stored; empty: a picture
    diagnosis: dict[str, Any] = field(default_factory=dict)
    products: dict[str, dict[str, str]] = field(default_factory=dict)  # name: kind, and the file if it was written
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, including the plan's id."""
        return {**asdict(self), "plan": {"id": self.plan.id, **self.plan.as_dict()}}

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(self.as_dict(), indent=2)
