"""Look at a file without restoring it: what is wrong with it, or the plan to fix it. It runs in any process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restora.core.diagnosis import Diagnosis
from restora.core.errors import RestoraError
from restora.core.plan import Plan
from restora.files.clip import Clip, open_clip
from restora.files.container import container_of
from restora.files.picture import STDIO, Picture, open_picture
from restora.work.clips import frames_to_diagnose
from restora.work.diagnose import Pixels, diagnose
from restora.work.fix import plan_to_fix
from restora.work.threads import limit_threads
from restora.work.view import view_of


@dataclass(frozen=True)
class Look:
    """A file to look at. strength: of the plan to fix it; None: it is only diagnosed."""

    source: Path
    max_pixels: int
    salvage: bool = False
    strength: str | None = None
    threads: int = 0


@dataclass(frozen=True)
class Seen:
    """What was found in a file. notes: on how it was read. problem: why it could not be read, else an empty text."""

    source: str
    diagnosis: Diagnosis | None = None
    plan: Plan | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The diagnosis as plain values, with the facts about the file."""
        return {**self.facts, **(self.diagnosis.as_dict() if self.diagnosis else {})}


def look(wanted: Look) -> Seen:
    """Open a picture or a clip and diagnose it, or make the plan to fix it. Raises as `open_picture`, `open_clip`."""
    limit_threads(wanted.threads)
    opened, pixels = _opened(wanted)
    if wanted.strength is None:
        diagnosis, plan = diagnose(pixels), None
    else:
        diagnosis, plan = plan_to_fix(pixels, wanted.strength)
    salvaged = getattr(opened, "salvaged_rows", 0)
    facts = {
        "picture": opened.name,
        "shape": list(opened.shape),
        **({"salvaged_rows": salvaged} if salvaged else {}),
        **({"faults": opened.faults} if opened.faults else {}),
    }
    notes = opened.notes if isinstance(opened, Clip) else opened.meta.notes if wanted.salvage else ()
    return Seen(str(wanted.source), diagnosis, plan, facts, (*notes, *opened.faults))


def try_to_look(wanted: Look) -> Seen:
    """The same, but what is wrong with the file is in the result."""
    try:
        return look(wanted)
    except (RestoraError, OSError, MemoryError) as error:
        return Seen(str(wanted.source), problem=str(error) or "out of memory")


def _opened(wanted: Look) -> tuple[Picture | Clip, Pixels]:
    """An open picture or clip, and what is diagnosed of it."""
    path = wanted.source
    if path != STDIO and container_of(path):
        clip = open_clip(path, wanted.max_pixels, salvage=wanted.salvage)
        return clip, frames_to_diagnose(clip)
    picture = open_picture(path, wanted.max_pixels, salvage=wanted.salvage)
    return picture, view_of(picture)
