"""The suite of translation: aged prints to clean pictures, and label maps to photographs, into a results file.

Scores are those of the protocol "denoise": all channels, clipped and rounded to 8 bits, of whole pictures. Besides: the
mean absolute difference (L1, on 0..1), and the kernel distance times 1000 between the results and the true pictures:
of features of EfficientNet-lite0, averaged over squares of PATCH pixels. The cycle error of CycleGAN is on the card of
its weights.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from restora.core.errors import MissingExtra
from restora.core.image import Image
from restora.damage.words import parse
from restora.data.pairs import pairs_in
from restora.data.photographs import gather, pixels_of
from restora.data.sets import test_set
from restora.engines.choice import computes_in_bf16
from restora.files.picture import read
from restora.files.save import write
from restora.learn.held_out import centre
from restora.learn.weights import find
from restora.methods.table import METHODS, task_of
from restora.metrics.distribution import kernel_distance
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import MEMORY, measure_rows, short_sum
from restora.work.decide import to_correct
from restora.work.plan import plan_of_method
from restora.work.restore import restore

AGED = (
    "fade(dyes, red=0.3, green=0.25, blue=0.4) | yellow(amount=0.3) | blur(gaussian, sigma=0.7) | noise(sigma=0.03)",
    "fade(contrast, black=0.2, white=0.85) | yellow(amount=0.3) | stain(count=1, size=0.8, density=0.2)"
    " | noise(sigma=0.03)",
)
"""Damage of prints: levels in the middle of those of training."""
PRINTS, MOST = "CBSD68", 20
"""The set that is aged, and how many of its pictures are used."""
FACADES, LABELS = "Facades", "labels"
"""The pairs of label maps and photographs, and the word for their damage."""
FOLDERS = {"seen": "i2i/facades/train", "test": "i2i/facades/test"}
REFERENCES, SIDE = ("train/free", 16), 128
"""The photographs of which centres, SIDE pixels wide, are the reference of colour transfer."""
PATCH = 128
NOTHING = "nothing"
KEYS = ("set", "damage", "method", "weights", "precision")


@dataclass(frozen=True)
class Task:
    """A row to measure: a method on a set with a damage."""

    set: str
    damage: str
    method: str
    weights: str = ""
    precision: str = "f32"


def tasks(methods: Sequence[str] = ()) -> Iterator[Task]:
    """The rows of the suite; methods: limit to these, if not empty."""
    rows = (
        *(Task(PRINTS, words, *each) for words in AGED for each in (
            (NOTHING,), ("colour-transfer",), ("levels",), ("cyclegan", "cyclegan.oldphoto"),
            ("pix2pix", "pix2pix.oldphoto"), ("pix2pix", "pix2pix.oldphoto", "bf16"),
        )),
        *(Task(FACADES, LABELS, *each) for each in (
            (NOTHING,), ("colour-transfer",), ("pix2pix", "pix2pix.facades"),
        )),
    )  # fmt: skip
    return (task for task in rows if not methods or task.method in methods)


def run(todo: Sequence[Task], results: Path, limit: int | None, again: bool, tell: Callable[[str], None]) -> None:
    """Measure the rows into a results file; those that are there, with the same weights, are kept unless `again`.

    A method whose weights are not here is skipped with a message.
    """

    def facts(task: Task) -> dict[str, str]:
        values = {name: str(value) for name, value in asdict(task).items()}
        values |= {"weights_sha256": short_sum(task.weights) if task.weights else "", "seed": "0"}
        return values | {"protocol": "denoise", "images": str(len(examples(task.set, task.damage, limit)))}

    def scores(task: Task) -> dict[str, float | str]:
        return _scores(task, examples(task.set, task.damage, limit))

    for task, made in measure_rows(results, todo, facts, scores, KEYS, again):
        said = made if isinstance(made, str) else f"{made['psnr']} dB"
        tell(f"{task.set}, {task.damage}: {task.weights or task.method}, {task.precision}: {said}")


@cache
def examples(name: str, damage: str, limit: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs y, x (H, W, 3) float32 of a set; damage is neither clipped nor rounded."""
    if name == FACADES:
        pairs = [pair.pixels() for pair in pairs_in(FOLDERS["test"], "")[:limit]]
        return [(y.astype(np.float32) / 255, x.astype(np.float32) / 255) for x, y in pairs]
    paths = test_set(name).first(min(limit or MOST, MOST)).paths
    clean = [read(path).pixels for path in paths]
    return [(parse(damage).apply(x, np.random.default_rng(seed)), x) for seed, x in enumerate(clean)]


@cache
def reference(name: str) -> np.ndarray:
    """Clean pictures of training side by side (SIDE, W, 3): the colours that results of a set should have."""
    if name == FACADES:
        seen = [pair.pixels()[0] for pair in pairs_in(FOLDERS["seen"], "")[: REFERENCES[1]]]
    else:
        seen = [pixels_of(photo) for photo in gather([REFERENCES[0]], "")[: REFERENCES[1]]]
    return np.hstack([centre(pixels, 1, SIDE) for pixels in seen])


def translated(task: Task, y: np.ndarray) -> np.ndarray:
    """The result of a task for y (H, W, 3)."""
    row = METHODS[task.method]
    if task_of(row.name) == "colour":
        return restore(Image(y), to_correct(Image(y), {}, row.name)[1], max_memory=MEMORY)[0].pixels
    with TemporaryDirectory() as folder:
        inputs = {}
        if row.inputs:
            inputs = {"reference": Path(folder) / "reference.png"}
            write(Image(reference(task.set)), inputs["reference"])
        precision = task.precision if row.learned else None
        engine = "torch" if precision == "bf16" and not computes_in_bf16() else "openvino"
        plan = plan_of_method(row.name, {}, None, weights=task.weights or None, precision=precision, inputs=inputs)
        return restore(Image(y), plan, engine=engine, max_memory=MEMORY)[0].pixels


def _scores(task: Task, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float | str]:
    """The means of the scores, the PSNR of each picture, and the kernel distance of all."""
    begun = time.perf_counter()
    made = [y if task.method == NOTHING else translated(task, y) for y, _ in pairs]
    seconds = time.perf_counter() - begun
    protocol = PROTOCOLS["denoise"]
    scores = [measure(x_hat, x, protocol) for x_hat, (_, x) in zip(made, pairs, strict=True)]
    apart = [np.abs(x_hat.clip(0, 1) - x).mean() for x_hat, (_, x) in zip(made, pairs, strict=True)]
    area = sum(x.shape[0] * x.shape[1] for _, x in pairs)
    cycle = find(task.weights).card["trained"].get("held_out_cycle_error") if task.weights else None
    return {
        "psnr": round(float(np.mean([each.psnr for each in scores])), 3),
        "ssim": round(float(np.mean([each.ssim for each in scores])), 4),
        "l1": round(float(np.mean(apart)), 5),
        "kernel_distance": round(1000 * kernel_distance(features(made), features([x for _, x in pairs])), 3),
        "cycle_error": "" if cycle is None else cycle,
        "seconds_a_megapixel": round(seconds / area * 1e6, 3),
        "each": " ".join(f"{each.psnr:.3f}" for each in scores),
    }


def features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(n, 320): the features of the squares of pictures (H, W, 3), averaged over each square. Raises MissingExtra."""
    try:
        from restora.nets.features import pooled_squares
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the kernel distance needs {error.name}: pip install 'restora[lab]'") from error
    return pooled_squares(pictures, PATCH)
