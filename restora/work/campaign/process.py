"""The process of one recipe, seen from the campaign: started, told to train, waited for, or killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restora.core.allocator import SHARED_MEMORY


@dataclass
class Outcome:
    """The outcome of an entry."""

    name: str
    seconds: float = 0.0
    steps: int = 0
    waited: float = 0.0  # seconds of these spent waiting for batches
    failed: str = ""  # the reason, with the traceback
    cut_off: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)

    def __str__(self) -> str:
        if self.failed and not self.rows:
            return f"{self.name}: failed: {self.failed.strip().splitlines()[-1]}"
        score = f", held-out score {self.rows[-1]['score']:.3f}" if self.rows else ""
        pace = (
            f" ({self.steps / self.seconds:.1f} steps/s, {self.waited / self.seconds:.0%} waiting)"
            if self.seconds
            else ""
        )
        ended = ", then it failed" if self.failed else ", cut off" if self.cut_off else ""
        return f"{self.name}: {self.steps} steps in {self.seconds:.0f} s{pace}{score}{ended}"


class Process:
    """A process of work/campaign/job.py; it writes its messages to a file, one line of JSON each."""

    def __init__(self, folder: Path, job: dict[str, Any], compute: tuple[str, int | None]) -> None:
        self.name = str(job["name"])
        self.told = folder / f"{self.name}-{time.monotonic_ns()}.jsonl"
        self.errors = self.told.with_suffix(".err")
        whole = job | {"told": str(self.told), "weights": str(folder / "weights")}
        whole |= {"device": compute[0], "workers": compute[1]}
        # Weights trained in this campaign take precedence over shipped ones.
        environment = {**os.environ, "RESTORA_WEIGHTS": str(folder / "weights")}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from restora.work.campaign.job import main; main()"],
                stdin=subprocess.PIPE, stdout=errors, stderr=errors, text=True, env=environment,
                start_new_session=True,
            )  # fmt: skip
        self._send(json.dumps(whole))

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.poll()

    @property
    def finished(self) -> bool:
        """Whether it has reported the end of training; only its exit follows."""
        lines = self.lines()
        return bool(lines) and lines[-1].get("finished", False)

    def go(self, seconds: float) -> None:
        """Let it train for so many seconds from now."""
        self._send(json.dumps(time.time() + seconds))

    def wait(self, end: float) -> bool:
        """Wait until it ends or until a time; returns whether it has ended."""
        while self.process.poll() is None and not self.finished and time.monotonic() < end:
            time.sleep(0.1)
        return self.process.poll() is not None or self.finished

    def wait_until_ready(self, end: float) -> None:
        """Wait until it is ready to train, has ended, or until a time."""
        while not self.lines() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)

    def outcome(self, end: float) -> Outcome:
        """Wait until it ends, kill it at a time, and return the outcome of its recipe."""
        ended = self.wait(end)
        self.kill()
        lines = [line for line in self.lines() if "steps" in line]
        last: dict[str, Any] = lines[-1] if lines else {}
        outcome = Outcome(self.name, last.get("seconds", 0.0), last.get("steps", 0), rows=last.get("rows", []))
        outcome.waited = last.get("waited", 0.0)
        outcome.cut_off = not last.get("finished", False)
        if ended and outcome.cut_off and self.status:  # after training it may be killed
            outcome.failed = self.last_words() or f"the process ended with status {self.status}"
        elif not lines:
            outcome.failed = "it had stored no weights when its time was over"
        return outcome

    def lines(self) -> list[dict[str, Any]]:
        """Its messages so far."""
        if not self.told.exists():
            return []
        return [json.loads(line) for line in self.told.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def last_words(self) -> str:
        """The end of its standard error."""
        return self.errors.read_text()[-4000:].strip()

    def kill(self) -> None:
        """Kill it and the processes that it started, if they still run."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for folder in (
            SHARED_MEMORY,
            Path(tempfile.gettempdir()),
        ):  # left by a process that was killed while it started workers
            for left in folder.glob(f"restora-{self.process.pid}-*"):
                shutil.rmtree(left, ignore_errors=True)
        if self.process.stdin:
            with suppress(BrokenPipeError):  # input that it did not read
                self.process.stdin.close()

    def _send(self, line: str) -> None:
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            return  # it has ended; its outcome has the reason
