"""Live: restore frames as they come, at the rate that can be held; frames that come too fast are dropped."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np

from restora.core.errors import BadPlan
from restora.core.image import Image
from restora.core.plan import Plan
from restora.core.report import Report
from restora.engines.choice import backend_named
from restora.files.clip import Frame
from restora.files.live_sink import LiveSink, Place
from restora.files.live_source import LiveSource
from restora.files.yuv import pixels_of
from restora.stages.pipeline import Means
from restora.work.clips import CLIP_PACKAGES, FrameRestorer, Piece
from restora.work.diagnose import Several
from restora.work.neighbours import Around, frames_around, surrounded
from restora.work.overlap import read_ahead, write_behind
from restora.work.restore import Options, peak_memory

METHOD, KNOBS = "mctf", {"reach": 1}
"""The default method, which holds the rate of a camera on any computer, and its knobs: a frame less to wait for."""
LOOKED_AT = 5
"""Frames, the first ones, from which the plan is made."""
WAITING = 4
"""Frames that wait to be restored, at most, and those that wait to be written; a frame that comes then is dropped."""
STALLED = 0.5
"""Seconds: if a pipe gives a frame so much too late, it is not made up for; what follows is as late."""
PATIENCE = 1.0
"""Seconds to wait at the end for a source that gives nothing."""
RECENT = 50
"""Frames over which the speed and the latency of now are measured."""
OVER, STOPPED, CLOSED = "the source ended", "stopped", "the reader of the result closed it"


@dataclass(frozen=True)
class LiveOptions:
    """How a stream is restored and written; `run` has the options that pictures have too. preset: of H.264."""

    run: Options = field(default_factory=Options)
    preset: str = "superfast"


@dataclass
class Counts:
    """How many frames came, were written, and were dropped so far, and the seconds from coming to written."""

    read: int = 0
    written: int = 0
    dropped: int = 0
    total: float = 0.0
    longest: float = 0.0
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=RECENT))  # (when written, seconds)

    def add(self, came: float) -> None:
        """A frame that came at that time was written now."""
        now = time.perf_counter()
        self.written += 1
        self.total += now - came
        self.longest = max(self.longest, now - came)
        self.recent.append((now, now - came))

    @property
    def speed(self) -> float:
        """Frames a second that were written lately."""
        if len(self.recent) < 2 or self.recent[-1][0] == self.recent[0][0]:
            return 0.0
        return (len(self.recent) - 1) / (self.recent[-1][0] - self.recent[0][0])

    @property
    def latency(self) -> float:
        """The seconds from coming to written, of recent frames."""
        return sum(seconds for _, seconds in self.recent) / len(self.recent) if self.recent else 0.0


def first_frames(source: LiveSource) -> Several:
    """The first frames of a source, as pictures on the 0..1 scale, for a diagnosis."""

    def picture(frame: Any) -> Image:
        return Image(pixels_of(frame, source.clip.layout).clip(0, 1))

    return Several(picture(source.first(1)[0]), lambda: map(picture, source.first(LOOKED_AT)))


def restore_live(
    source: LiveSource, place: Place, plan: Plan, how: LiveOptions, tell: Callable[[Counts], None] | None = None
) -> Report:
    """Restore the frames of a source as they come, until it ends, Ctrl-C, or nobody reads the result any more.

    A clip or a pipe is read no faster than its own rate. If frames come faster than they are restored and written,
    some are dropped; the others keep their order and times. The report's `clip` has the counts, and says why it ended.
    Raises BadPlan or BadImage; what was written until then stays.
    """
    if any("file" in entry for step in plan.steps for entry in step.inputs.values()):
        raise BadPlan("live streams take no masks or other inputs")
    work = LiveWork(source, place, plan, how)
    return work.run(tell)


class LiveWork:
    """A source on its way to a sink."""

    def __init__(self, source: LiveSource, place: Place, plan: Plan, how: LiveOptions) -> None:
        self._source, self._place, self.counts = source, place, Counts()
        self._came: dict[int, float] = {}  # when a frame came, by its number
        self.report = Report(plan, input=source.name, output=str(place.file or place.url))
        options, backend = how.run, backend_named(how.run.engine, how.run.device)
        self._reach, shape = frames_around(plan), source.clip.shape
        pixels = pixels_of(source.first(1)[0], source.clip.layout)
        first = Piece(Frame(0, Fraction(0), pixels), {}, (pixels,) * (2 * self._reach))
        held = 4 * shape[0] * shape[1] * shape[2] * (2 * WAITING + 2 * self._reach + 2)
        self._restore = FrameRestorer(plan, first, self.report, Means(backend, options.limits.memory, held))
        self._restore(first)  # what is slow only once is not counted as slow
        self._sink = LiveSink(place, source.clip, self._restore.size, options.quality, how.preset)

    def run(self, tell: Callable[[Counts], None] | None) -> Report:
        """See restore_live."""
        started, ended, whole = time.perf_counter(), "", False
        try:
            ended = self._restored(tell)
            whole = True
        except (KeyboardInterrupt, SystemExit) as stop:
            ended, whole = STOPPED, True
            if isinstance(stop, SystemExit):
                raise
        except BrokenPipeError:
            ended = CLOSED
        finally:
            self._sink.close(keep=whole)
        self._finish(started, ended)
        return self.report

    def _restored(self, tell: Callable[[Counts], None] | None) -> str:
        """Restore frames until the source ends; says so."""
        reading = read_ahead(surrounded(self._frames(), self._reach), WAITING, self._dropped, PATIENCE)
        with write_behind(self._written, WAITING) as put, reading as pieces:
            for frame, around in pieces:
                put((frame, self._restore(Piece(frame, {}, around))))
                if tell:
                    tell(self.counts)
        return self._source.ended or OVER

    def _frames(self) -> Iterator[Frame]:
        """The frames of the source, each at its time; called in another thread, which closes the source."""
        begin, paced = time.perf_counter(), self._source.kind in ("clip", "pipe")
        try:
            for number, (at, frame) in enumerate(self._source.frames()):
                late = time.perf_counter() - (begin + float(at))
                if paced and late < 0:
                    time.sleep(-late)
                elif self._source.kind == "pipe" and late > STALLED:
                    begin += late
                self._came[number] = time.perf_counter()
                self.counts.read += 1
                yield Frame(number, at, pixels_of(frame, self._source.clip.layout))
        finally:
            self._source.close()

    def _dropped(self, piece: tuple[Frame, Around]) -> None:
        self.counts.dropped += 1
        del self._came[piece[0].number]

    def _written(self, made: tuple[Frame, np.ndarray]) -> None:
        frame, x_hat = made
        self._sink.put(frame.number, frame.pts, x_hat)
        self.counts.add(self._came.pop(frame.number))

    def _finish(self, started: float, ended: str) -> None:
        report, counts, coding = self.report, self.counts, self._sink.coding
        report.seconds = round(time.perf_counter() - started, 3)
        report.clip = {
            "frames": counts.written,
            "of": counts.read,
            "dropped": counts.dropped,
            "frames_a_second": round(counts.written / report.seconds, 2) if report.seconds else 0.0,
            "latency_ms": {
                "mean": round(1000 * counts.total / max(1, counts.written), 1),
                "longest": round(1000 * counts.longest, 1),
            },
            "stored": f"{self._place.form}, {coding.encoder} {coding.layout.name}",
            "ended": ended,
        }
        faults = [f"{self._source.faults} damaged pieces of the source were left out"] if self._source.faults else []
        if all(step.knobs.get("sigma") == 0 for step in report.plan.steps):
            report.warnings.append("no noise was found in the first frames, so none change; set its level with --sigma")
        report.warnings += [*self._source.notes, *coding.notes, *faults, *self._restore.notes()]
        report.versions = {package: version(package) for package in CLIP_PACKAGES}
        report.peak_megabytes = round(peak_memory() / 1e6, 1)
