"""Run a command on many files: restore one after the other or several at once, and print a summary."""

import json
import sys
import time
from contextlib import closing
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restora.app.options import FRAMES, lines_of_progress, progress
from restora.app.run import Given, Run
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
    if run.fps:
        raise BadKnob("--fps is for a folder of frames; name its result with -o")
    if run.out_dir and run.out_dir.exists() and not run.out_dir.is_dir():
        raise BadKnob(f"--out-dir must be a folder, but {run.out_dir} is a file")
    batch = Batch(listing_of(run, run.out_dir), order, None if run.as_json else _tell_of_clip)
    if not len(batch):
        raise BadImage(f"there are no pictures or clips in {run.named}")
    summary, started = Summary(left_out=batch.left_out), time.monotonic()
    with progress("restoring", quiet=run.as_json, unit="files") as show:
        show(0, len(batch))
        with closing(batch.run()) as outcomes:
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


def listing_of(given: Given, leave_out: Path | None = None) -> "Listing":
    """The files that are given. Raises BadKnob or BadImage for a list that cannot be read."""
    from restora.files.listing import listing, names_in

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names may hold bytes that are no text
    paths = list(given.pictures or [])
    if given.files_from == STDIO:
        paths += names_in(sys.stdin.buffer.read())
    elif given.files_from:
        try:
            paths += names_in(given.files_from.read_bytes())
        except OSError as error:
            raise BadImage(f"cannot read the list {given.files_from}: {error.strerror}") from error
    if STDIO in paths:
        raise BadKnob("standard input is one picture, which cannot be among several files")
    return listing(paths, given.recursive, leave_out)


def _tell_of_clip(path: Path) -> "Tell | None":
    """Lines about the progress within a clip, which takes long."""
    from restora.files.container import container_of

    return lines_of_progress(str(path), FRAMES) if container_of(path) else None


def _say(outcome: "Outcome", as_json: bool) -> None:
    if outcome.error:
        print(outcome.error, file=sys.stderr)
    if as_json:
        facts = {name: value for name, value in asdict(outcome).items() if name not in ("error", "of_request")}
        print(json.dumps(facts), flush=True)
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
