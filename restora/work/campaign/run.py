"""A campaign: many recipes trained in sequence in a given time, for example on a GPU that is available for minutes.

The file of a campaign lists recipes with their shares of the time, in training order. Each is trained in its own
process (work/campaign/job.py), so that one that fails or hangs does not affect the others. While one trains, the
process of the next prepares: it starts Python, reads the photographs and makes the first batches.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from restora.core.errors import OutputExists
from restora.learn.weights import listed
from restora.work.campaign.entries import Entry, read_campaign
from restora.work.campaign.parcel import draw_curves, names_in, parcels
from restora.work.campaign.process import Outcome, Process

TEST_SECONDS = 30.0
"""Time limit of the self-test; in a short campaign a tenth of the time."""
ENDING = 8.0
"""Seconds reserved at the end for packing."""
GETTING_READY = 40.0
"""Seconds to wait for a process that is not ready, before its time starts."""
AHEAD = 2
"""Number of processes that prepare while one trains: training a small net is faster than reading photographs."""
LEAST = 1.0
"""Minimum seconds left in the campaign to train another recipe."""
PACKING = 60.0
"""Seconds between two updates of the archives."""
GRACE = 6.0
"""Seconds after its time in which a run may still store its weights; then it is killed."""


Tell = Callable[[str], None]


def run_campaign(
    path: Path, minutes: float, out: Path, tell: Tell, *, device: str = "auto", workers: int | None = None
) -> list[Outcome]:
    """Train the recipes of a campaign within so many minutes in total; returns the outcome of each.

    `out`, a new or empty folder, gets the weights in at most six archives, a log, and a picture of the curves. They are
    updated after each recipe, so that an interrupted campaign keeps what was trained. Raises BadRecipe for an invalid
    file, OutputExists for a folder that is not empty.
    """
    entries = read_campaign(path)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise OutputExists(f"{out} is not empty; give a new folder")
    with tempfile.TemporaryDirectory(prefix="restora-campaign-") as folder:
        return Campaign(entries, 60 * minutes, out, Path(folder), tell, (device, workers)).run()


class Campaign:
    """A campaign that runs; `run_campaign` says what it is given."""

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
        self.processes: dict[str, Process] = {}
        self.outcomes: list[Outcome] = []
        self.lines: list[str] = []

    def run(self) -> list[Outcome]:
        """Run the campaign; in any case, processes are ended and results are packed."""
        try:
            self._begin(self.entries[0])  # it prepares during the self-test
            failed = self.self_test()
            for name, why in failed.items():
                self._note(Outcome(name, failed=why))
            queue = [entry for entry in self.entries if entry.name not in failed]
            for index, entry in enumerate(queue):
                later = queue[index + 1 :]
                left = self.end - time.monotonic()
                missing = entry.needs - set(listed()) - set(names_in(self.folder / "weights"))
                if left < LEAST or missing:
                    why = f"it needs {', '.join(sorted(missing))}, which were not trained"
                    self._note(Outcome(entry.name, failed=why if missing else "no time was left for it"))
                    continue
                process = self._begin(entry)
                process.wait_until_ready(min(self.end, time.monotonic() + GETTING_READY))
                left = self.end - time.monotonic()
                mine = left * entry.share / (entry.share + sum(each.share for each in later))
                process.go(mine)
                for each in later[:AHEAD]:
                    self._begin(each)
                end = min(self.end, time.monotonic() + mine + GRACE)
                self._pack()  # earlier results, while this one trains
                while not process.wait(min(end, time.monotonic() + PACKING)) and time.monotonic() < end:
                    self._pack()
                self._note(process.outcome(end))
        finally:
            for process in self.processes.values():
                process.kill()
            self._pack()
        return self.outcomes

    def _begin(self, entry: Entry) -> Process:
        """The process of an entry, prepared and waiting; a new one if there is none."""
        if entry.name not in self.processes:
            job = {"do": "train", "recipe": entry.recipe.as_dict(), "name": entry.name}
            self.processes[entry.name] = Process(self.folder, job, self.compute)
        return self.processes[entry.name]

    def self_test(self) -> dict[str, str]:
        """The reasons why recipes fail, by name: one step of each, and its losses compared with the CPU.

        If the process ends during a recipe, this recipe has failed, and another process tests the rest. Recipes for
        which no time is left are trained untested.
        """
        failed: dict[str, str] = {}
        end = time.monotonic() + min(TEST_SECONDS, 0.1 * self.seconds)
        todo = varied_first(self.entries)
        while todo and time.monotonic() < end:
            job = {"do": "test", "recipes": [entry.recipe.as_dict() for entry in todo], "name": "self-test"}
            process = self.processes["self-test"] = Process(self.folder, job, self.compute)
            ended = process.wait(end)
            lines = process.lines()
            for line in lines:
                if line.get("error"):
                    failed[line["name"]] = line["error"]
                else:
                    self._say(f"{line['name']}: self-test passed in {line['seconds']:.1f} s; {line['losses']}")
            todo = todo[len(lines) :]
            told = bool(lines) and "error" in lines[-1]  # it ends after an error that it has reported
            if todo and ended and not told:
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
        if outcome.name in self.processes:
            self.processes[outcome.name].kill()

    def _say(self, line: str) -> None:
        stamp = f"{time.monotonic() - self.started:6.1f} s  "
        self.lines.append(stamp + line)
        self.tell(line)

    def _pack(self) -> None:
        """Write the current results; after a failure, log it and continue: a later attempt may succeed."""
        weights = self.folder / "weights"
        try:
            for line in parcels(weights, self.out) if weights.is_dir() else ():
                self._say(line)
            self._write_log()
            draw_curves({outcome.name: outcome.rows for outcome in self.outcomes}, self.out / "curves.png")
        except Exception as error:
            self._say(f"packing failed: {type(error).__name__}: {error}")
            self._write_log()

    def _write_log(self) -> None:
        (self.out / "campaign.log").write_text("\n".join(self.lines) + "\n")


def varied_first(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, the first of each kind of net and game before the others, so that a short test covers the most."""
    kinds = {(entry.recipe.method, entry.recipe.game): entry for entry in reversed(entries)}
    firsts = [entry for entry in entries if entry in kinds.values()]
    return firsts + [entry for entry in entries if entry not in firsts]


def _main() -> None:
    """Run a campaign without the rest of the program, as run.py of a pack does."""
    import argparse

    parser = argparse.ArgumentParser(description="Train the recipes of a campaign in a given time.")
    parser.add_argument("campaign", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--workers", type=int, help="processes that make batches; by default chosen by the device")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()

    # A termination signal becomes an exception: results are packed, and processes are ended.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    minutes = given.minutes - time.process_time() / 60  # startup time counts
    outcomes = run_campaign(given.campaign, minutes, given.output, tell, device=given.device, workers=given.workers)
    if not any(outcome.rows for outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    _main()
