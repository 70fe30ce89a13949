"""The cost of a method: seconds per megapixel and peak memory, in a fresh process with one or more cores."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.learn.weights import find, trainings
from restora.methods.table import METHODS, method_named
from restora.work.bench import MEMORY
from restora.work.plan import plan_to_enlarge
from restora.work.restore import peak_memory, restore

LEVELS = {"jpeg_quality": 10}
"""Values of signs that are given to methods; for any other sign 0.1, or the nearest value that the knob allows."""
SIZE = 512
ROUNDS = 3


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


def cost(method: str, weights: str, threads: int, precision: str = "f32") -> Cost:
    """Measure in a new process that may use so many cores. Raises MissingExtra or RestoraError as the method does."""
    method_named(method)
    words = [sys.executable, "-m", "restora.work.cost", method, weights, str(threads), precision]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        kind = MissingExtra if done.returncode == 3 else RestoraError
        raise kind((done.stderr.strip().splitlines() or [f"the process that measured {method} was killed"])[-1])
    facts: dict[str, Any] = json.loads(done.stdout) | learned(weights)
    return Cost(method, weights, threads=threads, **facts)


def learned(weights: str) -> dict[str, int]:
    """Parameters and seconds of training, including those of the start weights; zeros without weights."""
    if not weights:
        return {"parameters": 0, "training_seconds": 0}
    card: dict[str, Any] = find(weights).card
    return {"parameters": card["parameters"], "training_seconds": sum(run["seconds"] for run in trainings(card))}


def _measure(method: str, weights: str, precision: str) -> dict[str, float | str]:
    """In this process: the median of a few rounds after a first one that loads and compiles."""
    row = METHODS[method]
    scale = (max(find(weights).card["scales"]) if weights else 2) if "shrink" in row.treats else 1
    x = np.tile(np.linspace(0, 1, SIZE // scale, dtype=np.float32)[:, None, None], (1, SIZE // scale, 3))
    y = Image(parse("noise(sigma=0.1)").apply(x, np.random.default_rng(0)))
    if scale > 1:
        wanted = precision if weights else None
        size = y.shape[0] * scale, y.shape[1] * scale  # not 512 if that is not a multiple: that would run a second net
        plan = plan_to_enlarge(method, y.shape, size, weights=weights or None, precision=wanted)
    else:
        measured = [knob for knob in row.knobs if knob.default is None]
        values = {knob.name: max(knob.low, min(LEVELS.get(knob.sign, 0.1), knob.high)) for knob in measured}
        plan = Plan((Step(method, "measured", weights or None, values),), "measured", precision=precision)
    if not row.minutes:  # these take minutes: once is enough, and loading time is negligible
        restore(y, plan)
    seconds = []
    for _ in range(1 if row.minutes else ROUNDS):
        started = time.perf_counter()
        x_hat, report = restore(y, plan, max_memory=MEMORY)
        seconds.append(time.perf_counter() - started)
    return {
        "engine": report.engine,
        "precision": report.precision or "f32",
        "seconds_a_megapixel": round(median(seconds) / (x_hat.shape[0] * x_hat.shape[1]) * 1e6, 3),
        "peak_megabytes": round(peak_memory() / 1e6, 1),
    }


def _main(method: str, weights: str, threads: str, precision: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    try:
        sys.stdout.write(json.dumps(_measure(method, weights, precision)))
    except RestoraError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(3 if isinstance(error, MissingExtra) else 2) from None


if __name__ == "__main__":
    _main(*sys.argv[1:])
