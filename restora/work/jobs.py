"""Jobs: restorations that wait their turn, in one SQLite file and a folder, so that none is lost and none done twice.

A job is a row and a folder of its own: `input`, then `output` and `report.json`, each renamed into place when whole.
What was running when the process died begins again, unless its result was there already.
"""

import fcntl
import logging
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from restora.core.errors import RestoraError
from restora.core.plan import Plan, Step, plan_from_json
from restora.core.report import Report
from restora.engines.choice import CPU
from restora.files.save import write_text
from restora.methods.table import INPUTS
from restora.work.diagnose import Pixels
from restora.work.fix import plan_to_fix
from restora.work.plan import with_inputs
from restora.work.restore import Limits, Options, restore_file
from restora.work.told import Full, full_if_short, without_places
from restora.work.view import view_of

LOG = logging.getLogger("restora")
PICTURE = "the picture"
"""What sentences call the picture that came: where it lies is nobody's business."""
State = Literal["queued", "running", "done", "failed", "cancelled"]

TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL, ended REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, plan TEXT NOT NULL, ending TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT ''
)"""


ABANDONED = 60.0
"""Seconds after which a file that came in part only, and gets no more, is removed."""


class Cancelled(Exception):
    """The running job was cancelled."""


@dataclass(frozen=True)
class Job:
    """Where a job stands; `done` of `total` pieces, `error` one sentence if it failed."""

    id: str
    state: State
    created: float
    ended: float
    done: int
    total: int
    plan: str  # JSON; empty: by what is found
    ending: str  # of the picture's name, which says its format
    error: str


def _with_plain_names(step: Step) -> Step:
    """The step with its inputs named after themselves: where they lie here is nobody's business."""
    inputs = {name: {**given, "file": name} if "file" in given else given for name, given in step.inputs.items()}
    return replace(step, inputs=inputs)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is gone by now."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


class Jobs:
    """The jobs of one folder. Methods may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        *,
        most_waiting: int = 16,
        most_bytes: int = 5 * 10**9,
        keep_seconds: float = 3600,
        device: str = CPU,
    ) -> None:
        """Open or make the folder. device: where the nets run."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RestoraError(f"jobs cannot be kept in {folder}: {error.strerror}") from error
        folder = folder.resolve()  # messages are searched for it
        self.folder, self.limits, self.device = folder, limits, device
        self.page = folder / "page"  # what visitors of the page brought and took, kept as long as results
        self.most_waiting, self.most_bytes, self.keep_seconds = most_waiting, most_bytes, keep_seconds
        self.news = threading.Condition()  # of a job that was added, or ended
        self.workers: list[threading.Thread] = []
        self.unwritten: set[str] = set()  # jobs that have ended, which could not be written down yet
        self.closing = False
        self.forgets_next = 0.0
        self.rest = 1.0  # seconds until what failed is tried again
        with self._table() as table:
            table.execute("PRAGMA journal_mode = WAL")
            table.execute(TABLE)

    def add(
        self, source: Path, ending: str, plan: str = "", inputs: Mapping[str, Path] | None = None, salvage: bool = False
    ) -> Job:
        """A new job for a picture file, and what its steps read beside it; all files are moved into its folder.

        With `salvage`, the part of a truncated file that is there is restored. Raises Full, or BadPlan for the text of
        a plan.
        """
        if plan:
            plan_from_json(plan)
        self.forget()
        job = Job(uuid.uuid4().hex, "queued", time.time(), 0, 0, 0, plan, ending, "")
        files = [path.resolve() for path in (source, *(inputs or {}).values())]
        outside = sum(path.stat().st_size for path in files if not path.is_relative_to(self.folder))
        if self.bytes() + outside > self.most_bytes:
            raise Full("the disk space for jobs is used up; try again later")
        try:
            with full_if_short():
                self._take_in(job, source, inputs or {}, salvage)
        except BaseException:
            shutil.rmtree(self.of(job.id), ignore_errors=True)
            raise
        self._tell_all()
        return job

    def _take_in(self, job: Job, source: Path, inputs: Mapping[str, Path], salvage: bool) -> None:
        self.of(job.id).mkdir()
        shutil.move(source, self.input(job))
        for name, path in inputs.items():
            shutil.move(path, self.beside(job, name))
        if salvage:
            self.salvage(job).touch()
        with self._table() as table:
            # Counted and added in one statement: two that come at once cannot both take the last place.
            added = table.execute(
                "INSERT INTO jobs (id, state, created, plan, ending) SELECT ?, 'queued', ?, ?, ?"
                " WHERE (SELECT COUNT(*) FROM jobs WHERE state = 'queued') < ?",
                (job.id, job.created, job.plan, job.ending, self.most_waiting),
            ).rowcount
        if not added:
            raise Full(f"{self.most_waiting} jobs are waiting, and the queue is full; try again later")

    def find(self, key: str) -> Job | None:
        """The job with this id."""
        with self._table() as table:
            row = table.execute("SELECT * FROM jobs WHERE id = ?", (key,)).fetchone()
        return Job(**row) if row else None

    def cancel(self, key: str) -> bool:
        """Take a job back, or throw its result away; whether there was one. One being done ends at its next piece."""
        with self._table() as table:
            table.execute("BEGIN IMMEDIATE")  # so that it cannot end between the check and the cancellation
            row = table.execute("SELECT state FROM jobs WHERE id = ?", (key,)).fetchone()
            table.execute("UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ?", (time.time(), key))
        if row and row["state"] not in ("running", "cancelled"):  # those are removed by whoever works on them
            self._remove(key)
        return row is not None

    def count(self, state: State) -> int:
        """How many jobs are in a state."""
        with self._table() as table:
            return int(table.execute("SELECT COUNT(*) FROM jobs WHERE state = ?", (state,)).fetchone()[0])

    def forget(self) -> None:
        """Remove what ended longer than keep_seconds ago, and what never came whole."""
        with self._table() as table:
            rows = table.execute(
                "SELECT id FROM jobs WHERE ended > 0 AND ended < ?", (time.time() - self.keep_seconds,)
            )
            old = [row[0] for row in rows.fetchall()]
        for key in old:
            self._remove(key)
        for place, folders, names in os.walk(self.page, topdown=False):
            for path in (Path(place) / name for name in [*names, *folders]):
                coming = path.parent == self.page and path.name in names  # in a folder of its own once it is whole
                keep = min(self.keep_seconds, ABANDONED) if coming else self.keep_seconds
                with suppress(OSError):
                    if path.stat().st_mtime < time.time() - keep:
                        path.rmdir() if path.is_dir() else path.unlink()

    def ended(self, key: str) -> Job | None:
        """Wait until a job has ended; None if it was cancelled. Raises Full if that cannot be written down."""
        while (job := self.find(key)) is not None and job.state in ("queued", "running"):
            if key in self.unwritten:
                raise Full("the server cannot write down that the job has ended; ask for it again later")
            self._wait(0.2)
        return job

    def start(self, workers: int = 1) -> None:
        """Begin to work, with so many jobs at a time; those that were running when the process died wait again.

        Raises RestoraError if another process works in this folder.
        """
        self.lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.lock.close()
            raise RestoraError(f"another server works in {self.folder}; give this one its own with --folder") from error
        self._recover()
        for _ in range(workers):
            worker = threading.Thread(target=self._work, daemon=True)
            self.workers.append(worker)
            worker.start()

    def close(self) -> None:
        """Stop working; a job being done waits again."""
        self.closing = True
        self._tell_all()
        for worker in self.workers:
            worker.join()
        shutil.rmtree(self.page, ignore_errors=True)
        self.lock.close()

    def of(self, key: str) -> Path:
        """The folder of a job."""
        return self.folder / key

    def input(self, job: Job) -> Path:
        """The picture that came."""
        return self.of(job.id) / f"input.{job.ending}"

    def beside(self, job: Job, name: str) -> Path:
        """The file of an input of its steps, by name, if one came."""
        return self.of(job.id) / f"beside-{name}"

    def inputs(self, job: Job) -> dict[str, Path]:
        """The files of inputs that came, by name."""
        return {name: path for name in INPUTS if (path := self.beside(job, name)).exists()}

    def salvage(self, job: Job) -> Path:
        """An empty file, which is there if the picture may be truncated."""
        return self.of(job.id) / "salvage"

    def output(self, job: Job) -> Path:
        """The restored picture."""
        return self.of(job.id) / f"output.{job.ending}"

    def report(self, key: str) -> Path:
        """What was done, as JSON."""
        return self.of(key) / "report.json"

    def bytes(self) -> int:
        """What all jobs, and the visitors of the page, take on the disk."""
        # os.walk passes over folders that go while it walks; Path.rglob raises.
        return sum(size_of(Path(place) / name) for place, _, names in os.walk(self.folder) for name in names)

    def do(self, job: Job) -> None:
        """Carry a job out, and keep how it ended."""
        try:
            report = self._restored(job)
            write_text(report.to_json(), self.report(job.id), force=True)
            ended, error = "done", ""
        except Cancelled:
            ended, error = ("queued", "") if self.closing else ("cancelled", "")
        except (RestoraError, OSError, MemoryError) as problem:
            ended, error = "failed", self._told(job, problem)
        except Exception:  # a fault of ours: this job fails, the others go on
            LOG.exception("job %s", job.id)
            ended, error = "failed", "restora itself failed at this picture; the server's log says where"
        while not self._written_down(job.id, ended, error) and not self.closing:
            self._wait(self.rest)
        self._tell_all()

    def _written_down(self, key: str, ended: str, error: str) -> bool:
        """Whether the table could take how a job ended. What it could not is found out again at the next start."""
        try:
            with self._table() as table:
                self._set(table, key, ended, error)
                row = table.execute("SELECT state FROM jobs WHERE id = ?", (key,)).fetchone()
        except Full:
            LOG.warning("the end of a job cannot be written down; trying again", exc_info=True)
            self.unwritten.add(key)
            return False
        self.unwritten.discard(key)
        if row["state"] == "cancelled":
            self._remove(key)
        return True

    def public(self, sentence: str) -> str:
        """A sentence without the places of files on this machine: it goes to whoever sent the picture."""
        return without_places(sentence, self.folder)

    def _told(self, job: Job, problem: RestoraError | OSError | MemoryError) -> str:
        """An error as a sentence for whoever sent the picture."""
        if isinstance(problem, MemoryError):
            return "out of memory"
        if isinstance(problem, OSError):
            return f"the server cannot read or write its files: {problem.strerror or 'no reason given'}"
        said, called = str(problem), {str(self.input(job)): PICTURE}
        for name, file in self.inputs(job).items():
            words = f"the {INPUTS[name].called}"
            called = {f"{words} {file}": words, str(file): words} | called
        for path, words in (called | {str(self.output(job)): "the result"}).items():
            said = said.replace(path, words)
        return self.public(said)

    def _restored(self, job: Job) -> Report:
        seen = []

        def decide(pixels: Pixels) -> Plan:
            if job.plan:
                plan = plan_from_json(job.plan)
            else:
                diagnosis, plan = plan_to_fix(view_of(pixels))
                seen.append(diagnosis)
            return with_inputs(plan, self.inputs(job))

        def tell(done: int, total: int) -> None:
            state = "running"
            with suppress(Full), self._table() as table:  # how far it is may go untold
                table.execute("UPDATE jobs SET done = ?, total = ? WHERE id = ?", (done, total, job.id))
                state = table.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()["state"]
            if state == "cancelled" or self.closing:
                raise Cancelled

        files = self.input(job), self.output(job)
        salvage = self.salvage(job).exists()
        options = Options(device=self.device, limits=self.limits, force=True, salvage=salvage)
        report = restore_file(*files, decide, options, tell=tell)
        report.diagnosis = seen[0].as_dict() if seen else {}
        report.input, report.output = "", ""  # where they lie here is nobody's business
        report.plan = replace(report.plan, steps=tuple(map(_with_plain_names, report.plan.steps)))
        return report

    def _recover(self) -> None:
        with self._table() as table:
            for row in table.execute("SELECT id FROM jobs WHERE state = 'running'").fetchall():
                there = self.report(row[0]).exists()  # the last thing that a job writes
                self._set(table, row[0], "done" if there else "queued")
            known = {row[0] for row in table.execute("SELECT id FROM jobs").fetchall()}
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in known:  # of what came while the process died
                shutil.rmtree(path, ignore_errors=True)

    def _work(self) -> None:
        while not self.closing:
            try:
                self._do_next()
            except Exception:  # whatever it is, those who wait must not wait for ever
                LOG.warning("jobs cannot be worked on; trying again", exc_info=True)
                self._wait(self.rest)

    def _do_next(self) -> None:
        """Do the job whose turn it is, or wait a moment for one."""
        job = self._next()
        if job is not None:
            self.do(job)
            return
        if time.monotonic() > self.forgets_next:
            self.forget()
            self.forgets_next = time.monotonic() + min(self.keep_seconds, 60)
        self._wait(0.2)

    def _wait(self, seconds: float) -> None:
        """For news, but no longer than that."""
        with self.news:
            self.news.wait(timeout=seconds)

    def _tell_all(self) -> None:
        with self.news:
            self.news.notify_all()

    def _next(self) -> Job | None:
        """The oldest job that waits, now running; no other worker gets it."""
        with self._table() as table:
            row = table.execute(
                "UPDATE jobs SET state = 'running' WHERE id ="
                " (SELECT id FROM jobs WHERE state = 'queued' ORDER BY created LIMIT 1) RETURNING *"
            ).fetchone()
        return Job(**row) if row else None

    def _set(self, table: sqlite3.Connection, key: str, state: str, error: str = "") -> None:
        """The state after running; a job that was cancelled meanwhile stays cancelled."""
        ended = 0.0 if state == "queued" else time.time()
        table.execute(
            "UPDATE jobs SET state = ?, ended = ?, error = ? WHERE id = ? AND state != 'cancelled'",
            (state, ended, error, key),
        )

    def _remove(self, key: str) -> None:
        shutil.rmtree(self.of(key), ignore_errors=True)  # first: a full disk may not take the deletion of the row
        with suppress(Full), self._table() as table:
            table.execute("DELETE FROM jobs WHERE id = ?", (key,))

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction: committed at the end, or not at all. Raises Full if the disk is."""
        with full_if_short():
            connection = sqlite3.connect(self.folder / "jobs.sqlite", timeout=30)
            connection.row_factory = sqlite3.Row
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
