"""The command line: `restora fix photo.jpg` and the other commands. A thin layer over the verbs of work/."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from restora.app import (
    bench,
    campaign,
    fixing,
    interpolating,
    laboratory,
    live,
    measuring,
    pictures,
    serve,
    speeding,
    surveying,
)
from restora.core.allocator import return_freed_memory
from restora.core.errors import RestoraError
from restora.core.signals import alarm, end_by_exception

app = typer.Typer(
    name="restora",
    help="Restore damaged pictures on your own computer.\n\nExample: restora fix photo.jpg -o better.jpg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: tuple[Callable[..., None], ...] = (
    fixing.fix, pictures.denoise, pictures.upscale, pictures.deblur, pictures.correct,
    pictures.translate, interpolating.interpolate, live.live, pictures.inpaint, pictures.remove, pictures.repair,
    fixing.diagnose, fixing.plan, pictures.restore,
    laboratory.degrade, measuring.measure, laboratory.methods, laboratory.show, laboratory.train, laboratory.adapt,
    laboratory.export, surveying.survey, serve.serve,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)
bench.bench.command()(speeding.speed)
bench.bench.command()(surveying.cost)
app.add_typer(bench.bench, name="bench")
app.add_typer(laboratory.weights, name="weights")
app.add_typer(campaign.campaign, name="campaign")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("restora"))
        raise typer.Exit


@app.callback()
def version_option(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_say_version
    ),
) -> None:
    """Restore damaged pictures on your own computer."""


def main() -> None:
    """Run the command line; a RestoraError or an OSError becomes one line and exit status 2."""
    end_by_exception()
    return_freed_memory()
    if sys.stderr is None:  # closed by the caller; print() would write to standard output instead
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    try:
        app()
    except SystemExit:
        alarm(0)
        raise
    except (RestoraError, OSError, MemoryError) as error:
        print(f"restora: {error or 'out of memory'}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
