"""Restore: carry out a plan on a picture, piece by piece, in memory or from file to file."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from restora.core.errors import BadImage, BadPlan, NotFinite
from restora.core.image import Image, to_grey
from restora.core.knobs import Setting
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.data.photographs import sha256
from restora.engines.tiling import UNIT, Read, Run, around, cores, restore_piece, tile_for
from restora.files.picture import MAX_PIXELS, STDIO, open_picture
from restora.files.save import check_output, copy, write_by_tiles
from restora.learn.weights import Weights, find
from restora.methods.table import method_named
from restora.work.diagnose import Pixels
from restora.work.plan import check

MAX_MEMORY = 1_000_000_000
RESTING = 320_000_000
"""Bytes that the process holds before it works on a tile: Python, libvips, OpenVINO and the model, measured."""

PLAIN = 40
"""Bytes for each pixel that is only read and written."""

ENGINES = ("openvino", "torch")

Tell = Callable[[int, int], None]
"""(pieces done, pieces in all), called after each piece."""


@dataclass(frozen=True)
class Limits:
    """How many bytes of memory may be used, how many pixels a picture may have, and how long a fit to it may take."""

    memory: int = MAX_MEMORY
    pixels: int = MAX_PIXELS
    minutes: float = float("inf")  # of per-image methods, by the rough figure of their row


@dataclass(frozen=True)
class Runner:
    """One step made ready: what to call, and how far it looks around (None: at everything)."""

    run: Run
    careful: Run | None  # in full precision, for a piece that came out not finite
    halo: int | None
    multiple: int
    memory: int
    strength: float
    level: Read | None = None  # a map of the noise, read along with the picture as one more channel


@dataclass
class Restoration:
    """A plan made ready for a picture: where its pieces lie and how to restore them."""

    runners: list[Runner]
    shape: tuple[int, int, int]
    tile: tuple[int, int]
    repaired: int = 0

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        """The rectangles (top, left, height, width) to restore, row by row."""
        return cores(*self.shape[:2], self.tile)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def read_through(self, read: Read, steps: int | None = None) -> Read:
        """Reading rectangles of the picture as it is after so many steps (None: all).

        Each step widens, by its halo, what it reads of the picture as the steps before it left it.
        """
        steps = len(self.runners) if steps is None else steps
        if steps == 0:
            return read
        runner, before = self.runners[steps - 1], self.read_through(read, steps - 1)
        size = self.shape[:2]
        halo = max(size) if runner.halo is None else runner.halo

        def restored(top: int, left: int, height: int, width: int) -> np.ndarray:
            piece = around((top, left, height, width), size, halo, runner.multiple)
            source = before if runner.level is None else _beside(before, runner.level)
            return restore_piece(piece, source, lambda y: self._finite(runner, y), runner.multiple)

        return restored

    def _finite(self, runner: Runner, y: np.ndarray) -> np.ndarray:
        x_hat = runner.run(y)
        if not np.isfinite(x_hat).all() and runner.careful is not None:
            self.repaired += 1
            x_hat = runner.careful(y)
        if not np.isfinite(x_hat).all():
            raise NotFinite("the result holds NaN or infinity; nothing was written")
        y = y[:, :, : x_hat.shape[2]]
        return x_hat if runner.strength == 1 else y + np.float32(runner.strength) * (x_hat - y)


def restore(
    image: Image, plan: Plan, *, engine: str = "openvino", max_memory: int = MAX_MEMORY, tell: Tell | None = None
) -> tuple[Image, Report]:
    """The restored picture and the report. Alpha, hole and metadata pass through.

    Raises BadPlan, BadKnob or NoWeights for a plan that cannot be carried out, BadImage for one that needs more
    memory than allowed, NotFinite for a result that is not finite.
    """
    started = time.perf_counter()
    report = Report(plan)
    work = prepare(plan, image.shape, report, engine, max_memory, tell=tell)
    x_hat = np.empty(image.shape, np.float32)
    restored = work.read_through(_checked(image))
    for done, (top, left, height, width) in enumerate(work, 1):
        x_hat[top : top + height, left : left + width] = restored(top, left, height, width)
        if tell:
            tell(done, len(work))
    _finish(report, work, started)
    return replace(image, pixels=x_hat), report


def restore_file(
    source: Path,
    target: Path,
    plan: Plan | Callable[[Pixels], Plan],
    *,
    engine: str = "openvino",
    limits: Limits = Limits(),
    force: bool = False,
    quality: int = 95,
    tell: Tell | None = None,
) -> Report:
    """Restore a picture file into another one without ever holding it whole, within limits.

    `plan` may be a function that makes the plan from the open picture. An empty plan copies the file byte for byte
    if the format stays the same. Raises as `restore`, `open_picture` and `check_output` do.
    """
    started = time.perf_counter()
    picture = open_picture(source, limits.pixels)
    kind = check_output(target, picture.shape, force, picture.format)
    plan = plan(picture) if callable(plan) else plan
    report = Report(plan, input=picture.name, output=str(target), warnings=list(picture.meta.notes))
    band_bytes = picture.meta.bits // 8 * (picture.shape[2] + picture.has_alpha)
    _be_patient(plan, picture.shape, limits.minutes)
    work = prepare(plan, picture.shape, report, engine, limits.memory, band_bytes, tell)
    report.input_sha256 = sha256(picture.path)

    def tiles() -> Iterator[tuple[int, np.ndarray]]:
        restored = work.read_through(_checked(picture))
        for done, rectangle in enumerate(work, 1):
            core, alpha = restored(*rectangle), picture.alpha_window(*rectangle)
            yield rectangle[1], core if alpha is None else np.dstack([core, alpha])
            if tell:
                tell(done, len(work))

    if not plan.steps and kind == picture.format:
        copy(picture.path, target)
    else:
        height, width, channels = picture.shape
        bands = channels + picture.has_alpha
        report.warnings += write_by_tiles(
            tiles(), (height, width, bands), picture.meta, target, force=force, quality=quality, kind=kind
        )
    if target != STDIO:
        report.output_sha256 = sha256(target)
    _finish(report, work, started)
    return report


def prepare(
    plan: Plan,
    shape: tuple[int, int, int],
    report: Report,
    engine: str,
    max_memory: int,
    band_bytes: int = 0,
    tell: Tell | None = None,
) -> Restoration:
    """Load what the plan needs, and choose the largest tile that memory allows.

    band_bytes: for each pixel of a row of tiles that waits to be written.
    """
    if engine not in ENGINES:
        raise BadPlan(f"no engine is called {engine!r}; known: {', '.join(ENGINES)}")
    runners = [
        replace(_runner(step, knobs, plan, engine, report, tell), level=_level(step, shape))
        for step, knobs in zip(plan.steps, check(plan), strict=True)
    ]
    allowed = max(0, max_memory - RESTING)
    memory = max((runner.memory for runner in runners), default=PLAIN)
    if any(runner.halo is None for runner in runners):  # the whole picture matters to a step
        needed = memory * shape[0] * shape[1]
        tile = (-(-shape[0] // UNIT) * UNIT, -(-shape[1] // UNIT) * UNIT) if needed <= allowed else None
    else:
        multiple = max((runner.multiple for runner in runners), default=1)
        halo = sum(-(-(runner.halo or 0) // runner.multiple) * runner.multiple for runner in runners)
        height, width = (min(UNIT + 2 * halo, side + multiple) for side in shape[:2])
        needed = memory * height * width + min(UNIT, shape[0]) * shape[1] * band_bytes
        tile = tile_for(shape, halo, multiple, memory, band_bytes, allowed)
    if tile is None:
        raise BadImage(
            f"this needs about {(needed + RESTING) / 1e6:.0f} MB of memory, more than the {max_memory / 1e6:.0f} MB"
            f" allowed; allow it with --max-memory {-(-(needed + RESTING) // 10**6)}MB"
        )
    report.tile = tile
    return Restoration(runners, shape, tile)


def _runner(
    step: Step, knobs: dict[str, Setting], plan: Plan, engine: str, report: Report, tell: Tell | None
) -> Runner:
    method = method_named(step.method)
    if method.kind == "learned":
        return _learned(step, method, knobs, plan.precision, engine, report)
    function = method.load()
    report.engine = report.engine or method.kind

    def classical(y: np.ndarray) -> np.ndarray:
        return function(y, **knobs)

    def fitted(y: np.ndarray) -> np.ndarray:
        x_hat, ended = function(y, seed=plan.seed, tell=tell or (lambda done, total: None), **knobs)
        report.warnings.append(f"{method.name}: {ended}")
        return x_hat

    run = fitted if method.kind == "per-image" else classical
    memory = method.bytes_a_pixel(knobs)
    return Runner(run, None, method.reach(knobs), method.multiple, memory, step.strength)


def _learned(
    step: Step, method: Method, knobs: dict[str, Setting], precision: str, engine: str, report: Report
) -> Runner:
    weights = find(step.weights or method.weights[0])
    card = weights.card
    if card["method"] != method.name:
        raise BadPlan(f"the weights {weights.name} are for {card['method']}, not for {method.name}")
    told = card["recipe"]["knobs"].get("told", 0)
    sigma = knobs.get("sigma") or 0
    if (sigma or step.sigma_map) and not told:
        raise BadPlan(f"the weights {weights.name} read the noise off the picture and cannot be told sigma")
    report.weights[weights.name] = weights.checksum
    report.engine, report.precision = engine, precision

    def ready(in_precision: str) -> Run:
        return _whatever_channels(_engine(weights, method, engine, in_precision), card["channels"], [sigma] * told)

    careful = ready("f32") if precision != "f32" else None
    memory = method.bytes_a_pixel(knobs)
    return Runner(ready(precision), careful, card["halo"], card["multiple"], memory, step.strength)


def _engine(weights: Weights, method: Method, engine: str, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    if engine == "openvino":
        from restora.engines.openvino_ import openvino_engine

        return openvino_engine(weights.onnx, precision)
    net_class = method.load()  # names the missing package if torch is absent
    from restora.engines.torch_ import torch_engine

    knobs = {"channels": weights.card["channels"], **weights.card["recipe"]["knobs"]}
    return torch_engine(net_class, knobs, weights.arrays(), precision)


def _whatever_channels(engine: Callable[[np.ndarray], np.ndarray], channels: int, told: Sequence[float | int]) -> Run:
    """(H, W, C) -> (H, W, C) by a net of its own channel count, each value of `told` being one more plane.

    A grey net takes the channels of a colour picture one by one; a colour net sees a grey picture three times over
    and its answers are averaged. A map that comes as a second or fourth channel takes the place of `told`.
    """

    def run(y: np.ndarray) -> np.ndarray:
        planes = y.transpose(2, 0, 1)
        facts = np.full((len(told), *planes.shape[1:]), np.reshape(told, (-1, 1, 1)), np.float32)
        if len(planes) in (2, 4):
            planes, facts = planes[:-1], planes[-1:]
        if channels == 1:
            answers = [engine(np.concatenate([plane[None], facts])[None])[0] for plane in planes]
            return np.concatenate(answers).transpose(1, 2, 0)
        colours = np.broadcast_to(planes, (3, *planes.shape[1:]))
        x_hat = engine(np.concatenate([colours, facts])[None])[0]
        return (x_hat if len(planes) == 3 else x_hat.mean(0, keepdims=True)).transpose(1, 2, 0)

    return run


def _level(step: Step, shape: tuple[int, int, int]) -> Read | None:
    """Reading the sigma map of a step. Raises BadPlan if the file is another one, BadImage if it does not fit."""
    if step.sigma_map is None:
        return None
    path = Path(step.sigma_map["file"])
    picture = open_picture(path)
    if sha256(path) != step.sigma_map["sha256"]:
        raise BadPlan(f"{path} has changed since the plan was made")
    if picture.shape[:2] != shape[:2]:
        height, width = picture.shape[:2]
        raise BadImage(f"the sigma map {path} is {width}x{height} pixels, the picture {shape[1]}x{shape[0]}")
    return lambda *rectangle: to_grey(picture.window(*rectangle))


def _beside(read: Read, level: Read) -> Read:
    return lambda *rectangle: np.dstack([read(*rectangle), level(*rectangle)])


def _be_patient(plan: Plan, shape: tuple[int, int, int], minutes: float) -> None:
    """Raise BadPlan if the per-image steps of a plan would take longer than so many minutes."""
    needed, names = 0.0, []
    for step, knobs in zip(plan.steps, check(plan), strict=True):
        estimate = method_named(step.method).minutes
        if estimate:
            needed += estimate(knobs) * shape[0] * shape[1] / 1e6
            names.append(step.method)
    if needed > minutes:
        time_needed = f"{needed:.0f} minutes" if needed < 120 else f"{needed / 60:.0f} hours"
        raise BadPlan(
            f"{' and '.join(names)} fits a net to this picture alone, which may take {time_needed} here;"
            " go ahead with --yes, and stop it with Ctrl-C: the best result so far is kept"
        )


def _checked(picture: Pixels) -> Read:
    def read(top: int, left: int, height: int, width: int) -> np.ndarray:
        y = picture.window(top, left, height, width)
        if not np.isfinite(y).all():
            raise BadImage("the picture holds NaN or infinity")
        return y

    return read


def _finish(report: Report, work: Restoration, started: float) -> None:
    report.tiles, report.repaired_tiles = len(work), work.repaired
    report.seconds = round(time.perf_counter() - started, 3)
    report.versions = {package: version(package) for package in ("restora", "numpy", "openvino")}
    report.peak_megabytes = round(peak_memory() / 1e6, 1)


def peak_memory() -> int:
    """The most bytes this process has had resident; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    # Not getrusage: its figure outlives exec, and so begins with the size of the parent process.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
