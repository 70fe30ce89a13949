"""The journal of a folder of results: what was done there, so that the same command skips it.

It is a hidden file of JSON lines; the last line on a result counts.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = ".restora-journal.jsonl"


@dataclass(frozen=True)
class Done:
    """What was done to a file. Paths are relative to the folder of the journal.

    request: id of what was asked. plan: id of the plan. state: `begun` before a result is written of which there is no
    file yet, so that a run that was stopped knows it for its own; `written`; `unchanged`, if nothing was found and no
    file was written; or `failed`.
    """

    result: str
    input: str
    input_sha256: str
    request: str
    plan: str
    state: str


class Journal:
    """The journal of a folder; it is read at once, and grows by a line for each file that is done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines: dict[str, Done] = {}
        self._start = ""
        try:
            with (folder / NAME).open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    self._start = "" if line.endswith("\n") else "\n"  # a line that was cut off stays alone
                    if done := _parsed(line):
                        self._lines[done.result] = done
        except OSError:
            return

    def of(self, result: Path) -> Done | None:
        """What was done for a result in this folder, or below it."""
        return self._lines.get(self._name(result))

    def results(self) -> Mapping[Path, Path]:
        """The results by the files that they were made from, both as absolute paths."""
        return {self._path(done.input): self._path(done.result) for done in self._lines.values()}

    def add(self, done: Done) -> None:
        """Write a line. Raises OSError."""
        with (self.folder / NAME).open("a", encoding="utf-8") as file:
            file.write(f"{self._start}{json.dumps(asdict(done))}\n")
        self._start, self._lines[done.result] = "", done

    def line(self, source: Path, result: Path, state: str, sums: tuple[str, str, str] = ("", "", "")) -> Done:
        """A line of this journal; sums: checksum of the input, ids of request and plan."""
        return Done(self._name(result), self._name(source), *sums, state)

    def _name(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def _path(self, name: str) -> Path:
        return Path(os.path.abspath(self.folder / name))  # noqa: PTH100


def _parsed(line: str) -> Done | None:
    """A line of a journal; None for one that a kill cut off, or that something else wrote."""
    try:
        done = Done(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    return done if all(isinstance(text, str) for text in asdict(done).values()) else None
