"""Many pictures and clips: the unit of each, what was done before, and the journal of what is done."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from restora.core.errors import BadKnob, BadPlan, RestoraError
from restora.core.threads import cores
from restora.files.listing import Found, Listing
from restora.stages.stage import Tell
from restora.work.clips import ClipOptions
from restora.work.journal import Journal
from restora.work.processes import each
from restora.work.report_file import read_report
from restora.work.result_names import Names, ending_of
from restora.work.unit import STATES, Decide, Outcome, Unit, request_of, run_unit

LEAST = 400_000_000
"""Bytes of memory that a process needs at least."""
ALIKE = 3
"""Files that must fail alike until the others are not tried."""


@dataclass(frozen=True)
class Order:
    """What is asked of many files.

    out: folder of the results, which have the folders of the files in it; None: beside each file. form: the format of
    pictures. how: its limits are those of all jobs together. resume: keep finished rows of a picture that is stopped.
    """

    decide: Decide
    how: ClipOptions
    out: Path | None = None
    form: str | None = None
    resume: bool = False
    jobs: int = 1


@dataclass
class Summary:
    """How many files were restored, unchanged, skipped and failed, and why those failed.

    left_out: files of folders that are no pictures, and results of earlier runs.
    """

    restored: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    left_out: int = 0
    seconds: float = 0.0
    stopped: bool = False
    failures: list[tuple[str, str]] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Add an outcome. Raises BadPlan if the first ALIKE files failed with one sentence about what was asked."""
        setattr(self, outcome.state, getattr(self, outcome.state) + 1)
        if outcome.state == "failed":
            self.failures.append((outcome.source, outcome.sentence))
            sentences = {sentence for _, sentence in self.failures}
            if outcome.of_request and self.failed == self.done == ALIKE and len(sentences) == 1:
                raise BadPlan(f"{outcome.sentence} (said of each of the first {ALIKE} files)")

    @property
    def done(self) -> int:
        """The number of files so far."""
        return sum(getattr(self, state) for state in STATES)


class Batch:
    """The files of a list, to be restored one by one or by several processes.

    The same batch again skips what was done, by the journal of the folder of the results and the reports beside them.
    """  # fmt: skip

    def __init__(self, listing: Listing, order: Order, tell: Callable[[Path], Tell | None] | None = None) -> None:
        """tell: makes the function that is told the progress within a file, with one job.

        Raises BadKnob or BadImage for limits and formats that cannot be.
        """
        if order.form:
            ending_of(order.form)
        self._order, self._tell = order, tell
        self._how = shared(order.how, order.jobs)
        here = {_absolute(found.path) for found in listing.found}
        self._found = [found for found in listing.found if not _is_result(found.path, here)]
        self.left_out = listing.others + len(listing.found) - len(self._found)
        self._journals: dict[Path, Journal] = {}
        self._at_once = [Outcome(str(path), "failed", sentence=why) for path, why in listing.problems]
        self._under_way: dict[str, tuple[Unit, Journal]] = {}

    def __len__(self) -> int:
        return len(self._found) + len(self._at_once)

    def run(self) -> Generator[Outcome, None, None]:
        """The outcomes, as the files are done. When it is closed, all processes are ended."""
        order = self._order
        if order.jobs == 1:
            outcomes: Iterator[Outcome] = (self._run(unit) for unit in self._units())
        else:
            outcomes = each(run_unit, self._units(), order.jobs, _died)
        for outcome in outcomes:
            yield from self._taken_at_once()
            unit, journal = self._under_way.pop(outcome.source)
            if outcome.state != "skipped":
                state = "failed" if outcome.state == "failed" else "written" if outcome.target else "unchanged"
                _note(journal, unit, state, (outcome.input_sha256, unit.request, outcome.plan))
            yield outcome
        yield from self._taken_at_once()

    def _run(self, unit: Unit) -> Outcome:
        return run_unit(unit, self._tell(unit.source) if self._tell else None)

    def _units(self) -> Iterator[Unit]:
        order, request = self._order, request_of(self._order.decide, self._order.how)
        journals = [self._journal(found) for found in self._found]
        earlier = {source: result for each in set(journals) for source, result in each.results().items()}
        names = Names(self._found, order.out, order.how, order.form, earlier)
        for found, journal in zip(self._found, journals, strict=True):
            try:
                target = names.of(found)
            except RestoraError as error:  # a clip that cannot be opened
                self._at_once.append(Outcome(str(found.path), "failed", sentence=str(error)))
                continue
            known = journal.of(target)
            unit = Unit(found.path, target, order.decide, self._how, request, order.resume, known)
            if not (known and known.state == "unchanged") and not os.path.lexists(target):
                _note(journal, unit, "begun")
            self._under_way[str(found.path)] = unit, journal
            yield unit

    def _taken_at_once(self) -> Iterator[Outcome]:
        while self._at_once:
            yield self._at_once.pop(0)

    def _journal(self, found: Found) -> Journal:
        """The journal of the folder of the results, or of the folder that was given."""
        folder = self._order.out or found.root
        if folder not in self._journals:
            self._journals[folder] = Journal(folder)
        return self._journals[folder]


def _note(journal: Journal, unit: Unit, state: str, sums: tuple[str, str, str] = ("", "", "")) -> None:
    with suppress(OSError):  # then the reports beside the results say what was done
        unit.target.parent.mkdir(parents=True, exist_ok=True)
        journal.add(journal.line(unit.source, unit.target, state, sums))


def shared(how: ClipOptions, jobs: int) -> ClipOptions:
    """The options for each of several processes. Raises BadKnob if there is too little memory for them."""
    limits = how.run.limits
    if jobs == 1:
        return how
    if limits.memory // jobs < LEAST:
        least, most = LEAST * jobs / 1e9, max(1, limits.memory // LEAST)
        raise BadKnob(
            f"{jobs} jobs need at least {LEAST // 10**6} MB each: give --max-memory {least:g}GB, or --jobs {most}"
        )
    each_has = replace(limits, memory=limits.memory // jobs, threads=max(1, cores() // jobs))
    return replace(how, run=replace(how.run, limits=each_has))


def _died(unit: Unit, why: str) -> Outcome:
    return Outcome(str(unit.source), "failed", sentence=f"{unit.source} could not be restored: {why}")


def _is_result(path: Path, listed: set[str]) -> bool:
    """Whether a file is the result of a file of the list, the report on it, or a product."""
    without_ending = path.with_suffix("")
    # photo.restored.png, photo.restored.png.json and photo.restored.png.mask.png
    for result in (path, without_ending, without_ending.with_suffix("")):
        report = read_report(result) if result.name else None
        if report and (result == path or path.suffix == ".json" or _names_product(report, path)):
            given = Path(str(report["input"]))
            return _absolute(given) in listed or _absolute(path.parent / given.name) in listed
    return False


def _names_product(report: dict[str, object], path: Path) -> bool:
    products = report.get("products")
    files = [each.get("file", "") for each in products.values()] if isinstance(products, dict) else []
    return path.name in {Path(str(file)).name for file in files}


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100
