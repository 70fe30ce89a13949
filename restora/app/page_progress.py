"""How long the pending restorations will take."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from restora.core.plan import Plan
from restora.work.job_files import Job

Kind = tuple[tuple[str, str | None], ...]
"""What determines the pace of a plan: its methods and their weights."""


def kind_of(plan: Plan) -> Kind:
    """The kind of a plan."""
    return tuple((step.method, step.weights) for step in plan.steps)


@dataclass
class Pace:
    """Seconds per pixel of plans of each kind, as measured on the last pictures."""

    known: dict[Kind, float] = field(default_factory=dict)


@dataclass
class Remaining:
    """The time left for pictures that are restored one after the other: their numbers of pixels, and their plans."""

    pace: Pace
    works: Sequence[tuple[int, Plan]]
    started: float | None = None  # when the present picture started to run

    def next(self) -> None:
        """The next picture is waited for."""
        self.started = None

    def seconds(self, index: int, job: Job) -> float | None:
        """Seconds until all are done, while this one is restored; None if it is not known yet."""
        share, now = job.done / job.total if job.total else 0.0, time.monotonic()
        if job.state == "running" and self.started is None:
            self.started = now
        pixels, plan = self.works[index]
        if self.started is not None and share:
            self.pace.known[kind_of(plan)] = (now - self.started) / (share * pixels)
        left = 0.0
        for number, (size, other) in enumerate(self.works[index:]):
            rate = self.pace.known.get(kind_of(other))
            if rate is None and other.steps:
                return None
            left += (rate or 0.0) * size * (1 - share if number == 0 else 1)
        return left
