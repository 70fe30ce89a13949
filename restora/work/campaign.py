"""A campaign: many recipes trained one after another in a given time, as on a GPU that is lent for minutes.

The file of a campaign lists recipes with their shares of the time, in the order in which they are trained. Each is
trained by a process of its own (work/campaign_run.py), so that one that fails, or hangs, takes no other with it. While
one trains, the process of the next gets ready: it starts Python, reads the photographs and makes the first batches.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restora.core.errors import BadRecipe, OutputExists
from restora.core.names import nearest
from restora.learn.recipe import Recipe, read_recipe
from restora.learn.weights import listed
from restora.work.parcel import draw_curves, parcels
from restora.work.train import by_the_clock

TEST_SECONDS = 30.0
"""Of the self-test, at most; in a short campaign a tenth of the time."""
ENDING = 8.0
"""Seconds at the end in which what was trained is packed."""
GRACE = 6.0
"""Seconds after its time in which a run may still write its weights; then it is killed."""
KEYS = ("recipe", "share", "batch", "lr", "changes")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One recipe of a campaign."""

    path: Path
    share: float  # of the time, relative to the other shares
    changes: dict[str, Any]  # keys of the recipe that are other than in its file: batch and rate of a larger device

    @property
    def recipe(self) -> Recipe:
        """The recipe, changed, as one run by the clock."""
        return by_the_clock(read_recipe(self.path), self.changes)

    @property
    def name(self) -> str:
        """Of its weights."""
        return self.path.stem


@dataclass
class Outcome:
    """What became of an entry."""

    name: str
    seconds: float = 0.0
    steps: int = 0
    failed: str = ""  # why, with the traceback
    cut_off: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)

    def __str__(self) -> str:
        if self.failed and not self.rows:
            return f"{self.name}: failed: {self.failed.strip().splitlines()[-1]}"
        score = f", held-out score {self.rows[-1]['score']:.3f}" if self.rows else ""
        pace = f" ({self.steps / self.seconds:.1f} a second)" if self.seconds else ""
        ended = ", then it failed" if self.failed else ", cut off" if self.cut_off else ""
        return f"{self.name}: {self.steps} steps in {self.seconds:.0f} s{pace}{score}{ended}"


def read_campaign(path: Path) -> list[Entry]:
    """The entries of a campaign file; recipes lie beside it. Raises BadRecipe for what is not right, naming it."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadRecipe(f"cannot read the campaign {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}") from error
    runs = values.get("runs")
    if not isinstance(runs, list) or not runs or set(values) != {"runs"}:
        raise BadRecipe(f"{path} must hold [[runs]], each with a recipe and a share, and nothing else")
    entries = [_entry(path, number, run) for number, run in enumerate(runs, 1)]
    _check_order(path, entries)
    return entries


def run_campaign(
    path: Path, minutes: float, out: Path, tell: Tell, *, device: str = "auto", workers: int | None = None
) -> list[Outcome]:
    """Train the recipes of a campaign within so many minutes, in all; what became of each.

    `out`, a new or empty folder, gets the weights in at most six archives, a log, and a picture of the curves; it is
    written anew after each recipe, so that whatever ends the campaign leaves what was trained until then.
    Raises BadRecipe for a file that is not right, OutputExists for a folder that is not empty.
    """
    entries = read_campaign(path)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise OutputExists(f"{out} is not empty; name a new folder")
    with tempfile.TemporaryDirectory(prefix="restora-campaign-") as folder:
        return _Campaign(entries, 60 * minutes, out, Path(folder), tell, (device, workers)).run()


class _Campaign:
    def __init__(
        self,
        entries: Sequence[Entry],
        seconds: float,
        out: Path,
        folder: Path,
        tell: Tell,
        compute: tuple[str, int | None],
    ) -> None:
        self.entries, self.out, self.folder, self.tell, self.compute = entries, out, folder, tell, compute
        self.started = time.monotonic()
        self.seconds = seconds
        self.end = self.started + seconds - min(ENDING, 0.1 * seconds)
        self.processes: dict[str, _Process] = {}
        self.outcomes: list[Outcome] = []
        self.lines: list[str] = []

    def run(self) -> list[Outcome]:
        """All of it; whatever happens, processes are ended and what there is is packed."""
        try:
            self._begin(self.entries[0])  # it gets ready during the self-test
            failed = self._self_test()
            for name, why in failed.items():
                self._note(Outcome(name, failed=why))
            queue = [entry for entry in self.entries if entry.name not in failed]
            for index, entry in enumerate(queue):
                process, later = self._begin(entry), queue[index + 1 :]
                left = self.end - time.monotonic()
                mine = left * entry.share / (entry.share + sum(each.share for each in later))
                process.go(mine)
                if later:
                    self._begin(later[0])
                self._note(process.outcome(min(self.end, time.monotonic() + mine + GRACE)))
        finally:
            for process in self.processes.values():
                process.kill()
            self._pack()
        return self.outcomes

    def _begin(self, entry: Entry) -> "_Process":
        """The process of an entry, which gets ready, and waits; a new one, if there is none yet."""
        if entry.name not in self.processes:
            job = {"do": "train", "recipe": entry.recipe.as_dict(), "name": entry.name}
            self.processes[entry.name] = _Process(self.folder, job, self.compute)
        return self.processes[entry.name]

    def _self_test(self) -> dict[str, str]:
        """Why recipes fail, by name: one step of each, and its loss here against the CPU.

        A process that ends in the midst of a recipe has failed in it, and another goes on after it. Recipes for which
        no time is left are trained untested.
        """
        failed: dict[str, str] = {}
        end = time.monotonic() + min(TEST_SECONDS, 0.1 * self.seconds)
        todo = list(self.entries)
        while todo and time.monotonic() < end:
            job = {"do": "test", "recipes": [entry.recipe.as_dict() for entry in todo], "name": "self-test"}
            process = _Process(self.folder, job, self.compute)
            ended = process.wait(end)
            lines = process.lines()
            for line in lines:
                if line.get("error"):
                    failed[line["name"]] = line["error"]
                else:
                    self._say(f"{line['name']}: self-test passed in {line['seconds']:.1f} s; {line['losses']}")
            todo = todo[len(lines) :]
            if todo and ended:
                failed[todo[0].name] = process.last_words() or f"the process ended with status {process.status}"
                todo = todo[1:]
            process.kill()
        if todo:
            self._say(f"no time was left to test {', '.join(entry.name for entry in todo)}")
        return failed

    def _note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._say(str(outcome))
        if outcome.failed:
            self._say(outcome.failed)
        self._pack()

    def _say(self, line: str) -> None:
        stamp = f"{time.monotonic() - self.started:6.1f} s  "
        self.lines.append(stamp + line)
        self.tell(line)

    def _pack(self) -> None:
        weights = self.folder / "weights"
        for line in parcels(weights, self.out) if weights.is_dir() else ():
            self._say(line)
        try:
            draw_curves({outcome.name: outcome.rows for outcome in self.outcomes}, self.out / "curves.png")
        except Exception as error:  # weights are worth more than a picture of curves
            self._say(f"the curves could not be drawn: {error}")
        (self.out / "campaign.log").write_text("\n".join(self.lines) + "\n")


class _Process:
    """A process of work/campaign_run.py; what it has to tell, it writes to a file, a line of JSON each."""

    def __init__(self, folder: Path, job: dict[str, Any], compute: tuple[str, int | None]) -> None:
        self.name = str(job["name"])
        self.told = folder / f"{self.name}-{time.monotonic_ns()}.jsonl"
        self.errors = self.told.with_suffix(".err")
        whole = job | {"told": str(self.told), "weights": str(folder / "weights")}
        whole |= {"device": compute[0], "workers": compute[1]}
        # What this campaign trained is found before what is shipped.
        environment = {**os.environ, "RESTORA_WEIGHTS": str(folder / "weights")}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from restora.work.campaign_run import main; main()"],
                stdin=subprocess.PIPE, stdout=errors, stderr=errors, text=True, env=environment,
                start_new_session=True,
            )  # fmt: skip
        self._send(json.dumps(whole))

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.poll()

    def go(self, seconds: float) -> None:
        """Let it train for so many seconds from now."""
        self._send(json.dumps(time.time() + seconds))

    def wait(self, end: float) -> bool:
        """Wait until it ends or until a time; whether it has ended."""
        while self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        return self.process.poll() is not None

    def outcome(self, end: float) -> Outcome:
        """Wait until it ends, kill it at a time, and say what became of its recipe."""
        ended = self.wait(end)
        self.kill()
        lines = self.lines()
        last: dict[str, Any] = lines[-1] if lines else {}
        outcome = Outcome(self.name, last.get("seconds", 0.0), last.get("steps", 0), rows=last.get("rows", []))
        outcome.cut_off = not last.get("finished", False)
        if ended and self.status:
            outcome.failed = self.last_words() or f"the process ended with status {self.status}"
        elif not lines:
            outcome.failed = "it had written no weights when its time was over"
        return outcome

    def lines(self) -> list[dict[str, Any]]:
        """What it has told so far."""
        if not self.told.exists():
            return []
        return [json.loads(line) for line in self.told.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        return self.errors.read_text()[-4000:].strip()

    def kill(self) -> None:
        """End it and the processes that it started, if they still run."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    def _send(self, line: str) -> None:
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            return  # it has ended; its outcome tells why


def _entry(path: Path, number: int, run: object) -> Entry:
    where = f"{path}, run {number}"
    if not isinstance(run, dict):
        raise BadRecipe(f"{where} must be a table")
    for key in run:
        if key not in KEYS:
            raise BadRecipe(f"{where} has an unknown key {key!r}; {nearest(key, KEYS)}")
    name, share, changes = run.get("recipe"), run.get("share"), dict(run.get("changes", {}))
    if not isinstance(name, str) or not isinstance(share, int | float) or isinstance(share, bool) or share <= 0:
        raise BadRecipe(f"{where} needs the name of a recipe and a share above 0")
    file = path.parent / f"{name}.toml"
    entry = Entry(file, float(share), changes | {key: run[key] for key in ("batch", "lr") if key in run})
    if entry.recipe.name != name:
        raise BadRecipe(f"{file} makes {entry.recipe.name}, and must be named so")
    return entry


def _check_order(path: Path, entries: Sequence[Entry]) -> None:
    """Raise BadRecipe if a recipe comes before the weights that it begins or learns from, or comes twice."""
    made: set[str] = set()
    names = {entry.name for entry in entries}
    for entry in entries:
        recipe = entry.recipe
        needed = {recipe.start, recipe.distillation.teacher if recipe.distillation else ""} - {""}
        for other in sorted(needed - made):
            if other in names:
                raise BadRecipe(f"{path}: {entry.name} needs {other}, which must be trained before it")
            if other not in listed():
                raise BadRecipe(f"{path}: {entry.name} needs the weights {other}, which are not installed")
        if entry.name in made:
            raise BadRecipe(f"{path} lists {entry.name} twice")
        made.add(entry.name)


def _main() -> None:
    """A campaign without the rest of the program: what a pack's run.py calls."""
    import argparse

    parser = argparse.ArgumentParser(description="Train the recipes of a campaign in a given time.")
    parser.add_argument("campaign", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--workers", type=int, help="processes that make batches; by default chosen by the device")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()

    # Being asked to end is an exception like any other: what was trained is packed, and processes are ended.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    minutes = given.minutes - time.process_time() / 60  # what it took to get here counts
    outcomes = run_campaign(given.campaign, minutes, given.output, tell, device=given.device, workers=given.workers)
    if not any(outcome.rows for outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    _main()
