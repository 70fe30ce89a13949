"""Bench: a plan on a test set, under the field's protocol, as a row for a results file."""

import csv
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan
from restora.damage.shrink import Shrink, imresize, shrink_in
from restora.damage.words import parse
from restora.data.sets import TestSet
from restora.files.picture import read
from restora.learn.weights import find
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.restore import restore

MEMORY = 8 * 10**9
"""Bytes that a method may use: what it needs is measured elsewhere (work/cost.py)."""
REAL = "real"
"""The damage of a set of pairs: what the camera did."""
KEYS = ("set", "damage", "seed", "method", "weights", "engine", "precision")
"""Columns that say which row of a results file a row is."""


@dataclass(frozen=True)
class Row:
    """One method on one set at one damage. Means are over pictures; seconds are per megapixel."""

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


def bench(
    tests: TestSet,
    damage: str,
    plan_for: Callable[[Image], Plan],
    *,
    seed: int = 0,
    engine: str = "openvino",
) -> Row:
    """Damage each picture with the same seed (unclipped, as the field does), restore it by its plan, and score it.

    Of a set of pairs the noisy pictures are taken as they are, and the damage must be REAL. A shrunk picture is
    rounded to 8 bits, and what is compared is luma; the picture is first cut to a multiple of the scale, and compared
    with bicubic interpolation where noisy pictures are with themselves.
    """
    made = None if tests.noisy else parse(damage)
    shrink = (shrink_in(made) if made else None) or Shrink(1)
    scale = shrink.scale
    protocol = PROTOCOLS["sr-y" if scale > 1 else "denoise"]
    scores, before, seconds, area = [], [], 0.0, 0
    for index, path in enumerate(tests.paths):
        x = shrink.cut(read(path).pixels)
        if made is None:
            y = Image(read(tests.noisy[index]).pixels)
        else:
            y = Image(made.apply(x, np.random.default_rng(seed)))
        if scale > 1:
            y = Image(np.rint(y.pixels.clip(0, 1) * 255) / np.float32(255))
        plan = plan_for(y)
        started = time.perf_counter()
        x_hat, report = restore(y, plan, engine=engine, max_memory=MEMORY)
        seconds += time.perf_counter() - started
        area += x.shape[0] * x.shape[1]
        scores.append(measure(x_hat.pixels, x, protocol, scale))
        unrestored = imresize(y.pixels, *x.shape[:2]) if scale > 1 else y.pixels
        before.append(measure(unrestored, x, protocol, scale).psnr)
    # A net may have resampling before and after it, a correction before it: the row is theirs.
    step = next((step for step in plan.steps if step.weights), plan.steps[-1] if plan.steps else None)
    return Row(
        set=tests.name,
        set_sha256=tests.sha256[:16],
        images=len(tests.paths),
        damage=damage,
        seed=seed,
        clipped=bool(tests.noisy) or scale > 1,
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
    )


def short_sum(weights: str) -> str:
    """The beginning of the checksum of some weights, which says which version of them a row is of."""
    return find(weights).checksum[:16]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Put rows into a results file; one of the same KEYS goes."""
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for row in read_table(path, KEYS):
        kept[tuple(row[key] for key in KEYS)] = row
    for new in rows:
        values = {name: str(value) for name, value in asdict(new).items()}
        kept[tuple(values[key] for key in KEYS)] = values
    write_table(path, [kept[key] for key in sorted(kept)])


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file, none if it is absent. Raises RestoraError if it lacks a column."""
    if not path.exists():
        return []
    with path.open(newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            raise RestoraError(f"{path} is no results file of this program: it has no column {', '.join(missing)}")
        return list(reader)


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows as CSV, aside first, so that an interruption leaves the old file. Without rows the file is removed."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    aside = path.with_suffix(".part")
    with aside.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    aside.replace(path)
