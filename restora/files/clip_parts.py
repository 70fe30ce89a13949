"""The finished segments of an unfinished clip, in a folder beside the result; a stopped run resumes there."""

import json
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restora.core.errors import BadImage
from restora.files.canvas import alone
from restora.files.disk import sync, writing

_BYTES = 8
"""Of a time in the file of times."""


@dataclass
class Parts:
    """The segments of an unfinished clip: `done` files with `frames` frames, and the times of these frames in ticks.

    kept: frames that the next run will find.
    """

    folder: Path
    binding: Mapping[str, Any]  # everything that determines the frames, in words for users
    done: int = 0
    frames: int = 0
    kept: int = 0
    tally: dict[str, Any] = field(default_factory=dict)

    def path(self, number: int) -> Path:
        """The file or folder of a segment, by its number from 0."""
        return self.folder / f"{number:06d}"

    def files(self) -> list[Path]:
        """The files of the finished segments."""
        return [self.path(number) for number in range(self.done)]

    def add(self, times: list[int], durable: bool = True) -> None:
        """Count the next segment, whose file is closed, as finished."""
        with writing(self._times), self._times.open("r+b" if self._times.exists() else "wb") as file:
            file.truncate(self.frames * _BYTES)
            file.seek(0, 2)
            file.write(array("q", times).tobytes())
        self.done, self.frames = self.done + 1, self.frames + len(times)
        if durable:
            self._record()

    def times(self, first: int, count: int) -> list[int]:
        """The times of some frames, in ticks; fewer at the end."""
        with self._times.open("rb") as file:
            file.seek(first * _BYTES)
            data = array("q")
            data.frombytes(file.read(max(0, min(count, self.frames - first)) * _BYTES))
        return list(data)

    def find(self) -> str:
        """Load what exists, if it was made from the same inputs; otherwise return the reason in a sentence."""
        try:
            found = json.loads(self._facts.read_text())
            others = [name for name in self.binding if found["binding"].get(name) != self.binding[name]]
            done, frames, tally = int(found["done"]), int(found["frames"]), dict(found["tally"])
            whole = self._times.stat().st_size >= frames * _BYTES and all(self.path(n).exists() for n in range(done))
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "the unfinished clip is damaged; starting over"
        if others:
            return f"the unfinished clip was made with another {' and '.join(others)}; starting over"
        if not whole:
            return "the unfinished clip lacks a part; starting over"
        self.done, self.frames, self.kept, self.tally = done, frames, frames, tally
        return ""

    def _record(self) -> None:
        values = {"binding": self.binding, "done": self.done, "frames": self.frames, "tally": self.tally}
        new = self.folder / "new.json"
        with writing(new):
            sync(self._times)
            new.write_text(json.dumps(values, indent=2))
            sync(new)
            new.replace(self._facts)
            with suppress(OSError):  # if a folder cannot be opened
                sync(self.folder)
        self.kept = self.frames

    @property
    def _facts(self) -> Path:
        return self.folder / "parts.json"

    @property
    def _times(self) -> Path:
        return self.folder / "times.bin"


@contextmanager
def parts_of(
    target: Path, binding: Mapping[str, Any], frames: int, say: Callable[[str], None] | None
) -> Iterator[Parts]:
    """The folder of segments for `target`, a clip of about so many frames.

    With `say`, finished segments are kept if the block ends before the result exists, and taken up; it gets a sentence
    about that. Raises RestoraError if another process is writing the same result.
    """
    folder = target.with_name(f".{target.name}.restora-part")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise BadImage(f"cannot write in the folder {target.parent}: {error.strerror}") from error
    parts = Parts(folder, json.loads(json.dumps(binding)))
    with alone(folder / "lock", target):
        anew = parts.find() if say else ""
        if say and (parts.done or anew):
            say(anew or f"resuming {target.name} at frame {parts.frames} of {frames}")
        if not parts.done:
            _empty(folder)
        try:
            yield parts
        except BaseException:
            if say and parts.kept:
                say(
                    f"stopped; {parts.kept} of {frames} frames are kept; the same command with --resume continues there"
                )
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
