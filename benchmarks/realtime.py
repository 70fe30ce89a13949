"""Frames a second of `restora denoise` on clips, decoding and encoding included, and of FFmpeg's filters beside it.

The clips are frames of `bikes`, enlarged and cut to 640x360 and 1280x720, with white noise of 10 of 255, in H.264 (CRF
16). Each is denoised into H.264 of the default quality, by the encoder's default preset or a faster one; noise levels
are measured as the command does it, before the time starts. PSNR is that of the stored result against the frames
without noise, over RGB of 8 bits. FFmpeg's filters run in the command `ffmpeg`, if there is one, with the same encoder
and the strength that gave the best PSNR of those tried. All ways take turns; of several rounds the fastest counts. The
processor's time is that of all threads. Writes results/realtime.csv; rows that are not measured again stay.

    RESTORA_DATA=DIR python benchmarks/realtime.py [--rounds N] [--only NAME]
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from restora.core.allocator import reuse_freed_memory
from restora.core.plan import Plan
from restora.core.processor import machine
from restora.engines.choice import computes_in_bf16
from restora.files.clip import open_clip
from restora.work.bench import read_table, write_table
from restora.work.clips import ClipOptions, frames_to_diagnose, restore_clip
from restora.work.decide import to_denoise
from restora.work.restore import Options

RESULTS = Path(__file__).parent.parent / "results" / "realtime.csv"
SIZES = {(360, 640): 75, (720, 1280): 40}
"""(height, width) of the clips, and how many frames they have."""
NOISE = 10
"""Of 255."""
COPY = "copy"
MEDIUM, FAST = "medium", "veryfast"
KEY = ("machine", "size", "way", "preset", "precision", "filter")


@dataclass(frozen=True)
class Way:
    """A way to denoise: a method with weights and knobs in a precision, or a filter of FFmpeg with its arguments."""

    name: str
    preset: str = MEDIUM
    method: str = ""
    weights: str = ""
    precision: str = ""
    knobs: str = ""
    filter: str = ""


def ways() -> Iterator[Way]:
    """All ways; nets in bf16 only where the processor computes in it."""
    for preset in (MEDIUM, FAST):
        yield Way(COPY, preset)
        yield Way("bilateral", preset, "bilateral")
        yield Way("mctf", preset, "mctf")
        yield Way("mctf, reach 1", preset, "mctf", knobs="reach=1")
        yield Way("FFmpeg hqdn3d", preset, filter="hqdn3d=8")
        yield Way("FFmpeg atadenoise", preset, filter="atadenoise=0a=0.1:0b=0.4:1a=0.1:1b=0.4:2a=0.1:2b=0.4")
    yield Way("FFmpeg nlmeans", filter="nlmeans=s=5:p=5:r=9")
    for precision in ("f32", "bf16", "int8") if computes_in_bf16() else ("f32", "int8"):
        yield Way("restora.blind-small", FAST, "restora", "restora.blind-small", precision)
        if precision != "int8":  # its int8 model did not pass the gate
            yield Way("temporal.clip", FAST, "temporal", "temporal.clip", precision)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="ways whose name begins so")
    given = parser.parse_args()
    reuse_freed_memory()
    made: dict[tuple[str, Way], dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, count in SIZES.items():
            clean, source = clip_of(Path(folder), size, count)
            for _ in range(given.rounds):
                for way in ways():
                    if way.name.startswith(given.only) and (row := measured(way, source, clean)):
                        best = made.setdefault((source.stem, way), row)
                        best["frames_a_second"] = max(best["frames_a_second"], row["frames_a_second"])  # type: ignore
                        best["cpu_ms"] = min(best["cpu_ms"], row["cpu_ms"])  # type: ignore[call-overload]
                        print(row, flush=True)
    rows = [{name: str(value) for name, value in row.items()} for row in made.values()]
    again = {key_of(row) for row in rows}
    write_table(RESULTS, [*(row for row in read_table(RESULTS, KEY) if key_of(row) not in again), *rows])


def key_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """What a row measures: one of a later run takes its place, the others stay."""
    return tuple(row[name] for name in KEY)


def clip_of(folder: Path, size: tuple[int, int], count: int) -> tuple[np.ndarray, Path]:
    """Frames without noise (N, H, W, 3) uint8, and the file of a clip with noise."""
    path, rng = folder / f"{size[1]}x{size[0]}.mp4", np.random.default_rng(0)
    with av.open(str(Path(os.environ["RESTORA_DATA"]) / "video/bikes.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in islice(file.decode(video=0), count)]
    height, width = frames[0].shape[:2]
    side = height * size[1] // size[0]
    left = (width - side) // 2
    parts = [frame[:, left : left + side] for frame in frames]
    clean = np.stack([cv2.resize(part, size[::-1], interpolation=cv2.INTER_CUBIC) for part in parts])
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for x in clean:
            y = np.rint((x + rng.normal(0, NOISE, x.shape)).clip(0, 255)).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(y, format="rgb24")))
        file.mux(stream.encode(None))
    return clean, path


def measured(way: Way, source: Path, clean: np.ndarray) -> dict[str, object] | None:
    """The row of a way; None for a filter without ffmpeg, or one that it does not have."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "x.mkv"
        run = by_ffmpeg if way.filter else by_restora
        spent = run(way, source, target)
        if spent is None:
            return None
        seconds, cpu = spent
        with av.open(str(target)) as file:
            made = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    errors = [float(np.mean((x_hat.astype(np.float32) - x) ** 2)) for x_hat, x in zip(made, clean, strict=True)]
    words = {name: value for name, value in asdict(way).items() if name != "name"}
    return {
        "machine": machine(), "size": source.stem, "way": way.name, **words, "frames": len(made),
        "frames_a_second": round(len(made) / seconds, 2), "cpu_ms": round(1000 * cpu / len(made), 1),
        "psnr": round(float(np.mean([10 * np.log10(255**2 / error) for error in errors])), 2),
    }  # fmt: skip


def by_restora(way: Way, source: Path, target: Path) -> tuple[float, float]:
    """(seconds, processor seconds) of a run; the plan is made before."""
    plan = Plan((), COPY)
    if way.method:
        clip = open_clip(source, 10**9)
        knobs = {name: float(value) for name, _, value in [way.knobs.partition("=")] if name}
        _, plan = to_denoise(
            frames_to_diagnose(clip), knobs, way.method, weights=way.weights or None, precision=way.precision or "auto"
        )
    started, cpu = time.perf_counter(), time.process_time()
    restore_clip(source, target, plan, ClipOptions(Options(), preset=way.preset))
    return time.perf_counter() - started, time.process_time() - cpu


def by_ffmpeg(way: Way, source: Path, target: Path) -> tuple[float, float] | None:
    """The same of FFmpeg's command, with the same encoder."""
    command = shutil.which("ffmpeg")
    if not command:
        return None
    options = ["-c:v", "libx264", "-crf", "16", "-preset", way.preset, "-threads", "4"]
    words = [command, "-v", "error", "-y", "-i", str(source), "-vf", way.filter, *options, str(target)]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    if subprocess.run(words, check=False, capture_output=True).returncode:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
