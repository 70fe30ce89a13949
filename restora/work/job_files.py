"""The files of jobs: a job is a row of a table and a folder, which is named by the server."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from restora.files.canvas import kept_pixels
from restora.files.disk import size_of
from restora.methods.table import INPUTS

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Job:
    """The state of a job; `done` of `total` pieces, `error` one sentence if it failed."""

    id: str
    state: State
    created: float
    ended: float
    done: int
    total: int
    plan: str  # JSON; empty: by the diagnosis
    ending: str  # file name extension of the result
    error: str


class JobFiles:
    """Where the files of jobs are: `input`, inputs of steps, `output`, its products, and `report.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page = folder / "page"  # uploads and downloads of the page, kept as long as results

    def of(self, key: str) -> Path:
        """The folder of a job."""
        return self.folder / key

    def input(self, job: Job) -> Path:
        """The uploaded picture or clip; a clip in another container than its result has a name of its own."""
        other = self.of(job.id) / "input.clip"
        return other if other.exists() else self.of(job.id) / f"input.{job.ending}"

    def clip(self, job: Job) -> Path:
        """What is to be done with a clip, as JSON; it does not exist for a picture."""
        return self.of(job.id) / "clip.json"

    def beside(self, job: Job, name: str) -> Path:
        """The uploaded file of an input of its steps, if any."""
        return self.of(job.id) / f"beside-{name}"

    def inputs(self, job: Job) -> dict[str, Path]:
        """The uploaded inputs, by name."""
        return {name: path for name in INPUTS if (path := self.beside(job, name)).exists()}

    def salvage(self, job: Job) -> Path:
        """An empty file, which exists if the picture may be truncated."""
        return self.of(job.id) / "salvage"

    def output(self, job: Job) -> Path:
        """The restored picture."""
        return self.of(job.id) / f"output.{job.ending}"

    def keeps_pixels(self, job: Job) -> Path:
        """An empty file, which exists if the pixels of the result are kept too."""
        return self.of(job.id) / "keep-pixels"

    def pixels(self, job: Job) -> Path:
        """The pixels of the result, if they are kept."""
        return kept_pixels(self.output(job))

    def report(self, key: str) -> Path:
        """What was done, as JSON."""
        return self.of(key) / "report.json"

    def products(self, job: Job) -> dict[str, dict[str, str]]:
        """The entries of its products in the report of a finished job, by name; none if it is being deleted."""
        try:
            made = json.loads(self.report(job.id).read_text())["products"]
        except FileNotFoundError:
            return {}
        return {name: facts for name, facts in made.items() if "file" in facts}

    def product(self, job: Job, file: str) -> Path:
        """A product, by the name of its file in the report."""
        return self.of(job.id) / f"{self.output(job).name}.{file}"

    def bytes(self) -> int:
        """Disk space of all jobs, and of files of the page."""
        # os.walk ignores folders that disappear meanwhile; Path.rglob raises.
        return sum(size_of(Path(place) / name) for place, _, names in os.walk(self.folder) for name in names)
