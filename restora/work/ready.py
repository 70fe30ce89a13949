"""Make a plan ready for a picture: what to call at each step, and how large a piece may be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from restora.core.errors import BadImage, BadPlan, NotFinite, RestoraError, Truncated
from restora.core.image import to_grey
from restora.core.knobs import Setting
from restora.core.method import Method
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.damage.shrink import along, bicubic_weights
from restora.data.photographs import sha256
from restora.engines.channels import ensemble, from_y, on_luma, whatever_channels
from restora.engines.choice import CPU, Backend
from restora.engines.openvino_ import rest
from restora.engines.tiling import (
    UNIT,
    Read,
    Run,
    around,
    cores,
    resampled,
    restore_piece,
    smaller,
    tile_for,
)  # fmt: skip
from restora.files.picture import open_picture
from restora.learn.weights import find
from restora.methods.table import method_named
from restora.work.load import beside, load_net, possible
from restora.work.plan import check, weights_for

RESTING = 320_000_000
"""Bytes that the process holds before it works on a tile: Python, libvips, OpenVINO and the model, measured."""

PLAIN = 40
"""Bytes for each pixel that is only read and written."""

NARROW = 0.75
"""Share of a net's memory that is needed where it computes in 16 or 8 bits: measured, a half to nine tenths of what it
takes itself, beside what reading and writing take. The rare piece that is done again in f32 may need more than that."""

HALF = 0.5
"""Brightness of a mask from which on it marks the hole."""

Tell = Callable[[int, int], None]
"""(pieces done, pieces in all), called after each piece."""


@dataclass(frozen=True)
class Runner:
    """One step made ready: what to call, and how far it looks around (None: at everything)."""

    run: Run
    careful: Run | None  # in full precision, for a piece that came out not finite
    halo: int | None
    multiple: int
    memory: int  # bytes for each pixel of its result
    strength: float
    beside: Read | None = None  # a map of the noise, or of the hole, read along with the picture as one more channel
    scale: int = 1  # how many times larger the result is

    def resize(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) of the result for a picture of `size`."""
        return size[0] * self.scale, size[1] * self.scale

    def reads(self, side: int, before: int, after: int, given: int) -> int:
        """How many pixels along an axis, `before` long, are read for so many of the result."""
        if self.halo is None:
            return before
        margin = -(-self.halo // self.multiple) * self.multiple
        return min(before, -(-side // self.scale) + 2 * margin) + -before % self.multiple


@dataclass(frozen=True)
class Resizer:
    """A step that resamples to a given (height, width), zero meaning as it is; `axis` gives the matrix of an axis."""

    axis: Callable[[int, int], csr_array]
    target: tuple[int, int]
    memory: int
    halo: int = 8  # of its result, roughly: what is read follows from the matrices

    def resize(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) of the result for a picture of `size`."""
        return self.target[0] or size[0], self.target[1] or size[1]

    def reads(self, side: int, before: int, after: int, given: int) -> int:
        """How many pixels along an axis, `before` long, are read for so many of the result, `after` long."""
        return min(before, ceil((side + 2 * self.halo) * before / after))


@dataclass(frozen=True)
class Corrector:
    """A step that compares the picture, as it is by then, with the one that was given, and corrects it."""

    run: Callable[..., np.ndarray]  # (x_hat, y, down, up) -> x_hat
    halo: int  # in pixels of the given picture
    memory: int
    lacking: list[tuple[float, int]] = field(default_factory=list)  # by piece: squares of what still differs, and count

    def resize(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size stays."""
        return size

    def reads(self, side: int, before: int, after: int, given: int) -> int:
        """How many pixels along an axis are read for so many of the result; that of the given picture is `given`."""
        return min(before, side + ceil(2 * (self.halo + 1) * before / given))

    def read(self, given: Read, size: tuple[int, int], before: Read, large: tuple[int, int]) -> Read:
        """Reading rectangles of the corrected picture; `given` has a (height, width) of size, `before` of large."""

        def corrected(*rectangle: int) -> np.ndarray:
            small, wide = [], []  # what is read of the given picture and of the large one, by axis
            for first, count, little, much in zip(rectangle[:2], rectangle[2:], size, large, strict=True):
                ratio = much / little
                low = max(0, int(first / ratio) - self.halo)
                high = min(little, int((first + count) / ratio) + 1 + self.halo)
                small.append(slice(low, high))
                wide.append(slice(int(low * ratio), min(much, ceil(high * ratio))))
            axes = list(zip(size, large, small, wide, strict=True))
            down = tuple(bicubic_weights(much, little)[here][:, there] for little, much, here, there in axes)
            up = tuple(bicubic_weights(little, much)[there][:, here] for little, much, here, there in axes)
            y = given(*_rectangle(small))
            x_hat = self.run(before(*_rectangle(wide)), y, down, up)
            # What is near the rim of the piece, but for the picture's own, is made smaller of too little.
            rows, columns = (
                slice(part.start and self.halo, None if part.stop == side else -self.halo)
                for part, side in zip(small, size, strict=True)
            )
            lacking = (y - along(down[1], along(down[0], x_hat, 0), 1))[rows, columns]
            self.lacking.append((float((lacking**2).sum()), lacking.size))
            top, left = rectangle[0] - wide[0].start, rectangle[1] - wide[1].start
            return x_hat[top : top + rectangle[2], left : left + rectangle[3]]

        return corrected

    def so_far(self) -> tuple[float, int]:
        """The squares of what differs in all pieces done, and their count."""
        return sum(total for total, _ in self.lacking), sum(count for _, count in self.lacking)

    def note(self) -> str:
        """How far the result is from the picture that was given, when made as small again."""
        total, count = self.so_far()
        away = 255 * (total / max(1, count)) ** 0.5
        return f"made as small again, the result is the picture given to within {away:.2f} of 255 (root mean square)"


@dataclass
class Restoration:
    """A plan made ready for a picture of a shape (H, W, C): where the pieces of the result lie, how to restore them."""

    runners: Sequence[Runner | Resizer | Corrector]
    shape: tuple[int, int, int]
    tile: tuple[int, int]
    repaired: int = 0

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        """The rectangles (top, left, height, width) to restore, row by row."""
        return cores(*self.size(), self.tile)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def size(self, steps: int | None = None) -> tuple[int, int]:
        """The (height, width) of the picture after so many steps (None: all)."""
        size = self.shape[:2]
        for runner in self.runners[:steps]:
            size = runner.resize(size)
        return size

    def read_through(self, read: Read, steps: int | None = None) -> Read:
        """Reading rectangles of the picture as it is after so many steps (None: all).

        Each step widens, by its halo, what it reads of the picture as the steps before it left it.
        """
        steps = len(self.runners) if steps is None else steps
        if steps == 0:
            return read
        runner, before, size = self.runners[steps - 1], self.read_through(read, steps - 1), self.size(steps - 1)
        if isinstance(runner, Resizer):
            down, across = map(runner.axis, size, runner.resize(size))
            return lambda *rectangle: resampled(rectangle, down, across, before)
        if isinstance(runner, Corrector):
            return runner.read(read, self.shape[:2], before, size)
        halo, source = max(size) if runner.halo is None else runner.halo, before
        if runner.beside is not None:
            source = _beside(before, runner.beside)

        def restored(*rectangle: int) -> np.ndarray:
            top, left, height, width = rectangle
            core = smaller((top, left, height, width), runner.scale)
            piece = around(core, size, halo, runner.multiple)
            x_hat = restore_piece(piece, source, lambda y: self._finite(runner, y), runner.multiple, runner.scale)
            top, left = top - core[0] * runner.scale, left - core[1] * runner.scale
            return x_hat[top : top + height, left : left + width]

        return restored

    def _finite(self, runner: Runner, y: np.ndarray) -> np.ndarray:
        x_hat = runner.run(y)
        if not np.isfinite(x_hat).all() and runner.careful is not None:
            self.repaired += 1
            x_hat = runner.careful(y)
        if x_hat.shape != (runner.scale * y.shape[0], runner.scale * y.shape[1], y.shape[2] - (y.shape[2] in (2, 4))):
            raise RestoraError(f"a net gave {_size(x_hat)} for {_size(y)}, other than its card says")
        if not np.isfinite(x_hat).all():
            raise NotFinite("the result holds NaN or infinity; nothing was written")
        y = y[:, :, : x_hat.shape[2]]
        return x_hat if runner.strength == 1 else y + np.float32(runner.strength) * (x_hat - y)


def prepare(
    plan: Plan,
    shape: tuple[int, int, int],
    report: Report,
    backend: Backend,
    max_memory: int,
    tell: Tell | None = None,
    held: int = 0,
) -> Restoration:
    """Load what the plan needs, and choose the largest tile that memory allows beside so many bytes that are held."""
    runners = [
        _ready(step, knobs, plan, backend, report, tell) for step, knobs in zip(plan.steps, check(plan), strict=True)
    ]
    if plan.steps and report.device != backend.device:
        report.warnings.append(f"{backend.device} runs trained nets only, and the plan has none; it ran on the CPU")
    work = Restoration(runners, shape, (UNIT, UNIT))
    for index, step in enumerate(plan.steps):
        runner, beside = runners[index], step.sigma_map or step.hole
        if beside and isinstance(runner, Runner):
            size = work.size(index)
            read = _map(beside, "the sigma map" if step.sigma_map else "the mask", size)
            more = _of_hole(read(0, 0, *size), step.method) if step.hole else 0
            runners[index] = replace(runner, beside=read, memory=runner.memory + more)
    tile, needed = _tile(work, max(0, max_memory - held - RESTING))
    if tile is None:
        most = -(-(needed + held + RESTING) // 10**6)
        raise BadImage(
            f"this needs about {most} MB of memory, more than the {max_memory / 1e6:.0f} MB allowed;"
            f" allow it with --max-memory {most}MB"
        )
    report.tile = work.tile = tile
    return work


def _tile(work: Restoration, allowed: int) -> tuple[tuple[int, int] | None, int]:
    """The best tile of the result that fits `allowed` bytes, or None, and the bytes that the least one needs."""
    size = work.size()
    if any(runner.halo is None for runner in work.runners):  # the whole picture matters to a step
        whole = (-(-size[0] // UNIT) * UNIT, -(-size[1] // UNIT) * UNIT)
        needed = _demand(work, *whole)
        return (whole if needed <= allowed else None), needed
    return tile_for(size, lambda *tile: _demand(work, *tile), allowed), _demand(work, UNIT, UNIT)


def _demand(work: Restoration, height: int, width: int) -> int:
    """The bytes that a tile of the result needs: those of all steps, as engines keep their memory for the next tile."""
    plain, needs = PLAIN * height * width, 0
    for steps in range(len(work.runners), 0, -1):
        runner, before, after = work.runners[steps - 1], work.size(steps - 1), work.size(steps)
        height, width = (
            runner.reads(*sides) for sides in zip((height, width), before, after, work.shape, strict=False)
        )
        grown = after[0] * after[1] / (before[0] * before[1])
        needs += ceil(runner.memory * grown * height * width)
    return max(plain, needs)


def _ready(
    step: Step, knobs: dict[str, Setting], plan: Plan, backend: Backend, report: Report, tell: Tell | None
) -> Runner | Resizer | Corrector:
    method = method_named(step.method)
    if method.kind == "learned":
        return _learned(step, method, knobs, plan.precision, backend, report)
    function = method.load()
    report.engine = report.engine or method.kind
    if method.kind in ("resize", "correction") and step.strength < 1:
        raise BadPlan(f"{method.name} cannot be done in part: its strength must be 1")
    if method.kind == "resize":
        target = int(knobs["height"] or 0), int(knobs["width"] or 0)
        return Resizer(function, target, method.bytes_a_pixel(knobs))
    if method.kind == "correction":
        return Corrector(partial(function, **knobs), method.reach(knobs) or 0, method.bytes_a_pixel(knobs))

    def classical(y: np.ndarray) -> np.ndarray:
        return function(y, **knobs)

    def fitted(y: np.ndarray) -> np.ndarray:
        x_hat, ended = function(y, seed=plan.seed, tell=tell or (lambda done, total: None), **knobs)
        report.warnings.append(f"{method.name}: {ended}")
        return x_hat

    def filled(y: np.ndarray) -> np.ndarray:
        return function(y[:, :, :-1], y[:, :, -1] < HALF, **knobs)

    run = {"per-image": fitted, "filling": filled}.get(method.kind, classical)
    memory = method.bytes_a_pixel(knobs)
    return Runner(run, None, method.reach(knobs), method.multiple, memory, step.strength)


def _learned(
    step: Step, method: Method, knobs: dict[str, Setting], precision: str, backend: Backend, report: Report
) -> Runner:
    weights = find(weights_for(method, step.weights))
    card = weights.card
    if card["method"] != method.name:
        raise BadPlan(f"the weights {weights.name} are for {card['method']}, not for {method.name}")
    sigma = knobs.get("sigma") or 0
    if (sigma or step.sigma_map) and not weights.takes("sigma"):
        raise BadPlan(f"the weights {weights.name} read the noise off the picture and cannot be told sigma")
    report.weights[weights.name] = weights.checksum
    if precision == "int8" and not weights.int8:
        found = "; ".join(card.get("int8", {}).get("objections", ["they were not exported to it"]))
        raise BadPlan(f"the weights {weights.name} have no int8 model: {found}")
    precision = possible(precision, weights, backend, report)
    report.engine, report.device, report.precision = backend.engine, backend.device, precision

    told = [sigma] if weights.takes("sigma") else []

    def ready(where: Backend, in_precision: str) -> Run:
        run = from_y(load_net(weights, method, where, in_precision))
        run = ensemble(run) if knobs.get("ensemble") else run
        return on_luma(run) if method.luma else whatever_channels(run, card["channels"], told)

    def careful(y: np.ndarray) -> np.ndarray:
        rest()  # what the other engine holds and what this one needs would be too much together
        # Loaded when it is needed, which is hardly ever. The CPU computes in f32; other devices may not.
        return ready(replace(backend, device=CPU), "f32")(y)

    scale = card.get("scale", 1)
    if scale > 1 and step.strength < 1:
        raise BadPlan(f"{weights.name} makes pictures larger, which cannot be done in part: its strength must be 1")
    memory = card.get("memory", method.bytes_a_pixel(knobs))
    if (beside(weights, backend) if precision == "int8" else precision) == "bf16":
        memory = ceil(NARROW * memory)
    again = careful if precision != "f32" else None
    return Runner(ready(backend, precision), again, card["halo"], card["multiple"], memory, step.strength, scale=scale)


def _map(beside: Mapping[str, str], called: str, size: tuple[int, int]) -> Read:
    """Reading the map of a step. Raises BadPlan if the file is another one, BadImage if it does not fit the picture."""
    path = Path(beside["file"])
    try:
        picture = open_picture(path)
    except Truncated as error:  # of the picture itself the part that is there can be had, not of its maps
        raise BadImage(str(error)) from error
    if sha256(path) != beside["sha256"]:
        raise BadPlan(f"{path} has changed since the plan was made")
    if picture.shape[:2] != size:
        height, width = picture.shape[:2]
        raise BadImage(f"{called} {path} is {width}x{height} pixels, the picture {size[1]}x{size[0]}")
    return lambda *rectangle: to_grey(picture.window(*rectangle))


def _of_hole(mask: np.ndarray, method: str) -> int:
    """The bytes for each pixel of a picture that filling what is marked needs. Raises BadImage if all or nothing is."""
    share = float((mask >= HALF).mean())
    if share in {0, 1}:
        marked = "nothing: white is what is filled" if share == 0 else "all of the picture: something must be known"
        raise BadImage(f"the mask marks {marked}")
    return ceil(share * method_named(method).memory_of_hole)


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]} pixels of {picture.shape[2]} planes"


def _rectangle(sides: list[slice]) -> tuple[int, int, int, int]:
    (rows, columns) = sides
    return rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start


def _beside(read: Read, level: Read) -> Read:
    return lambda *rectangle: np.dstack([read(*rectangle), level(*rectangle)])
