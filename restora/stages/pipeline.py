"""Pipeline: the stages of a plan in sequence; it chooses tiles that fit the memory, and runs them.

Each stage reads windows of the picture before it, so a window of the result pulls what it needs through all stages; a
blend, which is last, reads the given picture too. A stage that needs the whole picture is run once; its result goes to
disk, and what follows is tiled again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.core.plan import Plan
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.engines.openvino_ import rest
from restora.engines.tiling import UNIT, Read, cores, tile_for
from restora.methods.table import method_named
from restora.stages.blend import blending
from restora.stages.check import check
from restora.stages.correct import correct
from restora.stages.detect import detect
from restora.stages.found import found
from restora.stages.inputs import inputs_of
from restora.stages.local import local
from restora.stages.net import net
from restora.stages.regions import regions
from restora.stages.resize import resize
from restora.stages.spool import Spool
from restora.stages.stage import Setup, Size, Stage, Tell, Window
from restora.stages.whole import whole

STAGES: dict[str, Callable[[Setup], Stage]] = {
    "local": local, "net": net, "resize": resize, "correct": correct, "regions": regions, "whole": whole,
    "detect": detect,
}  # fmt: skip
"""The kinds of stages, as rows of methods name them."""

RESTING = 320_000_000
"""Measured bytes of the process before it works on a tile: Python, libvips, OpenVINO and the model."""

PLAIN = 40
"""Bytes for each pixel that is only read and written."""


@dataclass(frozen=True)
class Source:
    """The input picture: how to read a window of it, and its (H, W, C).

    transparent: reads windows (H, W, 1) that are 1 where the picture is fully transparent; None without alpha.
    neighbours: of a frame of a clip, each reads windows of a frame around it, in the order of time.
    frames: the frames, for this picture, of inputs that are clips, by the checksums of their files.
    """

    read: Read
    shape: tuple[int, int, int]
    transparent: Read | None = None
    neighbours: Sequence[Read] = ()
    frames: Mapping[str, Image] = field(default_factory=dict)


@dataclass
class Pipeline:
    """The stages of a plan, ready for one picture."""

    source: Source
    stages: Sequence[Stage]
    tiles: list[Size] = field(default_factory=list)  # (height, width) of cores, for each segment
    spools: dict[int, Spool] = field(default_factory=dict)  # results of whole stages, by their index

    def __iter__(self) -> Iterator[Window]:
        """The windows of the result, row by row."""
        return cores(*self.size(), self.tile)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def tile(self) -> Size:
        """The (height, width) of the windows of the result."""
        return self.tiles[-1]

    def size(self, steps: int | None = None) -> Size:
        """The (height, width) of the picture after so many stages (None: all)."""
        done = self.stages[:steps]
        return done[-1].after if done else self.source.shape[:2]

    def run(self, *window: int) -> np.ndarray:
        """A window of the result, (height, width, C) float32."""
        return self._reader(len(self.stages))(*window)

    def everything(self) -> np.ndarray:
        """The whole result, (H, W, C) float32."""
        if self.stages and self.stages[-1].whole:
            return self._computed(len(self.stages) - 1)  # nothing has to be stored
        if len(self) == 1:
            return self.run(0, 0, *self.size())
        x_hat = np.empty((*self.size(), self.source.shape[2]), np.float32)
        for top, left, height, width in self:
            x_hat[top : top + height, left : left + width] = self.run(top, left, height, width)
        return x_hat

    def _reader(self, steps: int) -> Read:
        """Reading windows of the picture after so many stages."""
        if steps == 0:
            return self.source.read
        stage, before = self.stages[steps - 1], self._reader(steps - 1)
        if stage.whole:
            return self._stored(steps - 1).read
        return lambda *window: stage.run(before, window)

    def _stored(self, index: int) -> Spool:
        """The result of a whole stage on disk; the stage is run when it is first needed."""
        if index not in self.spools:
            after = self.stages[index].after
            x_hat = self._computed(index)
            spool = Spool(after, self.source.shape[2])
            spool.write((0, 0, *after), x_hat)
            self.spools[index] = spool
        return self.spools[index]

    def _computed(self, index: int) -> np.ndarray:
        """The result of a whole stage."""
        stage, before = self.stages[index], self._reader(index)
        windows = list(cores(*stage.before, self._tile_before(index)))
        if len(windows) == 1:
            y = before(*windows[0])
        else:
            y = np.empty((*stage.before, self.source.shape[2]), np.float32)
            for top, left, height, width in windows:
                y[top : top + height, left : left + width] = before(top, left, height, width)
        rest()  # the memory of engines and this stage together would be too much
        return stage.run(
            lambda top, left, height, width: y[top : top + height, left : left + width], (0, 0, *stage.after)
        )

    def _tile_before(self, index: int) -> Size:
        return self.tiles[sum(stage.whole for stage in self.stages[:index])]

    def segments(self) -> list[tuple[Sequence[Stage], Stage | None]]:
        """The stages that are run tile by tile, and the whole stage after them; None: the result."""
        cuts = [index for index, stage in enumerate(self.stages) if stage.whole]
        starts = [0, *(cut + 1 for cut in cuts)]
        ends = [*cuts, len(self.stages)]
        return [
            (self.stages[start:end], self.stages[end] if end < len(self.stages) else None)
            for start, end in zip(starts, ends, strict=True)
        ]

    def products(self) -> dict[str, Any]:
        """The products by name, after everything was run; each from the last stage that makes it."""
        return {name: value for stage in self.stages for name, value in stage.products().items()}

    def notes(self) -> list[str]:
        """Sentences of the stages for the report."""
        return [note for stage in self.stages for note in stage.notes()]

    def counted(self) -> list[list[float]]:
        """The counters of the stages, to be stored with an unfinished result."""
        return [stage.counted() for stage in self.stages]

    def count_on(self, counted: Sequence[list[float]]) -> None:
        """Continue counting from these values."""
        for stage, values in zip(self.stages, counted, strict=False):
            stage.count_on(values)

    @property
    def repaired(self) -> int:
        """Windows that were not finite and were computed again in full precision."""
        return sum(stage.repaired for stage in self.stages)


@dataclass(frozen=True)
class Means:
    """The means of a pipeline: the backend, bytes of memory, and bytes of it that are in use.

    keep: names of requested products.
    """

    backend: Backend
    memory: int
    held: int = 0
    keep: frozenset[str] = frozenset()


def prepare(plan: Plan, source: Source, report: Report, means: Means, tell: Tell | None = None) -> Pipeline:
    """The pipeline of a plan for a picture, with the largest tiles that the memory allows.

    Raises BadPlan or BadKnob for a plan that does not fit, BadImage if the memory is too little.
    """
    size = source.shape[:2]
    stages: list[Stage] = []
    for step, knobs in zip(plan.steps, check(plan), strict=True):
        method = method_named(step.method)
        if method.stage not in STAGES:
            raise BadPlan(f"{method.name} gives a mask and no picture; use it with --mask found")
        before = _received(source, stages, means)

        def look(entry: Mapping[str, str], size: Size = size, before: Callable[[], Read] = before) -> Read:
            return found(entry, size, before(), report)

        setup = Setup(
            step, method, knobs, size, source.shape[2], source.read, source.shape[:2], report, means.backend,
            inputs_of(step, method, size, source.transparent if size == source.shape[:2] else None, look,
                      source.frames),
            means.keep, tell, () if stages else source.neighbours,
        )  # fmt: skip
        stages.append(STAGES[method.stage](setup))
        if not method.learned:
            report.engine = report.engine or method.kind
        size = stages[-1].after
    if plan.blend:
        stages.append(blending(plan.blend, source.read, source.shape[:2], size))
    if plan.steps and report.device != means.backend.device:
        report.warnings.append(
            f"{means.backend.device} runs trained nets only, and the plan has none; it ran on the CPU"
        )
    pipeline = Pipeline(source, stages)
    choose_tiles(pipeline, means.memory, means.held)
    report.tile = pipeline.tile
    return pipeline


def _received(source: Source, stages: Sequence[Stage], means: Means) -> Callable[[], Read]:
    """What gives a reader of the picture that the next stage receives; only then its tiles are chosen."""
    earlier = Pipeline(source, list(stages))

    def reader() -> Read:
        choose_tiles(earlier, means.memory, means.held)
        return earlier.run

    return reader


def choose_tiles(pipeline: Pipeline, memory: int, held: int = 0) -> None:
    """Set the tiles of all segments. Raises BadImage if they do not fit the memory that is not in use."""
    allowed, most, tiles = max(0, memory - held - RESTING), 0, []
    size, channels = pipeline.source.shape[:2], pipeline.source.shape[2]
    for stages, last in pipeline.segments():
        after = stages[-1].after if stages else size

        def demand(height: int, width: int, stages: Sequence[Stage] = stages) -> int:
            return bytes_for(stages, (height, width))

        whole_picture = 4 * channels * after[0] * after[1] if last else 0
        tile = tile_for(after, demand, allowed - whole_picture)
        least = demand(UNIT, UNIT) + whole_picture
        needed = max(least, last.bytes_for(last.after) if last else 0)
        most = max(most, needed)
        tiles.append(tile or (UNIT, UNIT))
        size = last.after if last else after
    if most > allowed:
        megabytes = -(-(most + held + RESTING) // 10**6)
        raise BadImage(
            f"this needs about {megabytes} MB of memory, more than the {memory / 1e6:.0f} MB allowed;"
            f" allow it with --max-memory {megabytes}MB"
        )
    pipeline.tiles = tiles


def bytes_for(stages: Sequence[Stage], size: Size) -> int:
    """The bytes for a window of the last stage's result: those of all stages, as engines keep their memory."""
    plain, needs = PLAIN * size[0] * size[1], 0
    for stage in reversed(stages):
        needs += stage.bytes_for(size)
        size = stage.reads(size)
    return max(plain, needs)
