"""Bench: a plan on a test set, scored by a protocol of the literature, as a row of a results file."""

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from restora.core.errors import MissingExtra, NoWeights, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan
from restora.core.resample import imresize
from restora.damage.jpeg import last_of_jpegs
from restora.damage.shrink import Shrink, shrink_in
from restora.damage.words import parse
from restora.data.sets import TestSet
from restora.files.picture import read
from restora.learn.weights import find
from restora.metrics.protocol import PROTOCOLS, Protocol
from restora.metrics.scores import measure
from restora.work.restore import restore

T = TypeVar("T")
MEMORY = 8 * 10**9
"""Memory limit of a method in bytes; the memory that it needs is measured in work/cost.py."""
REAL = "real"
"""The damage of a set of pairs: that of the camera."""
KEYS = ("set", "damage", "seed", "method", "weights", "engine", "precision")
"""Columns that identify a row of a results file."""


@dataclass(frozen=True)
class Row:
    """One method on one set with one damage. Means are over pictures; seconds are per megapixel.

    A score that is None was not measured, and has no column.
    """

    set: str
    set_sha256: str
    images: int
    damage: str
    seed: int
    clipped: bool
    method: str
    weights: str
    weights_sha256: str
    engine: str
    precision: str
    psnr: float
    ssim: float
    psnr_damaged: float
    seconds_a_megapixel: float
    protocol: str
    ssim_variant: str
    psnr_b: float | None = None


def bench(
    tests: TestSet,
    damage: str,
    plan_for: Callable[[Image], Plan],
    *,
    seed: int = 0,
    engine: str = "openvino",
) -> Row:
    """Damage each picture, restore it by its plan, and score it by the protocol of the damage.

    Super-resolution is compared with bicubic interpolation, other methods with the damaged picture itself.
    """
    protocol, scale = protocol_of(damage)
    scores, before, seconds, area = [], [], 0.0, 0
    for x, y in damaged(tests, damage, seed):
        plan = plan_for(y)
        started = time.perf_counter()
        x_hat, report = restore(y, plan, engine=engine, max_memory=MEMORY)
        seconds += time.perf_counter() - started
        area += x.shape[0] * x.shape[1]
        scores.append(measure(x_hat.pixels, x, protocol, scale))
        unrestored = imresize(y.pixels, *x.shape[:2]) if scale > 1 else y.pixels
        before.append(measure(unrestored, x, protocol, scale).psnr)
    # A net may have resampling before and after it, or a correction: the row belongs to the net.
    step = next((step for step in plan.steps if step.weights), plan.steps[-1] if plan.steps else None)
    return Row(
        set=tests.name,
        set_sha256=tests.sha256[:16],
        images=len(tests.paths),
        damage=damage,
        seed=seed,
        clipped=protocol.name != "denoise" or bool(tests.noisy),
        method=step.method if step else "nothing",
        weights=(step.weights or "") if step else "",
        weights_sha256=short_sum(step.weights) if step and step.weights else "",
        engine=report.engine,
        precision=report.precision or "f32",
        psnr=round(float(np.mean([score.psnr for score in scores])), 3),
        ssim=round(float(np.mean([score.ssim for score in scores])), 4),
        psnr_damaged=round(float(np.mean(before)), 3),
        seconds_a_megapixel=round(seconds / area * 1e6, 3),
        protocol=protocol.name,
        ssim_variant=protocol.ssim,
        psnr_b=round(float(np.mean([score.psnr_b for score in scores])), 3) if protocol.blocks else None,
    )


def damaged(tests: TestSet, damage: str, seed: int = 0) -> Iterator[tuple[np.ndarray, Image]]:
    """Each picture of a set, (H, W, C) on 0..1, and its damaged form; the same seed for all, unclipped.

    For a set of pairs, the noisy pictures are used as they are, and the damage must be REAL. For a damage that shrinks,
    the picture is first cropped to a multiple of the scale, and the small one is rounded to 8 bits.
    """
    made = None if tests.noisy else parse(damage)
    shrink = (shrink_in(made) if made else None) or Shrink(1)
    for index, path in enumerate(tests.paths):
        x = shrink.cut(read(path).pixels)
        y = read(tests.noisy[index]).pixels if made is None else made.apply(x, np.random.default_rng(seed))
        yield x, Image(np.rint(y.clip(0, 1) * 255) / np.float32(255) if shrink.scale > 1 else y)


def protocol_of(damage: str) -> tuple[Protocol, int]:
    """The protocol for a damage, on luma for super-resolution and JPEG alone; and the scale."""
    made = parse(damage) if damage != REAL else None
    shrink = (shrink_in(made) if made else None) or Shrink(1)
    if shrink.scale > 1:
        return PROTOCOLS["sr-y"], shrink.scale
    return PROTOCOLS["jpeg-y" if made and last_of_jpegs(made) else "denoise"], 1


def short_sum(weights: str) -> str:
    """The start of the checksum of some weights, which tells the version that a row belongs to."""
    return find(weights).checksum[:16]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to a results file; rows with the same KEYS are replaced."""
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for row in read_table(path, KEYS):
        kept[tuple(row[key] for key in KEYS)] = row
    for new in rows:
        values = {name: str(value) for name, value in asdict(new).items() if value is not None}
        kept[tuple(values[key] for key in KEYS)] = values
    write_table(path, [kept[key] for key in sorted(kept)])


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file, none if it does not exist. Raises RestoraError if it lacks a column."""
    if not path.exists():
        return []
    with path.open(newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            raise RestoraError(f"{path} is not a results file of Restora: it lacks the column {', '.join(missing)}")
        return list(reader)


def measure_rows(
    path: Path,
    todo: Iterable[T],
    facts: Callable[[T], dict[str, str]],
    scores: Callable[[T], Mapping[str, Any]],
    keys: Sequence[str],
    again: bool,
) -> Iterator[tuple[T, Mapping[str, Any] | str]]:
    """Measure rows into a results file, each written when it is made; yields what was measured, or why it was not.

    facts: what identifies the row of a task, `keys` and weights_sha256 among it. A row that is there, with the same
    weights, is kept unless `again`. A task whose weights or packages are missing is left out.
    """
    kept = {tuple(row[key] for key in keys): row for row in read_table(path, [*keys, "weights_sha256"])}
    for task in todo:
        try:
            values = facts(task)
            key = tuple(values[name] for name in keys)
            if key in kept and kept[key]["weights_sha256"] == values["weights_sha256"] and not again:
                continue
            measured = scores(task)
        except (MissingExtra, NoWeights) as missing:
            yield task, str(missing)
            continue
        kept[key] = values | {name: str(value) for name, value in measured.items()}
        write_table(path, [kept[each] for each in sorted(kept)])
        yield task, measured


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows as CSV, aside first, so that an interruption keeps the old file. Without rows the file is removed.

    The columns are those of all rows; missing values are left empty.
    """
    if not rows:
        path.unlink(missing_ok=True)
        return
    aside = path.with_suffix(".part")
    with aside.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, dict.fromkeys(chain(*rows)), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    aside.replace(path)
