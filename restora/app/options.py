"""Options that several commands share, and how their texts are read."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
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


Source = Annotated[
    Path,
    typer.Argument(
        metavar="PICTURE", help="A picture file, a clip such as .mp4, or a folder of frames; - for standard input."
    ),
]
Pictures = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PICTURE...", help="Picture files, clips such as .mp4, or folders of them; - for standard input."
    ),
]
OutDir = Annotated[
    Path | None, typer.Option("--out-dir", help="Folder for the results; made if it is missing. Default: beside each.")
]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the results: png, jpg, tif, webp, avif or gif.")
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from", metavar="FILE", help="A list of files, one a line or separated by NUL; - for standard input."
    ),
]
Recursive = Annotated[bool, typer.Option("--recursive", help="Also enter the folders in a folder.")]
Jobs = Annotated[
    int,
    typer.Option(min=1, max=256, help="Pictures at once, in processes that share the cores and --max-memory."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Output file, for one picture; extension sets the format; - for standard output; for clips also a folder"
        " for the frames. Default: PICTURE.restored, JPEG for HEIC.",
    ),
]
TextOutput = Annotated[Path | None, typer.Option("-o", "--output", help="Output file; - for standard output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")]
QUALITY = 95
"""The quality where nothing else says one."""
ExactQuality = Annotated[
    int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF; 100 is lossless in WebP and AVIF.")
]
Quality = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        help="Of JPEG, WebP, AVIF and H.264; 100 is lossless in the last three. Default: 95; for JPEG from JPEG that of"
        " the file, and some more.",
    ),
]
Codec = Annotated[str, typer.Option(help="Of a clip: h264, or ffv1, which is lossless and needs .mkv.")]
Preset = Annotated[
    str, typer.Option(help="Of a clip in H.264: medium, fast, faster, veryfast, superfast or ultrafast; larger files.")
]
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Make the frames of an interlaced clip progressive.")]
Preview = Annotated[
    bool, typer.Option("--preview", help="Restore only one second from the middle of a clip, as RESULT.preview.")
]
Fps = Annotated[
    str | None,
    typer.Option(help="Frames a second of a folder of frames without times.csv, as 25 or 30000/1001; default: 25."),
]
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
    bool,
    typer.Option(
        "--resume", help="Keep finished rows if it is stopped, and resume there; for large pictures, and for clips."
    ),
]
Salvage = Annotated[
    bool,
    typer.Option(
        "--salvage", help="Restore the part of a truncated JPEG, PNG or clip that exists; the rest stays grey or black."
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


def rate_from(text: str) -> Fraction:
    """Frames a second. Raises BadKnob."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise BadKnob(f"--fps must be a number such as 60 or 60000/1001, not {text!r}") from error
    if not 0 < rate <= 1000 or rate.limit_denominator(10**5) != rate:
        raise BadKnob(f"--fps must be above 0 and at most 1000, with few digits, not {text}")
    return rate


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
def progress(title: str, quiet: bool = False, unit: str = "pieces") -> Iterator[Callable[[int, int], None]]:
    """Show progress, speed and the time left on standard error; yields tell(done, total), called after each piece.

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
            *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit)),
            *(TaskProgressColumn(), TextColumn("{task.fields[speed]}")),
            *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
        )
        # Pieces of a large picture take seconds each, so the time left is estimated from the last ten minutes.
        # What is printed meanwhile appears above the bar; but if standard output is a file, it goes there.
        with Progress(
            *columns, console=Console(stderr=True), transient=True, speed_estimate_period=600,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        ) as bar:  # fmt: skip
            task = bar.add_task(title, total=None, speed="")

            def tell(done: int, total: int) -> None:
                now = bar.tasks[task].speed
                speed = f"{now:.3g}/s" if now and unit == FRAMES else ""
                title_now = title if done < total else "writing"
                bar.update(task, completed=done, total=total, description=title_now, speed=speed)

            yield tell
    else:
        yield lines_of_progress(title, unit)


FRAMES = "frames"
"""The unit of progress whose speed is shown too."""


def lines_of_progress(title: str, unit: str, every: float = 30.0) -> Callable[[int, int], None]:
    """A function tell(done, total) that prints a line if `every` seconds have passed since the last one."""
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
        speed = f" {(done - first) / (now - started):.3g}/s," if unit == FRAMES else ""
        print(
            f"{title}: {done} of {total} {unit}, {100 * done // total} %,{speed}"
            f" {timedelta(seconds=round(now - started))} elapsed, about {left} left",
            file=sys.stderr, flush=True,
        )  # fmt: skip

    return tell
