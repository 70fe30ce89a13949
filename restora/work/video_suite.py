"""The suite of video: frames between others, and noise in clips, row by row into a results file.

Scores are means over frames, as by the protocol "denoise": all channels, clipped and rounded to 8 bits. Noise is white,
the same for all methods, neither clipped nor rounded, except in the sets 4:2:0, whose frames are stored with chroma of
half size before and after the noise. Methods that need the noise level get that of the diagnosis. `flicker` is the mean
absolute difference, times 255, between the change from frame to frame in the result and in the clean clip; it is 0 if
the result moves as the clip does.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.report import Report
from restora.damage.noise import GaussianNoise
from restora.data.clips import runs_of
from restora.data.photographs import locate
from restora.engines.choice import backend_named, computes_in_bf16
from restora.files.clip import Frame
from restora.files.picture import read
from restora.files.yuv import Layout, frame_of, pixels_of
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.pipeline import Means
from restora.work.bench import MEMORY, measure_rows, short_sum
from restora.work.clips import LOOKED_AT, FrameRestorer, Piece
from restora.work.diagnose import Several, diagnose
from restora.work.interpolate import METHODS, interpolate_pictures
from restora.work.neighbours import frames_around, surrounded
from restora.work.plan import plan_of_method

TRIPLETS = {
    "UCF101[11]": ("video/ucf101", ("frame0.png", "frame1.png", "frame2.png")),
    "Middlebury[6]": ("video/middlebury_other", ("frame10.png", "frame10i11.png", "frame11.png")),
}
"""Folders with three frames each, of which the second is to be made."""
CLIPS = {"bikes": "bikes.mp4", "carphone": "carphone_pristine.mp4", "nasa": "nasa_13013.mp4"}
LENGTH = 24
"""Consecutive frames that are used of each clip, from its middle."""
SIGMAS = (5, 10, 30, 50)
"""Noise levels on the scale 0..255."""
HALVED, HALVED_SIGMA = " 4:2:0", 30
"""Ending of the names of sets of frames that are stored with chroma of half size, as most clips are; their noise."""
STORED = Layout("yuv", 8, (2, 2), matrix=5)
"""How these are stored."""
LEFT_OUT = "frames left out"
NETS = {
    "temporal": ("temporal.clip",),
    "restora": ("restora.blind-small", "restora.prior", "restora.noise"),
}
"""Denoisers of clips by method: the one that sees five frames, and frame by frame a net of the same size and those that
`fix` uses for pictures with white noise."""
HALVED_NETS = {"temporal": "temporal.clip", "restora": "restora.photo"}
"""The same for sets with chroma of half size: there channels share noise."""
FILTERS = ("mctf",)
"""Denoisers of clips without a trained net."""
NOTHING = "nothing"
KEYS = ("set", "damage", "method", "weights", "precision")


@dataclass(frozen=True)
class Task:
    """A row to measure. damage: LEFT_OUT, or the words of the noise."""

    set: str
    damage: str
    method: str
    weights: str = ""
    precision: str = "f32"


def tasks(methods: Sequence[str] = ()) -> Iterator[Task]:
    """The rows of the suite; methods: limit to these, if not empty."""
    rows = [
        *(Task(name, LEFT_OUT, method) for name in TRIPLETS for method in METHODS if method != "tgan"),
        *(Task(name, LEFT_OUT, "tgan", weights) for name in TRIPLETS for weights in ("tgan.l1", "tgan.clip")),
        *(Task(name, LEFT_OUT, "tgan", "tgan.clip", "bf16") for name in TRIPLETS),
    ]
    for name in CLIPS:
        for sigma in SIGMAS:
            words = str(GaussianNoise(sigma / 255))
            rows.append(Task(name, words, NOTHING))
            rows += [Task(name, words, method) for method in FILTERS]
            rows += [Task(name, words, method, weights) for method, all_ in NETS.items() for weights in all_]
            rows.append(Task(name, words, "temporal", NETS["temporal"][0], "bf16"))
        words = str(GaussianNoise(HALVED_SIGMA / 255))
        rows.append(Task(name + HALVED, words, NOTHING))
        rows += [Task(name + HALVED, words, method) for method in FILTERS]
        rows += [Task(name + HALVED, words, method, weights) for method, weights in HALVED_NETS.items()]
    return (task for task in rows if not methods or task.method in methods)


def run(todo: Sequence[Task], results: Path, limit: int | None, again: bool, tell: Callable[[str], None]) -> None:
    """Measure the rows into a results file; those that are there, with the same weights, are kept unless `again`.

    limit: triplets of a set, or frames of a clip, at most. A method whose weights are not here is skipped.
    """

    def facts(task: Task) -> dict[str, str]:
        values = {name: str(value) for name, value in asdict(task).items()}
        checksum = short_sum(task.weights) if task.weights else ""
        return values | {"weights_sha256": checksum, "seed": "0", "protocol": "video"}

    def scores(task: Task) -> dict[str, float]:
        return _between(task, limit) if task.damage == LEFT_OUT else _denoised(task, limit)

    for task, made in measure_rows(results, todo, facts, scores, KEYS, again):
        said = made if isinstance(made, str) else f"{made['psnr']} dB"
        tell(f"{task.set}, {task.damage}: {task.weights or task.method}, {task.precision}: {said}")


def _between(task: Task, limit: int | None) -> dict[str, float]:
    """The scores of frames made between others."""
    folder, names = TRIPLETS[task.set]
    places = sorted(path for path in locate(folder).iterdir() if path.is_dir())[:limit]
    engine = "torch" if task.precision == "bf16" and not computes_in_bf16() else "openvino"
    backend, made, clean, seconds = backend_named(engine, "cpu"), [], [], 0.0
    for place in places:
        before, x, after = (read(place / name).pixels for name in names)
        started = time.perf_counter()
        one = interpolate_pictures(
            Image(before), Image(after), (task.method, task.weights), backend, MEMORY, precision=task.precision
        )
        seconds += time.perf_counter() - started
        made.append(one.pixels)
        clean.append(x)
    return _scores(made, clean, seconds)


def _denoised(task: Task, limit: int | None) -> dict[str, float]:
    """The scores of a clip with noise, and its flicker."""
    clean, halved = clip(task.set.removesuffix(HALVED))[:limit], task.set.endswith(HALVED)
    rng, sigma = np.random.default_rng(0), float(task.damage.split("=")[1].rstrip(")"))
    noisy = [GaussianNoise(sigma).apply(x, rng) for x in clean]
    if halved:
        clean, noisy = ([pixels_of(frame_of(each, STORED), STORED) for each in frames] for frames in (clean, noisy))
    if task.method == NOTHING:
        return _scores(noisy, clean, 0.0) | {"flicker": flicker(noisy, clean)}
    seen = [Image(y.clip(0, 1)) for y in noisy[:: max(1, len(noisy) // LOOKED_AT)]]
    found = diagnose(Several(seen[0], lambda: iter(seen)))
    exact = task.precision if task.weights else None
    plan = plan_of_method(task.method, {}, found, weights=task.weights or None, precision=exact)
    frames = [Frame(index, Fraction(index), y) for index, y in enumerate(noisy)]
    pieces = [Piece(frame, {}, around) for frame, around in surrounded(iter(frames), frames_around(plan))]
    engine = "torch" if task.precision == "bf16" and not computes_in_bf16() else "openvino"
    means = Means(backend_named(engine, "cpu"), MEMORY)
    restorer = FrameRestorer(plan, pieces[0], Report(plan), means)
    started = time.perf_counter()
    made = [restorer(piece) for piece in pieces]
    seconds = time.perf_counter() - started
    return _scores(made, clean, seconds) | {"flicker": flicker(made, clean)}


@cache
def clip(name: str) -> list[np.ndarray]:
    """The frames (H, W, 3) of a clip that are used."""
    (run,) = runs_of(locate("video") / CLIPS[name], LENGTH, 1, 1, at=0.5)
    return [frame.astype(np.float32) / 255 for frame in np.split(run, LENGTH, axis=2)]


def _scores(made: Sequence[np.ndarray], clean: Sequence[np.ndarray], seconds: float) -> dict[str, float]:
    scores = [measure(x_hat, x, PROTOCOLS["denoise"]) for x_hat, x in zip(made, clean, strict=True)]
    area = sum(x.shape[0] * x.shape[1] for x in clean)
    return {
        "frames": len(clean),
        "psnr": round(float(np.mean([each.psnr for each in scores])), 3),
        "ssim": round(float(np.mean([each.ssim for each in scores])), 4),
        "seconds_a_megapixel": round(seconds / area * 1e6, 3),
    }


def flicker(made: Sequence[np.ndarray], clean: Sequence[np.ndarray]) -> float:
    """See the head of this file."""
    changes = [[later - earlier for earlier, later in pairwise(frames)] for frames in (made, clean)]
    return round(float(255 * np.mean([np.abs(one - other).mean() for one, other in zip(*changes, strict=True)])), 3)
