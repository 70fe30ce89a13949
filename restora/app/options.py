"""Options that several commands share, and how their texts are read."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from restora.core.amount import amount as parsed
from restora.core.errors import BadImage, BadKnob, Truncated


def amount(text: str) -> int:
    """The number of an option with a unit. Raises BadParameter, which Click reports."""
    try:
        return parsed(text)
    except BadKnob as error:
        raise typer.BadParameter(str(error)) from error


def size_from(text: str) -> tuple[int, int]:
    """(height, width) of a size written as 3000x2000, width first. Raises BadKnob."""
    found = re.fullmatch(r"\s*(\d{1,7})\s*[xX]\s*(\d{1,7})\s*", text)
    if not found:
        raise BadKnob(f"--size must be width x height in pixels, for example 3000x2000, not {text!r}")
    return int(found[2]), int(found[1])


Source = Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture file; - for standard input.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Output file; extension sets the format; - for standard output. Default: PICTURE.restored, JPEG for HEIC.",
    ),
]
TextOutput = Annotated[Path | None, typer.Option("-o", "--output", help="Output file; - for standard output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")]
Quality = Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF; 100 is lossless in the last two.")]
Engine = Annotated[str, typer.Option(help="What runs the nets: auto, openvino, onnxruntime or torch.")]
Device = Annotated[
    str,
    typer.Option(help="Where the nets run: cpu; cuda or cuda:1 (by torch); GPU, GPU.1 or NPU (Intel, by OpenVINO)."),
]
Strength = Annotated[str, typer.Option(help="Strength of the restoration: light (half), normal, or strong (twice).")]
Precision = Annotated[
    str, typer.Option(help="int8, bf16 or f32; auto: the fastest that processor and weights support.")
]
MaxMemory = Annotated[str, typer.Option(help="Memory limit; tiles are made to fit.", metavar="AMOUNT")]
MaxPixels = Annotated[str, typer.Option(help="Size limit of pictures.", metavar="AMOUNT")]
Yes = Annotated[bool, typer.Option("--yes", help="Run a method even if it takes long for this picture.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep finished rows if it is stopped, and resume there; for large pictures.")
]
Salvage = Annotated[
    bool,
    typer.Option(
        "--salvage", help="Restore the part of a truncated JPEG or PNG that exists; the rest stays grey or black."
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar="NAME", help="Also write a product, as RESULT.NAME.png (see: restora show METHOD)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KNOB=VALUE", help="A knob of the method (see: restora show METHOD)."),
]


@contextmanager
def naming_salvage() -> Iterator[None]:
    """Add a hint about --salvage to the error for a truncated file."""
    try:
        yield
    except Truncated as error:
        raise BadImage(f"{error}; restore the existing part with --salvage") from error


def knobs_from(settings: list[str] | None, sigma: float | None) -> dict[str, float]:
    """Knobs as given by --set name=value and --sigma. Raises BadKnob for a value that is not a number."""
    knobs: dict[str, float] = {}
    for setting in settings or []:
        name, _, value = setting.partition("=")
        try:
            knobs[name.strip()] = float(value)
        except ValueError as error:
            raise BadKnob(f"--set must be KNOB=NUMBER, not {setting!r}") from error
    if sigma is not None and "sigma" in knobs:
        raise BadKnob("sigma was given twice; use either --sigma or --set")
    return knobs | ({"sigma": sigma} if sigma is not None else {})


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2))


@contextmanager
def progress(title: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show progress and the time left on standard error; yields tell(done, total), to be called after each piece.

    A bar on a terminal, else a line each half minute.
    """
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("pieces")),
            *(TaskProgressColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
        )
        # Pieces of a large picture take seconds each, so the time left is estimated from the last ten minutes.
        with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=600) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(
                task, completed=done, total=total, description=title if done < total else "writing"
            )
    else:
        yield _lines(title)


def _lines(title: str, every: float = 30.0) -> Callable[[int, int], None]:
    """tell(done, total) that prints a line if `every` seconds have passed since the last one."""
    started = said = time.monotonic()
    first: int | None = None  # pieces done before the first call, if an unfinished result is resumed

    def tell(done: int, total: int) -> None:
        nonlocal said, first, started
        now = time.monotonic()
        if first is None or done < first:
            first, started = (done, now) if done > 1 else (0, started)
        if now - said < every or done <= first:
            return
        said = now
        left = timedelta(seconds=round((now - started) / (done - first) * (total - done)))
        print(
            f"{title}: {done} of {total} pieces, {100 * done // total} %,"
            f" {timedelta(seconds=round(now - started))} elapsed, about {left} left",
            file=sys.stderr, flush=True,
        )  # fmt: skip

    return tell
