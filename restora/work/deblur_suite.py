"""The suite of deblurring: known kernels, and blur that nobody knows, row by row into a results file.

Known: the eight camera shakes of Levin et al. 2009 (blur/kernels/Levin09.npz) and white noise, neither clipped nor
rounded; methods are told kernel and sigma. The pictures of a set are blurred by the kernels in turn. Unknown: words of
damage, the result clipped and rounded to 8 bits, or pairs of photographs; methods are told nothing. Scores are those of
the protocol "deblur" for colour, "denoise" for grey: the whole picture, clipped and rounded to 8 bits; and, as
`psnr_inside`, without BORDER pixels at each side.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from restora.core.image import Image
from restora.core.method import Method
from restora.damage.blur import Blur
from restora.damage.words import parse
from restora.data.photographs import locate
from restora.data.sets import PAIRS, TestSet, test_set
from restora.engines.choice import computes_in_bf16
from restora.files.picture import read
from restora.methods.table import METHODS, TASKS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import MEMORY, REAL, read_table, short_sum, write_table
from restora.work.plan import plan_of_method
from restora.work.restore import restore

LEVIN = "Levin's kernels"
SIGMAS = (2.55, 5.0, 7.65)
"""Noise levels of known kernels, of 255."""
KNOWN = ("Set12", "BSD68")
UNKNOWN = ("CBSD68", "GoPro3")
COLOUR = 12
"""Pictures of the first of these sets that are used, unless a limit is given."""
BLURS = (
    "blur(sigma=1.6) | noise(sigma=0.008)",
    "blur(disk, radius=3.0) | noise(sigma=0.008)",
    "blur(motion, length=15.0, angle=30.0) | noise(sigma=0.008)",
    "blur(shake, length=12.0) | noise(sigma=0.008)",
    "blur(shake, length=25.0) | noise(sigma=0.008)",
    "blur(moving, length=15.0, camera=3.0) | noise(sigma=0.008)",
    "blur(sigma=1.6) | noise(sigma=0.008) | jpeg(quality=25)",
)
BORDER = 15
NOTHING = "nothing"
KEYS = ("set", "damage", "sigma", "method", "weights", "precision")


@dataclass(frozen=True)
class Task:
    """A row to measure: a method on a set with a blur. sigma: told noise of known kernels, of 255; None: unknown."""

    set: str
    damage: str
    sigma: float | None
    method: str
    weights: str = ""
    precision: str = "f32"


@dataclass(frozen=True)
class Given(Blur):
    """A blur whose kernel (kh, kw) is given as an array."""

    array: np.ndarray

    def kernel(self) -> np.ndarray:
        """The array, scaled to the sum 1."""
        return self.array / self.array.sum()


def tasks(methods: Sequence[str] = (), sets: Sequence[str] = ()) -> Iterator[Task]:
    """The rows of the suite. methods, sets: limit to these, if not empty."""
    rows = [row for row in TASKS["deblur"] if not methods or row.name in methods]
    told, blind = ([row for row in rows if needs_kernel(row) is known] for known in (True, False))
    for name in (each for each in KNOWN if told and (not sets or each in sets)):
        for sigma in SIGMAS:
            yield Task(name, LEVIN, sigma, NOTHING)
            yield from (Task(name, LEVIN, sigma, row.name) for row in told)
    nets = [("restora", "restora.sharp")] if not methods or "restora" in methods else []
    nets += [(row.name, weights) for row in blind if not row.minutes or methods for weights in row.weights or ("",)]
    for name in (each for each in UNKNOWN if nets and (not sets or each in sets)):
        for words in (REAL,) if name in PAIRS else BLURS:
            yield Task(name, words, None, NOTHING)
            yield from (Task(name, words, None, method, weights) for method, weights in nets)
            trained = [(method, weights) for method, weights in nets if weights and computes_in_bf16()]
            yield from (Task(name, words, None, method, weights, "bf16") for method, weights in trained)


def needs_kernel(row: Method) -> bool:
    """Whether a method must be told the kernel."""
    return any(each.name == "kernel" and each.required for each in row.inputs)


def run(todo: Sequence[Task], results: Path, limit: int | None, again: bool, tell: Callable[[str], None]) -> None:
    """Measure the rows into a results file; those that are there, with the same weights, are kept unless `again`."""
    kept = {tuple(row[key] for key in KEYS): row for row in read_table(results, [*KEYS, "weights_sha256"])}
    for task in todo:
        tests = test_set(task.set)
        tests = tests.first(limit or (COLOUR if task.sigma is None and task.set not in PAIRS else None))
        checksum = short_sum(task.weights) if task.weights else ""
        values = asdict(task) | {"set": tests.name, "sigma": task.sigma or "", "weights_sha256": checksum}
        values |= {"seed": "0", "engine": "openvino", "protocol": "deblur" if task.sigma is None else "denoise"}
        key = tuple(str(values[name]) for name in KEYS)
        if key in kept and kept[key]["weights_sha256"] == checksum and not again:
            continue
        values |= {"images": len(tests.paths)} | _scores(task, tests)
        kept[key] = {name: str(value) for name, value in values.items()}
        write_table(results, [kept[each] for each in sorted(kept)])
        what = f"{task.weights or task.method}, {task.precision}"
        tell(f"{tests.name}, {task.damage}, {values['sigma']}: {what}: {values['psnr']} dB")


def _scores(task: Task, tests: TestSet) -> dict[str, float]:
    """The means of the scores, and the seconds for a megapixel."""
    scores, inside, seconds, pixels = [], [], 0.0, 0
    for x, y, kernel in pairs(task, tests):
        started = perf_counter()
        x_hat = y if task.method == NOTHING else restored(task, y, kernel)
        seconds, pixels = seconds + perf_counter() - started, pixels + x[:, :, 0].size
        protocol = PROTOCOLS["deblur" if x.shape[2] == 3 else "denoise"]
        scores.append(measure(x_hat, x, protocol))
        cut = np.s_[BORDER:-BORDER, BORDER:-BORDER]
        inside.append(measure(x_hat[cut], x[cut], protocol).psnr)
    return {
        "psnr": round(float(np.mean([each.psnr for each in scores])), 3),
        "psnr_inside": round(float(np.mean(inside)), 3),
        "ssim": round(float(np.mean([each.ssim for each in scores])), 4),
        "seconds_a_megapixel": round(seconds / pixels * 1e6, 2) if task.method != NOTHING else 0.0,
    }


def pairs(task: Task, tests: TestSet) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Clean x and blurred y (H, W, C), and the kernel if the methods are told it."""
    if task.damage == LEVIN:
        stored = np.load(locate("blur/kernels") / "Levin09.npz")
        kernels = [stored[f"kernel{number}"].astype(float) for number in range(1, 9)]
        for index, path in enumerate(tests.paths):
            x, rng, kernel = read(path).pixels, np.random.default_rng(index), kernels[index % 8]
            noise = rng.standard_normal(x.shape).astype(np.float32)
            yield x, Given(kernel).apply(x, rng) + (task.sigma or 0) / 255 * noise, kernel
        return
    for index, path in enumerate(tests.paths):
        x = read(path).pixels
        y = (
            read(tests.noisy[index]).pixels
            if tests.noisy
            else parse(task.damage).apply(x, np.random.default_rng(index))
        )
        yield x, np.rint(y.clip(0, 1) * 255) / np.float32(255), None


def restored(task: Task, y: np.ndarray, kernel: np.ndarray | None) -> np.ndarray:
    """The result of a task for y (H, W, C); kernel (kh, kw): what the method is told, if anything."""
    row, knobs = METHODS[task.method], dict[str, Any]()
    if any(knob.name == "sigma" and knob.default is None for knob in row.knobs):
        knobs["sigma"] = (2.0 if task.sigma is None else task.sigma) / 255
    with TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.npy"
        if kernel is not None:
            np.save(file, kernel)
        inputs = {} if kernel is None else {"kernel": file}
        precision = task.precision if row.learned or row.denoiser else None
        plan = plan_of_method(row.name, knobs, None, weights=task.weights or None, precision=precision, inputs=inputs)
        return restore(Image(y), plan, max_memory=MEMORY)[0].pixels
