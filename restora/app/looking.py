"""Look at many files: a line for each as it is done, and a summary of those that could not be read."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from restora.app.many import ALL_FAILED, SOME_FAILED, STOPPED, listing_of
from restora.app.options import progress
from restora.app.run import Given
from restora.core.errors import BadImage

if TYPE_CHECKING:
    from restora.work.looking import Look, Seen


def look_at_many(given: Given, wanted: "Look", jobs: int, say: "Callable[[Seen], None]") -> None:
    """Look at all files that are given; `say` prints the line of one. Exit statuses are those of `fix`."""
    from restora.core.threads import cores
    from restora.work.looking import Seen, try_to_look
    from restora.work.processes import each

    files = [found.path for found in listing_of(given).found]
    if not files:
        raise BadImage(f"there are no pictures or clips in {given.named}")
    threads = 0 if jobs == 1 else max(1, cores() // jobs)
    problems: list[Seen] = []
    with progress("looking", quiet=not sys.stderr.isatty(), unit="files") as show:
        looks = (replace(wanted, source=path, threads=threads) for path in files)
        try:
            for done, seen in enumerate(each(try_to_look, looks, jobs, _died), 1):
                say(seen)
                problems += [seen] if seen.problem else []
                show(done, len(files))
        except KeyboardInterrupt:
            raise typer.Exit(STOPPED) from None
    if problems:
        print(f"{len(files) - len(problems)} looked at, {len(problems)} failed", file=sys.stderr)
        raise typer.Exit(ALL_FAILED if len(problems) == len(files) else SOME_FAILED)


def say_diagnosis(seen: "Seen", as_json: bool) -> None:
    """Print what was found in a file."""
    if as_json:
        print(json.dumps(seen.as_dict() if seen.diagnosis else _problem(seen)), flush=True)
        return
    plain = [finding.plain or finding.says for finding in seen.diagnosis.present.values()] if seen.diagnosis else []
    told = seen.problem if seen.problem else " and ".join(plain) or "nothing found"
    print(told if seen.source in told else f"{seen.source}: {told}", flush=True)


def say_plan(seen: "Seen") -> None:
    """Print the plan for a file."""
    plan = {"id": seen.plan.id, **seen.plan.as_dict()} if seen.plan else None
    print(json.dumps({"picture": seen.source, "plan": plan} if plan else _problem(seen)), flush=True)


def _problem(seen: "Seen") -> dict[str, str]:
    return {"picture": seen.source, "error": seen.problem}


def _died(wanted: "Look", why: str) -> "Seen":
    from restora.work.looking import Seen

    return Seen(str(wanted.source), problem=f"{wanted.source} could not be read: {why}")
