"""What a clip loses when nothing in it is changed, by codec; the memory for a long clip; and how busy the net is.

Each clip is restored by a plan that changes nothing. PSNR is over all codes of luma and chroma, of 255. For comparison,
the way of most programs: FFmpeg converts to 8-bit RGB and back, without any coding. Memory is the peak of a process of
its own. The net is busy if reading and writing do not keep it waiting. Writes results/clips.csv, clips_memory.csv and
clips_busy.csv, or one of them.

    RESTORA_DATA=DIR python benchmarks/clips.py [loss | memory | busy]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from restora.core.plan import Plan, Step
from restora.files.clip import open_clip
from restora.files.yuv import codes_of
from restora.work import clips
from restora.work.bench import write_table
from restora.work.clips import ClipOptions, FrameRestorer, Piece, restore_clip
from restora.work.plan import best_precision
from restora.work.restore import Options

RESULTS = Path(__file__).parent.parent / "results"
CLIPS = ("bikes", "carphone_pristine", "nasa_13013")
WAYS = {
    "FFV1": ClipOptions(codec="ffv1"),
    "H.264, quality 100": ClipOptions(Options(quality=100)),
    "H.264, quality 95 (default)": ClipOptions(),
    "H.264, quality 85": ClipOptions(Options(quality=85)),
}
UNCHANGED = Plan((Step("gaussian", "a benchmark", strength=0.0),), "a benchmark")
SMALL = "restora.blind-small"
"""The fastest weights that remove noise."""
REPEATS = (1, 8)
"""How often the clip is shown in the clips whose memory is measured."""


def frames(path: Path) -> Iterator[av.VideoFrame]:
    """The frames of the clip as FFmpeg gives them, of the stream that Restora restores."""
    with av.open(str(path)) as file:
        yield from file.decode(file.streams.best("video"))


def psnr(one: Iterator[av.VideoFrame], other: Iterator[av.VideoFrame]) -> tuple[float, int]:
    """PSNR over all codes of 8 bits, infinite if all are equal, and the number of frames."""
    total, count, number = 0.0, 0, 0
    for first, second in zip(one, other, strict=True):
        for a, b in zip(codes_of(first), codes_of(second), strict=True):
            total += float(np.square(a.astype(np.float64) - b).sum())
            count += a.size
        number += 1
    return (10 * np.log10(255**2 * count / total) if total else float("inf")), number


def by_rgb(path: Path) -> Iterator[av.VideoFrame]:
    """The frames after 8-bit RGB."""
    for frame in frames(path):
        yield frame.reformat(format="rgb24").reformat(format=frame.format.name, dst_colorspace=frame.colorspace)


def times(path: Path) -> list[object]:
    """The exact times of all frames."""
    return [frame.pts * frame.time_base for frame in frames(path)]


def main() -> None:
    """Measure, print and write."""
    folder, wanted = Path(os.environ["RESTORA_DATA"]) / "video", sys.argv[1:]
    if not wanted or "loss" in wanted:
        write_table(RESULTS / "clips.csv", loss(folder))
    if not wanted or "memory" in wanted:
        write_table(RESULTS / "clips_memory.csv", list(memory(folder / "bikes.mp4")))
    if not wanted or "busy" in wanted:
        write_table(RESULTS / "clips_busy.csv", [busy(folder / f"{name}.mp4") for name in CLIPS])


class Timed(FrameRestorer):
    """Adds up the seconds of all frames, and notes when the first one began and the last one ended."""

    spent, began, ended = 0.0, 0.0, 0.0

    def __call__(self, piece: Piece) -> np.ndarray:
        """The restored frame."""
        started = time.perf_counter()
        x_hat = super().__call__(piece)
        Timed.ended = time.perf_counter()
        Timed.began = Timed.began or started
        Timed.spent += Timed.ended - started
        return x_hat


def busy(source: Path) -> dict[str, object]:
    """The share of the time from the first to the last frame in which frames are restored, by a small net."""
    Timed.spent = Timed.began = 0.0
    plan = Plan((Step("restora", "a benchmark", SMALL),), "a benchmark", precision=best_precision([SMALL]))
    clips.FrameRestorer = Timed  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        report = restore_clip(source, Path(folder) / "x.mp4", plan)
    height, width = open_clip(source, 10**9).shape[:2]
    made = {
        "clip": source.stem, "frames": report.clip["frames"], "size": f"{width}x{height}", "weights": SMALL,
        "precision": report.precision, "share": f"{Timed.spent / (Timed.ended - Timed.began):.3f}",
    }  # fmt: skip
    print(made, flush=True)
    return made


def loss(folder: Path) -> list[dict[str, object]]:
    """What is lost by each way of storing each clip."""
    rows = []
    with tempfile.TemporaryDirectory() as made:
        for name in CLIPS:
            source = folder / f"{name}.mp4"
            value, count = psnr(frames(source), by_rgb(source))
            rows.append(row(name, count, "8-bit RGB by FFmpeg, no coding", value, "", ""))
            for way, how in WAYS.items():
                target = Path(made) / f"{name}{len(rows)}{'.mkv' if how.codec == 'ffv1' else '.mp4'}"
                restore_clip(source, target, UNCHANGED, how)
                value, count = psnr(frames(source), alone(target))
                size = target.stat().st_size / source.stat().st_size
                same = times(source) == [frame.pts * frame.time_base for frame in alone(target)]
                rows.append(row(name, count, way, value, "yes" if same else "to the millisecond", f"{size:.1f}"))
    return rows


def alone(path: Path) -> Iterator[av.VideoFrame]:
    """The frames of the first stream, in which Restora writes."""
    with av.open(str(path)) as file:
        yield from file.decode(file.streams.video[0])


def row(name: str, count: int, way: str, value: float, same: str, size: str) -> dict[str, object]:
    """A row of the results."""
    made = {"clip": name, "frames": count, "way": way, "psnr": f"{value:.2f}", "times_kept": same, "size_ratio": size}
    print(made, flush=True)
    return made


def memory(source: Path) -> Iterator[dict[str, object]]:
    """The peak memory of a process for clips of different lengths."""
    with tempfile.TemporaryDirectory() as folder:
        for repeats in REPEATS:
            path, target = Path(folder) / f"{repeats}.mp4", Path(folder) / f"x{repeats}.mp4"
            repeat(source, path, repeats)
            words = ["denoise", str(path), "--method", "gaussian", "-o", str(target), "--json"]
            done = subprocess.run([sys.executable, "-m", "restora", *words], capture_output=True, text=True, check=True)
            report = json.loads(done.stdout)
            height, width = open_clip(path, 10**9).shape[:2]
            yield {
                "frames": report["clip"]["frames"], "size": f"{width}x{height}",
                "peak_megabytes": f"{report['peak_megabytes']:.0f}",
            }  # fmt: skip


def repeat(source: Path, target: Path, repeats: int) -> None:
    """Write a clip that shows another one several times."""
    with av.open(str(target), "w") as file:
        first = next(frames(source))
        stream = file.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        number = 0
        for _ in range(repeats):
            for frame in frames(source):
                frame.pts, frame.time_base, number = number, 1 / stream.codec_context.framerate, number + 1
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


if __name__ == "__main__":
    main()
