"""Run a command on many files: restore one after the other or several at once, and print a summary."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restora.app.options import FRAMES, lines_of_progress, progress
from restora.app.run import Run
from restora.core.errors import BadImage, BadKnob

if TYPE_CHECKING:
    from restora.files.listing import Listing
    from restora.stages.stage import Tell
    from restora.work.batch import Order, Summary
    from restora.work.unit import Outcome

STDIO = Path("-")
SOME_FAILED, ALL_FAILED, STOPPED = 1, 2, 130
"""Exit statuses: some files failed, none went well, Ctrl-C."""


def carry_out_many(run: Run, order: "Order") -> None:
    """Restore all files, print a line for each and a summary. Raises BadKnob or BadImage if there is nothing to do."""
    from restora.work.batch import Batch, Summary

    if run.output:
        raise BadKnob("-o names one result; for several files name a folder with --out-dir")
    batch = Batch(listing_of(run), order, None if run.as_json else _tell_of_clip)
    if not len(batch):
        raise BadImage(f"there are no pictures or clips in {_named(run)}")
    summary, started = Summary(left_out=batch.left_out), time.monotonic()
    with progress("restoring", quiet=run.as_json, unit="files") as show:
        show(0, len(batch))
        outcomes = iter(batch)
        try:
            for outcome in outcomes:
                summary.count(outcome)
                _say(outcome, run.as_json)
                show(summary.done, len(batch))
        except KeyboardInterrupt:
            summary.stopped = True
    summary.seconds = round(time.monotonic() - started, 1)
    _say_summary(summary, len(batch), run.as_json)
    if status := _status(summary):
        raise typer.Exit(status)


def listing_of(run: Run) -> "Listing":
    """The files that are given. Raises BadKnob or BadImage for a list that cannot be read."""
    from restora.files.listing import listing, names_in

    given = list(run.pictures or [])
    if run.files_from == STDIO:
        given += names_in(sys.stdin.buffer.read())
    elif run.files_from:
        try:
            given += names_in(run.files_from.read_bytes())
        except OSError as error:
            raise BadImage(f"cannot read the list {run.files_from}: {error.strerror}") from error
    if STDIO in given:
        raise BadKnob("standard input is one picture, which cannot be among several files")
    return listing(given, run.recursive, run.out_dir)


def _named(run: Run) -> str:
    return " and ".join(map(str, run.pictures or [])) or "the list"


def _tell_of_clip(path: Path) -> "Tell | None":
    """Lines about the progress within a clip, which takes long."""
    from restora.files.container import container_of

    return lines_of_progress(str(path), FRAMES) if container_of(path) else None


def _say(outcome: "Outcome", as_json: bool) -> None:
    if outcome.error:
        print(outcome.error, file=sys.stderr)
    if as_json:
        facts = {name: value for name, value in asdict(outcome).items() if name != "error"}
        print(json.dumps(facts), flush=True)
    elif outcome.state == "failed":
        print(f"restora: {outcome.sentence}", file=sys.stderr)
    elif outcome.state == "restored":
        found = outcome.found or " then ".join(outcome.steps)
        print(f"{outcome.source} -> {outcome.target}: {found}; {outcome.seconds:.1f} s", flush=True)
    elif outcome.state == "unchanged":
        left_alone = f"{outcome.found} left alone: {outcome.sentence}" if outcome.found else "nothing to repair"
        written = f"; copied to {outcome.target}" if outcome.target else ""
        print(f"{outcome.source}: {left_alone}{written}", flush=True)
    if not as_json and outcome.state != "skipped":
        for note in outcome.notes:
            print(f"  note: {note}", flush=True)


def _say_summary(summary: "Summary", total: int, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"summary": {"files": total, **asdict(summary)}}), flush=True)
        return
    counts = [
        f"{summary.restored} restored", f"{summary.unchanged} unchanged", f"{summary.skipped} skipped as done before",
        f"{summary.failed} failed",
    ]  # fmt: skip
    print(f"{', '.join(counts)}; {_time(summary.seconds)}")
    if summary.left_out:
        print(f"left out: {summary.left_out} files that are no pictures or clips, or results of these files")
    if summary.failures:
        print("failed:")
        for source, sentence in summary.failures:
            print(f"  {sentence if source in sentence else f'{source}: {sentence}'}")
    if summary.stopped:
        print(f"stopped with {total - summary.done} files left; the same command goes on there", file=sys.stderr)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _status(summary: "Summary") -> int:
    if summary.stopped:
        return STOPPED
    if not summary.failed:
        return 0
    return ALL_FAILED if summary.failed == summary.done else SOME_FAILED
