"""The suite of inpainting: holes of several kinds, clean and noisy, at several sizes, row by row into a results file.

The missing pixels are black in the input, and the method is told the mask. Noise is neither clipped nor rounded. Scores
are those of the protocol "denoise" against the clean picture: all channels, clipped and rounded to 8 bits, of the whole
picture; and, as `psnr_in_hole`, of the missing pixels only. A column holds the scores of each picture, so that methods
can be compared picture by picture. `seconds` is the mean time for a picture, with reading the mask; compare these only
within one run. No grain is added.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from restora.core.errors import MissingExtra
from restora.core.image import Image
from restora.damage.hole import with_hole
from restora.damage.words import parse
from restora.data.sets import TestSet, test_set
from restora.engines.choice import computes_in_bf16
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS, TASKS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import MEMORY, read_table, short_sum, write_table
from restora.work.decide import REMOVING
from restora.work.plan import FILLING, plan_of_method
from restora.work.restore import restore

SQUARE = "hole(rectangle, top=112, left=112, height=32, width=32)"
HOLES = (
    "hole(pixels, share=0.5)",
    "hole(scratches, count=8, width=3)",
    "hole(scratches, count=4, width=9)",
    "hole(text, size=24)",
    "hole(blobs, share=0.1, size=16.0)",
    SQUARE,
    "noise(sigma=0.05) | hole(scratches, count=8, width=3)",
)
SIZES = {0.5: "hole(strokes, count=4, width=12)", 1.0: "hole(strokes, count=4, width=24)"} | {
    2.0: "hole(strokes, count=4, width=48)"
}
"""How many times larger the pictures of SIZED are made, by area means or bicubic interpolation; and the hole."""
WIDE = {
    side: f"hole(rectangle, top={256 - side // 2}, left={256 - side // 2}, height={side}, width={side})"
    for side in (16, 32, 64, 96, 128, 192, 256)
}
"""Squares in the middle of the pictures of SIZED, by their side in pixels: up to which size a hole can be filled."""
SETS = ("Set12", "LDM8")
SIZED = "LDM8"
LEFT_OUT = ("LDM8", HOLES[0], "frequency-selective")
"""A set, hole and method without a row: it takes half a minute for a picture."""
FOR_WIDE = (*REMOVING, FILLING)
"""The methods that fill the squares of WIDE, beside NOTHING."""
NOTHING = "nothing"
KEYS = ("set", "damage", "times", "method", "weights", "precision")


@dataclass(frozen=True)
class Task:
    """A row to measure: a method on a set with a damage that ends with a hole. times: size of the pictures."""

    set: str
    damage: str
    times: float
    method: str
    weights: str = ""
    precision: str = "f32"


def tasks(methods: Sequence[str] = (), sets: Sequence[str] = ()) -> Iterator[Task]:
    """The rows of the suite. methods, sets: limit to these, if not empty.

    Methods that fit a net to each picture run only if they are named, and on the square of the first set.
    """
    rows = [row for row in TASKS["fill"] if (not row.minutes or methods) and (not methods or row.name in methods)]
    cases = [(name, words, 1.0) for name in SETS for words in HOLES] + [(SIZED, SIZES[each], each) for each in SIZES]
    for name, words, times in cases + [(SIZED, words, 1.0) for words in WIDE.values()]:
        if sets and name not in sets:
            continue
        if not methods:
            yield Task(name, words, times, NOTHING)
        for row in rows:
            if (words in WIDE.values() and row.name not in FOR_WIDE) or (name, words, row.name) == LEFT_OUT:
                continue
            for weights in row.weights or ("",):
                yield Task(name, words, times, row.name, weights)
                if weights and (name, times) == (SETS[0], 1.0) and words in HOLES[:3]:
                    yield Task(name, words, times, row.name, weights, "bf16")


def run(todo: Sequence[Task], results: Path, limit: int | None, again: bool, tell: Callable[[str], None]) -> None:
    """Measure the rows into a results file; those that are there, with the same weights, are kept unless `again`.

    A method whose package is not installed is skipped with a message.
    """
    kept = {tuple(row[key] for key in KEYS): row for row in read_table(results, [*KEYS, "weights_sha256"])}
    for task in todo:
        tests = test_set(task.set).first(limit)
        checksum = short_sum(task.weights) if task.weights else ""
        values = {name: str(value) for name, value in asdict(task).items()} | {"set": tests.name}
        values |= {"weights_sha256": checksum, "seed": "0", "engine": engine_for(task), "protocol": "denoise"}
        key = tuple(values[name] for name in KEYS)
        if key in kept and kept[key]["weights_sha256"] == checksum and not again:
            continue
        try:
            scores = _scores(task, tests)
        except MissingExtra as missing:
            tell(f"{task.method}: {missing}")
            continue
        kept[key] = values | {"images": str(len(tests.paths))} | {name: str(value) for name, value in scores.items()}
        write_table(results, [kept[each] for each in sorted(kept)])
        what = f"{task.weights or task.method}, {task.precision}"
        tell(f"{tests.name}, {task.damage}, size {task.times:g}: {what}: {scores['psnr_in_hole']} dB in the hole")


def _scores(task: Task, tests: TestSet) -> dict[str, float | str]:
    """The means of the scores and of the time, and the PSNR of each picture."""
    protocol, scores, inside, seconds = PROTOCOLS["denoise"], [], [], []
    for index, path in enumerate(tests.paths):
        x, y, missing = damaged(path, task.damage, task.times, index)
        started = time.perf_counter()
        x_hat = y if task.method == NOTHING else filled(task, y, missing)
        seconds.append(time.perf_counter() - started)
        scores.append(measure(x_hat, x, protocol))
        ours, clean = (protocol.prepare(side, 1)[missing] for side in (x_hat, x))
        inside.append(float(10 * np.log10(255**2 / np.mean((ours - clean) ** 2))))
    return {
        "psnr": round(float(np.mean([each.psnr for each in scores])), 3),
        "psnr_in_hole": round(float(np.mean(inside)), 3),
        "ssim": round(float(np.mean([each.ssim for each in scores])), 4),
        "seconds": round(float(np.mean(seconds)), 3),
        "each": " ".join(f"{each.psnr:.3f}" for each in scores),
    }


@cache
def damaged(path: Path, words: str, times: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean x and damaged y (H, W, C), and the missing pixels (H, W) bool, of a picture at a size."""
    x = read(path).pixels
    if times != 1:
        way = cv2.INTER_AREA if times < 1 else cv2.INTER_CUBIC
        x = np.atleast_3d(cv2.resize(x, None, fx=times, fy=times, interpolation=way)).clip(0, 1)
    y, missing = with_hole(parse(words), x, np.random.default_rng(seed))
    return x, y, missing[:, :, 0] > 0


def filled(task: Task, y: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The result of a task for y (H, W, C) with missing pixels (H, W) bool."""
    row = METHODS[task.method]
    with TemporaryDirectory() as folder:
        mask = Path(folder) / "mask.png"
        write(Image(missing.astype(np.float32)[:, :, None]), mask)
        precision = task.precision if row.learned else None
        plan = plan_of_method(
            row.name, {}, None, weights=task.weights or None, precision=precision, inputs={"mask": mask}
        )
        return restore(Image(y), plan, engine=engine_for(task), max_memory=MEMORY)[0].pixels


def engine_for(task: Task) -> str:
    """The engine of a task: torch for bf16 on a processor without it, where OpenVINO would compute in f32 instead."""
    return "torch" if task.precision == "bf16" and not computes_in_bf16() else "openvino"
