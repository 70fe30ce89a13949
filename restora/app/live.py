"""The command live: restore a camera, a pipe or a clip as it plays."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restora.app.options import (
    QUALITY,
    AsJson,
    Device,
    Engine,
    Force,
    MaxMemory,
    MaxPixels,
    Precision,
    Quality,
    Settings,
    amount,
    knobs_from,
    rate_from,
    size_from,
)  # fmt: skip
from restora.core.allocator import reuse_freed_memory
from restora.core.errors import BadKnob
from restora.work.report_file import report_file

if TYPE_CHECKING:
    from restora.core.report import Report
    from restora.files.live_source import Raw
    from restora.work.live import Counts

LiveSourceName = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A clip, an address such as udp://…, camera, or - for standard input."),
]
LiveOutput = Annotated[
    str, typer.Option("-o", "--output", help="A file, an address such as udp://…, or - for standard output.")
]
LiveFormat = Annotated[
    str | None,
    typer.Option("--format", help="mkv, ts, y4m, yuv420p or rgb24; default: by the ending, ts for addresses, or mkv."),
]  # fmt: skip
LiveSigma = Annotated[float | None, typer.Option(help="Noise level, 0..1; measured in the first frames if not given.")]
LivePreset = Annotated[str, typer.Option(help="Of H.264, from medium to ultrafast.")]


def live(
    source: LiveSourceName,
    output: LiveOutput,
    format: LiveFormat = None,
    method: Annotated[str | None, typer.Option(help="As for denoise; default: that of the weights, or mctf.")] = None,
    weights: Annotated[str | None, typer.Option(help="Weights of a net: a name or a file.")] = None,
    sigma: LiveSigma = None,
    settings: Settings = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="Share of the change to apply.")] = 1.0,
    precision: Precision = "auto",
    raw: Annotated[str | None, typer.Option(help="The source has no container: yuv420p or rgb24; with --size.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Of raw frames of the source.")] = None,
    fps: Annotated[str, typer.Option(help="Frames a second of a raw source, as 25 or 30000/1001.")] = "25",
    preset: LivePreset = "superfast",
    quality: Quality = None,
    engine: Engine = "auto",
    device: Device = "cpu",
    max_memory: MaxMemory = "1GB",
    max_pixels: MaxPixels = "2GP",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise from a camera, a pipe or a clip while it plays, and write a stream; Ctrl-C ends it.

    A clip or a pipe is read at its own rate. If frames come faster than they can be restored, some are dropped; the
    others keep their times. The summary counts them. The plan is made once, from the first frames. Sound is not kept.

    Example: restora live camera -o recording.mkv
    """
    from restora.files.live_sink import STDOUT, place_for
    from restora.files.live_source import LiveSource
    from restora.work.decide import to_denoise
    from restora.work.live import LiveOptions, first_frames, restore_live
    from restora.work.restore import Limits, Options

    reuse_freed_memory()
    place = place_for(output, format, force)
    paper = report_file(place.file, force) if place.file else None
    options = Options(engine, device, Limits(amount(max_memory), amount(max_pixels)), force, quality or QUALITY)
    opened = LiveSource(source, _raw(raw, size, fps), amount(max_pixels))
    wishes, method = _usual(knobs_from(settings, sigma), method, weights)
    found, plan = to_denoise(
        first_frames(opened), wishes, method, strength=strength, weights=weights, precision=precision
    )  # fmt: skip
    with _status(quiet=as_json) as show:
        report = restore_live(opened, place, plan, LiveOptions(options, preset), show)
    report.diagnosis = found.as_dict() if found else {}
    if paper:
        paper.write(report)
    _tell(report, as_json, output == STDOUT)


def _usual(wishes: dict[str, Any], method: str | None, weights: str | None) -> tuple[dict[str, Any], str | None]:
    """Knobs and method, those for live streams if neither a method nor weights are named."""
    from restora.work.live import KNOBS, METHOD

    return (wishes, method) if method or weights else (KNOBS | wishes, METHOD)


def _raw(form: str | None, size: str | None, fps: str) -> "Raw | None":
    from restora.files.live_source import RAW, Raw

    if form is None:
        if size:
            raise BadKnob("--size is for a source without a container; say its form with --raw")
        return None
    if form not in RAW:
        raise BadKnob(f"--raw must be {' or '.join(RAW)}, not {form!r}")
    if not size:
        raise BadKnob("raw frames do not say their size; give it with --size, for example 640x360")
    return Raw(form, size_from(size), rate_from(fps))


@contextmanager
def _status(quiet: bool, every: float = 30.0) -> "Iterator[Callable[[Counts], None]]":
    """Show the counts on standard error: on a terminal each second in one line, else a line each half minute."""
    said, live_line = time.monotonic(), sys.stderr.isatty()

    def show(counts: "Counts") -> None:
        nonlocal said
        now = time.monotonic()
        if quiet or now - said < (1.0 if live_line else every):
            return
        said = now
        words = f"live: {counts.written} frames written, {counts.dropped} dropped, {counts.speed:.1f}/s,"
        line = f"{words} latency {1000 * counts.latency:.0f} ms"
        print(f"\r{line:79}" if live_line else line, end="" if live_line else "\n", file=sys.stderr, flush=True)

    yield show
    if live_line and not quiet:
        print(f"\r{'':79}\r", end="", file=sys.stderr, flush=True)


def _tell(report: "Report", as_json: bool, to_stdout: bool) -> None:
    """Print the summary; to standard error if the stream went to standard output."""
    from restora.methods.table import called

    if as_json:
        typer.echo(report.to_json(), err=to_stdout)
        return
    done, steps = report.clip, " then ".join(map(called, report.plan.steps))
    latency = done["latency_ms"]
    lines = [
        f"{report.input} -> {'standard output' if to_stdout else report.output} ({done['ended']})",
        f"  {steps}; {done['frames']} of {done['of']} frames, {done['dropped']} dropped,"
        f" {done['frames_a_second']:.1f} frames/s, latency {latency['mean']:.0f} ms,"
        f" at most {latency['longest']:.0f} ms; {report.seconds:.1f} s, {report.peak_megabytes:.0f} MB",
        *(f"  note: {warning}" for warning in report.warnings),
    ]
    typer.echo("\n".join(lines), err=to_stdout)
