"""Refresh: after weights were replaced, find the rows of results that are out of date, and measure them again.

A row is stale if its checksum is not that of the installed weights; finding stale rows measures nothing. A cancelled
run can be restarted: rows are written one by one; the cost of replaced weights is measured before their rows, that of
new weights after. Weights are new if they have no row in f32, or no cost yet.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from restora.core.errors import RestoraError
from restora.core.names import nearest
from restora.damage.words import parse
from restora.learn.weights import Weights, find, listed
from restora.methods.table import METHODS
from restora.work import suite
from restora.work.bench import KEYS, Row, read_table, write_table

SUITES = {
    "denoise": (suite.SETS, suite.NOISES),
    "superres": (suite.ENLARGED, (*suite.SHRINKS, *suite.FOUND)),
    "jpeg": (suite.COMPRESSED, suite.JPEGS),
}
"""Results files, with the sets and damages on which new weights are measured."""
ELSEWHERE = {
    "adapt.csv": "RESTORA_DATA=DIR python benchmarks/adapt.py",
    "choice.csv": "RESTORA_DATA=DIR python benchmarks/choice.py",
    "cost.csv": "restora bench cost --method METHOD --again",
    "deblur.csv": "restora bench deblur --data DIR",
    "perceptual.csv": "RESTORA_DATA=DIR python benchmarks/perceptual.py",
    "speed.csv": "restora bench speed",
    "streams.csv": "python benchmarks/streams.py",
}
"""Other results files that name weights, and the commands that write them."""
ROOT = Path(__file__).parents[2]
Cells = Mapping[str, str]


@dataclass(frozen=True)
class Changes:
    """The changes for a results file and its costs file. Existing rows are complete; new ones have only the KEYS."""

    results: Path
    costs: Path
    removed: list[tuple[Path, Cells, str]]  # with the reason
    stale: list[Cells]
    new: list[Cells]
    unfinished: dict[str, suite.Entry]  # for new weights, whose cost is measured last

    @property
    def replaced(self) -> set[str]:
        """Weights with rows that are stale or removed."""
        return {row["weights"] for row in [*self.stale, *(row for _, row, _ in self.removed)]}

    def lines(self) -> Iterator[str]:
        """The list of changes, a line for each row and each cost."""
        for path, row, reason in self.removed:
            yield f"remove from {path.name}: {_words(row)}; {reason}"
        for state, rows in (("stale", self.stale), ("new", self.new)):
            yield from (f"measure for {self.results.name}: {_words(row)}; {state}" for row in rows)
        for name in sorted({*self.unfinished, *(row["weights"] for row in self.stale)}):
            yield f"measure for {self.costs.name}: {name}"


def changes(folder: Path, only: Collection[str] = ()) -> list[Changes]:
    """The changes for the files of SUITES in a folder of results. only: limit to rows of these weights, if not empty.

    Raises RestoraError for weights that are neither in the table of methods nor in a row.
    """
    files = [(folder / f"{name}.csv", folder / f"{name}_cost.csv") for name in SUITES]
    named = {row["weights"] for pair in files for path in pair for row in read_table(path, ("weights",))} - {""}
    known = named | {name for method in METHODS.values() for name in method.weights}
    if unknown := sorted(set(only) - known):
        raise RestoraError(f"{unknown[0]!r} is not the name of weights; {nearest(unknown[0], known)}")
    installed = {name: find(name) for name in sorted((set(only) or known) & set(listed()))}
    return [_changes(*pair, set(only) or known, installed) for pair in files]


def _changes(results: Path, costs: Path, wanted: set[str], installed: dict[str, Weights]) -> Changes:
    rows = [(results, row) for row in read_table(results, [*KEYS, "weights_sha256"])]
    rows += [(costs, row) for row in read_table(costs, ("method", "precision", "threads"))]
    judged = [(*one, _reason_to_remove(one[1], installed)) for one in rows if one[1]["weights"] in wanted]
    kept = [row for path, row, reason in judged if path == results and not reason]
    measured = {row["weights"] for row in kept if row["precision"] == "f32"}
    cores = Counter(row["weights"] for path, row in rows if path == costs)
    new = [name for name in installed if name not in measured or cores[name] < len(suite.CORES)]
    sets, damages = SUITES[results.stem]
    usual = list(suite.entries(list(METHODS), sets, [str(parse(words)) for words in damages], only=new))
    there = {tuple(row[key] for key in KEYS) for row in kept}
    usual_rows = [asdict(entry) | {"seed": "0", "engine": "openvino", "precision": "f32"} for entry in usual]
    return Changes(
        results,
        costs,
        removed=[one for one in judged if one[2]],
        stale=[row for row in kept if row["weights_sha256"] != installed[row["weights"]].checksum[:16]],
        new=[row for row in usual_rows if tuple(row[key] for key in KEYS) not in there],
        unfinished={entry.weights: entry for entry in usual},
    )


def measure(
    todo: Changes, tell: Callable[[suite.Entry, Row | None, str], None], tell_cost: Callable[[str], None]
) -> None:
    """Remove and measure what `changes` found. Raises RestoraError before that if a test set is missing."""
    rows = [(*_entry(row), row) for row in [*todo.stale, *todo.new]]
    suite.check_sets(sorted({entry.set for entry, _, _ in rows}))
    for path in (todo.results, todo.costs):
        if gone := [row for where, row, _ in todo.removed if where == path]:
            write_table(path, [row for row in read_table(path, ()) if row not in gone])
    stale = {row["weights"]: _entry(row)[0] for row in todo.stale}
    for name, any_entry in (todo.unfinished | stale).items():
        cost = partial(suite.run_costs, [any_entry], todo.costs, again=name in stale, tell=tell_cost)
        if name not in todo.unfinished:
            cost()
        for entry, limit, row in rows:
            if entry.weights == name:
                run = partial(suite.run, [entry], todo.results, limit=limit, seed=int(row["seed"]), tell=tell)
                run(precision=row["precision"], engine=row["engine"])
        if name in todo.unfinished:
            cost()


def elsewhere(folder: Path, replaced: Collection[str]) -> str:
    """A line that names the other results files with rows of replaced weights; empty if there are none."""
    found = []
    for name, command in ELSEWHERE.items():
        cells = [cell for row in read_table(folder / name, ()) for cell in row.values()]
        if not {word for cell in cells for word in re.split(r"[^\w.-]+", cell)}.isdisjoint(replaced):
            found.append(f"{name} ({command})")
    return f"rows of replaced weights are also in {', '.join(found)}" if found else ""


def write_docs(root: Path = ROOT) -> str:
    """Generate the docs of a checkout; returns a line about what was written. Raises RestoraError if that fails."""
    script = root / "docs" / "generate.py"
    if not script.exists():
        return "there are no docs to write, because this is not a checkout of the project"
    done = subprocess.run([sys.executable, str(script)], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RestoraError(f"{script} failed: {(done.stderr.strip().splitlines() or ['it was killed'])[-1]}")
    return done.stdout.strip() or "the docs are up to date"


def _reason_to_remove(row: Cells, installed: Mapping[str, Weights]) -> str:
    """Why a row cannot be measured again; empty if it can."""
    method, name = METHODS.get(row["method"]), row["weights"]
    if method is None or name not in method.weights or name not in installed:
        return f"these weights of {row['method']} are not installed or not in the table of methods"
    return "these weights have no int8 model" if row["precision"] == "int8" and not installed[name].int8 else ""


def _entry(row: Cells) -> tuple[suite.Entry, int | None]:
    """The subject of a row, and its number of pictures: "BSD68[:5]" are the first five of BSD68."""
    name, _, count = row["set"].partition("[:")
    return suite.Entry(name, row["damage"], row["method"], row["weights"]), int(count[:-1]) if count else None


def _words(row: Cells) -> str:
    where = f"{row['set']}, {row['damage']}" if "set" in row else f"{row['threads']} core(s)"
    return f"{where}: {row['weights']}, {row['engine']} {row['precision']}"
