"""The cost of a method: seconds per megapixel and peak memory, in a fresh process with one or more cores."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.image import Image
from restora.core.method import Method
from restora.core.plan import Plan
from restora.core.processor import machine
from restora.damage.hole import with_hole
from restora.damage.words import parse
from restora.engines.choice import Backend
from restora.files.save import write
from restora.learn.weights import find, trainings
from restora.methods.table import METHODS, method_named, task_of
from restora.work.bench import MEMORY
from restora.work.interpolate import interpolate_pictures
from restora.work.plan import plan_of_method, plan_to_enlarge, to_measure
from restora.work.restore import peak_memory, restore

LEVELS = {"jpeg_quality": 10}
"""Values of signs that are given to methods; for any other sign 0.1, or the nearest value that the knob allows."""
GIVEN = {"kernel": "disk(radius=3)"}
"""Inputs that are given to methods as words."""
HOLE = "hole(scratches, count=8, width=3)"
"""The hole of methods that fill."""
REGIONS = "regions(most=2)"
"""The damage of methods that find regions."""
SIZE = 512
ROUNDS = 3
MISSING_EXTRA = 3
"""The exit status of the measuring process if a package is missing."""


@dataclass(frozen=True)
class Cost:
    """Cost of one method for a colour result of 512x512; memory is that of the whole process."""

    method: str
    weights: str
    engine: str
    precision: str
    threads: int
    seconds_a_megapixel: float
    peak_megabytes: float
    parameters: int
    training_seconds: int
    machine: str = ""
    load: float = 0.0  # of the machine in the minute before: above its cores, other programs took part of the time
    knobs: str = ""  # as JSON, those that were changed


def cost(
    method: str, weights: str, threads: int, precision: str = "f32", knobs: Mapping[str, float] | None = None
) -> Cost:
    """Measure in a new process that may use so many cores. Raises MissingExtra or RestoraError as the method does.

    knobs: other than the defaults, as fewer iterations of a method that takes minutes.
    """
    method_named(method)
    changed = json.dumps(dict(knobs or {}))
    words = [sys.executable, "-m", "restora.work.cost", method, weights, str(threads), precision, changed]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    load = round(os.getloadavg()[0], 1)
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        kind = MissingExtra if done.returncode == MISSING_EXTRA else RestoraError
        raise kind((done.stderr.strip().splitlines() or [f"the process that measured {method} was killed"])[-1])
    facts: dict[str, Any] = json.loads(done.stdout) | learned(weights)
    facts |= {"machine": machine(), "load": load, "knobs": changed if knobs else ""}
    return Cost(method, weights, threads=threads, **facts)


def learned(weights: str) -> dict[str, int]:
    """Parameters and seconds of training, including those of the start weights; zeros without weights."""
    if not weights:
        return {"parameters": 0, "training_seconds": 0}
    card: dict[str, Any] = find(weights).card
    return {"parameters": card["parameters"], "training_seconds": sum(run["seconds"] for run in trainings(card))}


def _measure(row: Method, weights: str, precision: str, knobs: dict[str, float]) -> dict[str, float | str]:
    """In this process: the median of a few rounds after a first one that loads and compiles."""
    with TemporaryDirectory() as folder:
        once = _work(row, weights, precision, knobs, Path(folder))
        if not row.minutes:  # these take minutes: once is enough, and loading time is negligible
            once()
        seconds = []
        for _ in range(1 if row.minutes else ROUNDS):
            started = time.perf_counter()
            size, facts = once()
            seconds.append(time.perf_counter() - started)
    return facts | {
        "seconds_a_megapixel": round(median(seconds) / size * 1e6, 3),
        "peak_megabytes": round(peak_memory() / 1e6, 1),
    }


def _work(
    row: Method, weights: str, precision: str, knobs: dict[str, float], folder: Path
) -> Callable[[], tuple[int, dict[str, str]]]:
    """What is measured: it returns the pixels of the result, engine and precision. folder: for files of inputs."""
    scale = (max(find(weights).card["scales"]) if weights else 2) if "shrink" in row.treats else 1
    x = np.tile(np.linspace(0, 1, SIZE // scale, dtype=np.float32)[:, None, None], (1, SIZE // scale, 3))
    words = REGIONS if row.stage == "detect" else "noise(sigma=0.1)"
    y = Image(parse(words).apply(x, np.random.default_rng(0)))
    if task_of(row.name) == "video":
        return partial(_between, row.name, weights, precision, y)
    wanted = precision if weights or row.denoiser else None
    if scale > 1:
        size = y.shape[0] * scale, y.shape[1] * scale  # not 512 if that is not a multiple: that would run a second net
        plan = plan_to_enlarge(row.name, y.shape, size, weights=weights or None, precision=wanted)
    else:
        inputs = _inputs(row, folder, y)
        measured = to_measure(row, weights or None, knobs, inputs)
        values = {knob.name: max(knob.low, min(LEVELS.get(knob.sign, 0.1), knob.high)) for knob in measured} | knobs
        plan = plan_of_method(row.name, values, None, weights=weights or None, precision=wanted, inputs=inputs)
    return partial(_restored, y, plan)


def _restored(y: Image, plan: Plan) -> tuple[int, dict[str, str]]:
    x_hat, report = restore(y, plan, max_memory=MEMORY)
    return x_hat.shape[0] * x_hat.shape[1], {"engine": report.engine, "precision": report.precision or "f32"}


def _between(method: str, weights: str, precision: str, y: Image) -> tuple[int, dict[str, str]]:
    """The frame between two, of which the second shows the same a few pixels lower."""
    after = Image(np.roll(y.pixels, 4, axis=0))
    made = interpolate_pictures(y, after, (method, weights), Backend("openvino"), MEMORY, precision=precision)
    return made.shape[0] * made.shape[1], {"engine": "openvino", "precision": precision}


def _inputs(row: Method, folder: Path, y: Image) -> dict[str, str | Path]:
    """What a method must be given beside the picture: a mask, a kernel, a picture of reference."""
    given: dict[str, str | Path] = {}
    for each in row.inputs:
        if each.name in GIVEN:
            given[each.name] = GIVEN[each.name]
        elif each.name in ("mask", "reference"):
            pixels = with_hole(parse(HOLE), y.pixels, np.random.default_rng(0))[1] if each.name == "mask" else y.pixels
            given[each.name] = folder / f"{each.name}.png"
            write(Image(pixels), folder / f"{each.name}.png")
    return given


def _main(method: str, weights: str, threads: str, precision: str, knobs: str = "{}") -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    try:
        sys.stdout.write(json.dumps(_measure(METHODS[method], weights, precision, json.loads(knobs))))
    except RestoraError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(MISSING_EXTRA if isinstance(error, MissingExtra) else 2) from None


if __name__ == "__main__":
    _main(*sys.argv[1:])
