"""Jobs: a queue of restorations in one SQLite file and a folder, so that none is lost and none is done twice.

A job is a row and a folder: `input`, then `output`, its products and `report.json`, each renamed into place when
complete.
Jobs that were running when the process died are restarted, unless their result already exists.
"""

import fcntl
import json
import logging
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from restora.core.errors import RestoraError
from restora.core.plan import Plan, plan_from_json
from restora.core.report import Report
from restora.engines.choice import CPU
from restora.files.save import write_text
from restora.methods.table import INPUTS
from restora.work.clip_jobs import CLIP, ClipWish, carry_out_wish, is_kept_as
from restora.work.diagnose import Pixels
from restora.work.fix import plan_to_fix
from restora.work.job_files import Job, JobFiles, State
from restora.work.plan import with_inputs
from restora.work.restore import ALL, Limits, Options, restore_file
from restora.work.told import Full, full_if_short, with_plain_names, with_plain_products, without_places
from restora.work.view import view_of

LOG = logging.getLogger("restora")
PICTURE = "the picture"
"""Name of the uploaded picture in messages, which must not show its path."""

TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL, ended REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, plan TEXT NOT NULL, ending TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT ''
)"""


ABANDONED = 60.0
"""Seconds after which an incomplete upload that does not grow is removed."""
OFTEN, COUNTED = 0.1, 5.0
"""Seconds after which the progress of a job is stored again, and after which the disk space is counted again."""


class Cancelled(Exception):
    """The running job was cancelled."""


class Jobs(JobFiles):
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
        """Open or create the folder. device: where the nets run."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RestoraError(f"jobs cannot be stored in {folder}: {error.strerror}") from error
        folder = folder.resolve()  # it is replaced in messages
        super().__init__(folder)
        self.limits, self.device = limits, device
        self.most_waiting, self.most_bytes, self.keep_seconds = most_waiting, most_bytes, keep_seconds
        self.news = threading.Condition()  # a job was added, or ended
        self.workers: list[threading.Thread] = []
        self.unwritten: set[str] = set()  # ended jobs whose end is not stored yet
        self.closing = False
        self.forgets_next = self.counts_next = 0.0
        self.rest = 1.0  # seconds until a retry
        with self._table() as table:
            table.execute("PRAGMA journal_mode = WAL")
            table.execute(TABLE)

    def add(
        self,
        source: Path,
        ending: str,
        plan: str = "",
        inputs: Mapping[str, Path] | None = None,
        salvage: bool = False,
        keep_pixels: bool = False,
        clip: ClipWish | None = None,
    ) -> Job:
        """Add a job for a picture or a clip and inputs of its steps; all files are moved into its folder.

        With `salvage`, the existing part of a truncated file is restored; with `keep_pixels`, the pixels of the result
        are kept beside it. clip: what is to be done with a clip. Raises Full, or BadPlan for the text of a plan.
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
                marks = {self.salvage(job): "" for _ in range(salvage)}
                marks |= {self.keeps_pixels(job): "" for _ in range(keep_pixels)}
                marks |= {self.clip(job): clip.to_json()} if clip else {}
                self._take_in(job, source, inputs or {}, marks)
        except BaseException:
            shutil.rmtree(self.of(job.id), ignore_errors=True)
            raise
        self._tell_all()
        return job

    def _take_in(self, job: Job, source: Path, inputs: Mapping[str, Path], marks: Mapping[Path, str]) -> None:
        self.of(job.id).mkdir()
        other = self.clip(job) in marks and not is_kept_as(source, job.ending)
        shutil.move(source, self.of(job.id) / "input.clip" if other else self.input(job))
        for name, path in inputs.items():
            shutil.move(path, self.beside(job, name))
        for path, text in marks.items():
            path.write_text(text)
        with self._table() as table:
            # Counted and added in one statement, so that two concurrent jobs cannot both take the last place.
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
        """Cancel a job, or delete its result; returns whether it existed. A running job ends at its next piece."""
        with self._table() as table:
            table.execute("BEGIN IMMEDIATE")  # so that it cannot end between check and cancellation
            row = table.execute("SELECT state FROM jobs WHERE id = ?", (key,)).fetchone()
            table.execute("UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ?", (time.time(), key))
        if row and row["state"] not in ("running", "cancelled"):  # those are removed by their worker
            self._remove(key)
        return row is not None

    def count(self, state: State) -> int:
        """The number of jobs in a state."""
        with self._table() as table:
            return int(table.execute("SELECT COUNT(*) FROM jobs WHERE state = ?", (state,)).fetchone()[0])

    def forget(self) -> None:
        """Remove jobs that ended longer than keep_seconds ago, and incomplete uploads."""
        with self._table() as table:
            rows = table.execute(
                "SELECT id FROM jobs WHERE ended > 0 AND ended < ?", (time.time() - self.keep_seconds,)
            )
            old = [row[0] for row in rows.fetchall()]
        for key in old:
            self._remove(key)
        for place, folders, names in os.walk(self.page, topdown=False):
            for path in (Path(place) / name for name in [*names, *folders]):
                coming = path.parent == self.page and path.name in names  # moved to its own folder when complete
                keep = min(self.keep_seconds, ABANDONED) if coming else self.keep_seconds
                with suppress(OSError):
                    if path.stat().st_mtime < time.time() - keep:
                        path.rmdir() if path.is_dir() else path.unlink()

    def ended(self, key: str) -> Job | None:
        """Wait until a job has ended; None if it was cancelled. Raises Full if its end cannot be stored."""
        while (job := self.find(key)) is not None and job.state in ("queued", "running"):
            if key in self.unwritten:
                raise Full("the server cannot store the end of the job; retry later")
            self._wait(0.2)
        return job

    def start(self, workers: int = 1) -> None:
        """Start `workers` workers; jobs that were running when the process died are queued again.

        Raises RestoraError if another process uses this folder.
        """
        self.lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.lock.close()
            raise RestoraError(f"another server uses {self.folder}; give this one its own with --folder") from error
        self._recover()
        for _ in range(workers):
            worker = threading.Thread(target=self._work, daemon=True)
            self.workers.append(worker)
            worker.start()

    def close(self) -> None:
        """Stop the workers; a running job is queued again."""
        self.closing = True
        self._tell_all()
        for worker in self.workers:
            worker.join()
        shutil.rmtree(self.page, ignore_errors=True)
        self.lock.close()

    def do(self, job: Job) -> None:
        """Run a job, and store how it ended."""
        try:
            report = self._restored(job)
            write_text(report.to_json(), self.report(job.id), force=True)
            ended, error = "done", ""
        except Cancelled:
            ended, error = ("queued", "") if self.closing else ("cancelled", "")
        except (RestoraError, OSError, MemoryError) as problem:
            ended, error = "failed", self._told(job, problem)
        except Exception:  # a bug: this job fails, the others continue
            LOG.exception("job %s", job.id)
            ended, error = "failed", "Restora failed on this file because of a bug; see the server's log"
        while not self._written_down(job.id, ended, error) and not self.closing:
            self._wait(self.rest)
        self._tell_all()

    def _written_down(self, key: str, ended: str, error: str) -> bool:
        """Store how a job ended; returns whether it worked. If not, the next start finds it out again."""
        try:
            with self._table() as table:
                self._set(table, key, ended, error)
                row = table.execute("SELECT state FROM jobs WHERE id = ?", (key,)).fetchone()
        except Full:
            LOG.warning("the end of a job cannot be stored; retrying", exc_info=True)
            self.unwritten.add(key)
            return False
        self.unwritten.discard(key)
        if row["state"] == "cancelled":
            self._remove(key)
        return True

    def public(self, sentence: str) -> str:
        """A sentence without paths of this machine, for the client."""
        return without_places(sentence, self.folder)

    def _told(self, job: Job, problem: RestoraError | OSError | MemoryError) -> str:
        """An error as a sentence for the client."""
        if isinstance(problem, MemoryError):
            return "out of memory"
        if isinstance(problem, OSError):
            return f"the server cannot read or write its files: {problem.strerror or 'no reason given'}"
        said, called = str(problem), {str(self.input(job)): CLIP if self.clip(job).exists() else PICTURE}
        for name, file in self.inputs(job).items():
            words = f"the {INPUTS[name].called}"
            called = {f"{words} {file}": words, str(file): words} | called
        for path, words in (called | {str(self.output(job)): "the result"}).items():
            said = said.replace(path, words)
        return self.public(said)

    def _restored(self, job: Job) -> Report:
        seen, told_at = [], 0.0

        def decide(pixels: Pixels) -> Plan:
            if job.plan:
                plan = plan_from_json(job.plan)
            else:
                diagnosis, plan = plan_to_fix(view_of(pixels))
                seen.append(diagnosis)
            return with_inputs(plan, self.inputs(job))

        def tell(done: int, total: int) -> None:
            nonlocal told_at
            if done < total and time.monotonic() < told_at + OFTEN:
                return
            told_at, state = time.monotonic(), "running"
            self._check_space()
            with suppress(Full), self._table() as table:  # a lost progress update does no harm
                table.execute("UPDATE jobs SET done = ?, total = ? WHERE id = ?", (done, total, job.id))
                state = table.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()["state"]
            if state == "cancelled" or self.closing:
                raise Cancelled

        files = self.input(job), self.output(job)
        salvage, pixels = self.salvage(job).exists(), self.keeps_pixels(job).exists()
        options = Options(device=self.device, limits=self.limits, force=True, salvage=salvage, keep_pixels=pixels)
        if self.clip(job).exists():
            wish = ClipWish(**json.loads(self.clip(job).read_text()))
            report = carry_out_wish(wish, files, decide, replace(options, quality=wish.quality), tell)
            report.warnings = [self.public(each.replace(str(files[0]), CLIP)) for each in report.warnings]
        else:
            report = restore_file(*files, decide, replace(options, keep=ALL), tell=tell)
        report.diagnosis = seen[0].as_dict() if seen else {}
        report.input, report.output = "", ""  # clients must not see paths
        report.plan = replace(report.plan, steps=tuple(map(with_plain_names, report.plan.steps)))
        report.products = with_plain_products(report.products)
        return report

    def _check_space(self) -> None:
        """Raise Full, now and then, if a running job has used up the disk space."""
        if time.monotonic() > self.counts_next:
            self.counts_next = time.monotonic() + COUNTED
            if self.bytes() > self.most_bytes:
                raise Full("the disk space for jobs is used up; try again later")

    def _recover(self) -> None:
        with self._table() as table:
            for row in table.execute("SELECT id FROM jobs WHERE state = 'running'").fetchall():
                there = self.report(row[0]).exists()  # a job writes it last
                self._set(table, row[0], "done" if there else "queued")
            known = {row[0] for row in table.execute("SELECT id FROM jobs").fetchall()}
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in known:  # an upload when the process died
                shutil.rmtree(path, ignore_errors=True)

    def _work(self) -> None:
        while not self.closing:
            try:
                self._do_next()
            except Exception:  # on any error, clients must not wait forever
                LOG.warning("jobs cannot run; retrying", exc_info=True)
                self._wait(self.rest)

    def _do_next(self) -> None:
        """Run the next job, or wait a moment for one."""
        job = self._next()
        if job is not None:
            self.do(job)
            return
        if time.monotonic() > self.forgets_next:
            self.forget()
            self.forgets_next = time.monotonic() + min(self.keep_seconds, 60)
        self._wait(0.2)

    def _wait(self, seconds: float) -> None:
        """Wait for news, with a timeout."""
        with self.news:
            self.news.wait(timeout=seconds)

    def _tell_all(self) -> None:
        with self.news:
            self.news.notify_all()

    def _next(self) -> Job | None:
        """The oldest queued job, now running; no other worker gets it."""
        with self._table() as table:
            row = table.execute(
                "UPDATE jobs SET state = 'running' WHERE id ="
                " (SELECT id FROM jobs WHERE state = 'queued' ORDER BY created LIMIT 1) RETURNING *"
            ).fetchone()
        return Job(**row) if row else None

    def _set(self, table: sqlite3.Connection, key: str, state: str, error: str = "") -> None:
        """Store the state of a job that ended; a job that was cancelled meanwhile stays cancelled."""
        ended = 0.0 if state == "queued" else time.time()
        table.execute(
            "UPDATE jobs SET state = ?, ended = ?, error = ? WHERE id = ? AND state != 'cancelled'",
            (state, ended, error, key),
        )

    def _remove(self, key: str) -> None:
        shutil.rmtree(self.of(key), ignore_errors=True)  # first, as deleting the row may fail on a full disk
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
