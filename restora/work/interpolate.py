"""Interpolate: frames between those of a clip, or a picture between two; scene cuts are never blended."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from restora.core.errors import BadImage, BadKnob
from restora.core.image import Image
from restora.core.plan import Plan
from restora.core.report import Report
from restora.engines.choice import Backend, backend_named
from restora.files.clip import Clip, Frame, open_clip
from restora.files.cuts import Cuts
from restora.files.mux import check_streams
from restora.nets.halfway import halfway
from restora.stages.pipeline import Means, Pipeline, Source, prepare
from restora.stages.stage import Tell
from restora.work.clips import ClipOptions, ClipWork, check_target, is_folder, window_of
from restora.work.plan import plan_of_method

MOST = 16
"""Times as many frames, at most."""
LEAST = 16
"""Pixels: frames must be as wide and as high, for optical flow."""
STILL = 1 / 255
"""Frames that differ nowhere by more are one still frame, which is repeated."""
METHODS = ("tgan", "flow", "blend", "repeat")
"""The net; both frames moved by optical flow, averaged; both frames averaged; the earlier one again."""


def plan_to_interpolate(method: str = "tgan", weights: str | None = None, precision: str | None = None) -> Plan:
    """The plan of a net that makes frames between others; without steps for the other METHODS."""
    if method not in METHODS:
        raise BadKnob(f"the method must be one of {', '.join(METHODS)}, not {method!r}")
    if method != "tgan":
        return Plan((), f"{method}, without a trained net")
    return plan_of_method("tgan", {}, None, weights=weights, precision=precision)


class Between:
    """Makes frames between two others, (H, W, C) float32, by a method; the net runs by a plan, on a backend."""

    def __init__(self, method: str, plan: Plan, means: Means, report: Report | None = None) -> None:
        self.method, self.plan, self.means, self._report = method, plan, means, report or Report(plan)
        self.size = (0, 0)  # of frames, as of FrameRestorer

    def check(self, frame: np.ndarray, report: Report) -> None:
        """Load the net, and fill the report. Raises BadImage if frames as large as this one do not fit the memory."""
        self.size = frame.shape[:2]
        self._net(frame, (frame,) * 3, report)

    def notes(self) -> list[str]:
        """None for the report."""
        return []

    def __call__(self, before: np.ndarray, after: np.ndarray, share: float = 0.5) -> np.ndarray:
        """The frame after a share (0 to 1) of the way."""
        if share == 0 or np.abs(after - before).max() <= STILL:
            return before
        if self.method == "repeat":
            return before
        if self.method == "blend":
            return (1 - np.float32(share)) * before + np.float32(share) * after
        moved = halfway(before, after, share)
        if self.method == "flow":
            return np.asarray((1 - np.float32(share)) * moved[0] + np.float32(share) * moved[1])
        return self._net(before, (*moved, after), self._report).everything()

    def _net(self, before: np.ndarray, others: Sequence[np.ndarray], report: Report) -> Pipeline:
        neighbours = [window_of(each) for each in others]
        source = Source(Image(before).window, (*before.shape[:2], before.shape[2]), neighbours=neighbours)
        return prepare(self.plan, source, report, self.means)


@dataclass(frozen=True)
class More:
    """How many frames a result has: `factor` for each one, or `rate` a second; and how they are made."""

    factor: int = 2
    rate: Fraction | None = None
    method: str = "tgan"
    weights: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A frame of the result: its number, its time, the frames around it, and its place between them (0: before)."""

    index: int
    at: Fraction
    before: Frame
    after: Frame | None
    share: Fraction


class Interpolation(ClipWork):
    """A clip with more frames. given: plan, backend, options, report and start, as of ClipWork."""

    def __init__(self, clip: Clip, more: More, given: tuple[Plan, Backend, ClipOptions, Report, float]) -> None:
        self.rate, self.factor, self.more = more.rate, more.factor, more
        super().__init__(clip, *given)

    def restorer(self, means: Means) -> Between:
        """What makes frames between others."""
        between = Between(self.more.method, self._report.plan, means)
        between.check(next(self._clip.frames()).pixels, self._report)
        return between

    def timed_as(self, clip: Clip) -> Clip:
        """The clip with the times of the result: finer ticks, and more frames."""
        times = clip.times
        if self.rate is None:
            finer, rate, step = self.factor, clip.rate * self.factor, times.step
            count = times.frames * self.factor - (self.factor - 1)
        else:
            rate, finer = self.rate, math.lcm(times.tick.denominator, self.rate.numerator) // times.tick.denominator
            step = max(1, round(finer / (rate * times.tick)))
            count = math.ceil((times.end - times.first) * times.tick * rate)
        moved = replace(
            times, tick=times.tick / finer, frames=count, first=times.first * finer, last=times.last * finer,
            end=times.end * finer, step=step, alike=times.alike * self.factor if times.alike > 1 else 1, declared=0,
        )  # fmt: skip
        return replace(clip, rate=rate, times=moved)

    def _binding(self, pictures: bool) -> dict[str, Any]:
        return super()._binding(pictures) | {"kind of frames": [self.more.method, str(self.rate), self.factor]}

    @property
    def _total(self) -> int:
        return self.timed.times.frames

    def read(self, done: int) -> Iterator[Wanted]:
        """The frames of the result from the number `done` on, with those around them."""
        frames = self._clip.frames()
        for wanted in self._times(frames):
            if wanted.index >= done:
                yield wanted

    def _times(self, frames: Iterator[Frame]) -> Iterator[Wanted]:
        cuts, index, number = Cuts(), 0, 0
        before = next(frames)
        cuts(before.pixels)
        start = before.pts
        for after in frames:
            cut, length = cuts(after.pixels), after.pts - before.pts
            while (share := self._share(index, (number, before, length), start)) < 1:
                yield Wanted(index, before.pts + share * length, before, None if cut else after, share)
                index += 1
            before, number = after, number + 1
        end = self._clip.times.end * self._clip.times.tick
        if self.rate is None:
            yield Wanted(index, before.pts, before, None, Fraction(0))
            return
        while index < self._total and start + index / self.rate < end:
            yield Wanted(index, start + index / self.rate, before, None, Fraction(0))
            index += 1

    def _share(self, index: int, last: tuple[int, Frame, Fraction], start: Fraction) -> Fraction:
        """The place of a frame of the result, by its number, after a frame (number, frame, length until the next)."""
        number, before, length = last
        if self.rate is None:
            return Fraction(index - number * self.factor, self.factor)
        return (start + index / self.rate - before.pts) / length if length > 0 else Fraction(1)

    def made(self, piece: Any) -> tuple[Frame, np.ndarray]:
        """The frame of the result; before a scene cut, the last frame of the scene is repeated."""
        pixels = piece.before.pixels
        if piece.after is not None and piece.share > 0:
            pixels = self._restore(pixels, piece.after.pixels, float(piece.share))
        return Frame(piece.index, piece.at, pixels), pixels


def interpolate_clip(
    source: Path,
    target: Path,
    how: ClipOptions,
    more: More = More(),
    *,
    tell: Tell | None = None,
    resume: Callable[[str], None] | None = None,
) -> Report:
    """Write a clip with more frames.

    Every frame of the clip that falls on a time of the result is kept. Sound and the rest are copied. Raises BadImage,
    BadKnob, BadPlan or OutputExists; Stopped after Ctrl-C.
    """
    started = time.perf_counter()
    options, backend = how.run, backend_named(how.run.engine, how.run.device)
    clip = open_clip(
        source, options.limits.pixels, salvage=options.salvage, deinterlace=how.deinterlace, rate=how.rate
    )  # fmt: skip
    _check(clip, more, how)
    check_target(target, clip, how, resume is not None)
    lost = [] if is_folder(target) else check_streams(clip, target, how.codec)
    report = Report(plan_to_interpolate(more.method, more.weights), input=clip.name, output=str(target))
    report.input_sha256 = clip.checksum()
    report.warnings += [*clip.notes, *lost]
    given = (report.plan, backend, how, report, started)
    Interpolation(clip, more, given).run(target, tell, resume)
    return report


def _check(clip: Clip, more: More, how: ClipOptions) -> None:
    """Raise BadKnob or BadImage for what cannot be done."""
    if not 1 < more.factor <= MOST:
        raise BadKnob(f"the factor must be from 2 to {MOST}, not {more.factor}")
    if more.rate is not None and not 0 < more.rate <= MOST * clip.rate:
        most = float(MOST * clip.rate)
        raise BadKnob(f"frames a second must be above 0 and at most {most:g}, not {float(more.rate):g}")
    if how.preview:
        raise BadKnob("--preview is not for interpolation")
    if min(clip.shape[:2]) < LEAST:
        raise BadImage(f"{clip.name} has {clip.shape[1]}x{clip.shape[0]} pixels; optical flow needs at least {LEAST}")
    if clip.upper is not None and not clip.deinterlace:
        raise BadImage(f"{clip.name} is interlaced; make it progressive with --deinterlace")


def interpolate_pictures(
    before: Image,
    after: Image,
    how: tuple[str, str],
    backend: Backend,
    memory: int,
    share: float = 0.5,
    *,
    precision: str | None = None,
    report: Report | None = None,
) -> Image:
    """The picture after a share (0 to 1) of the way from one picture to another of the same size.

    how: the method, and weights of the net, or "" for its own. report: filled in.
    """
    if before.pixels.shape != after.pixels.shape:
        sizes = [f"{each.pixels.shape[1]}x{each.pixels.shape[0]}" for each in (before, after)]
        raise BadImage(f"both pictures must have the same size and channels, not {sizes[0]} and {sizes[1]}")
    method, weights = how
    plan = plan_to_interpolate(method, weights or None, precision)
    report = report or Report(plan)
    report.plan = plan
    return Image(Between(method, plan, Means(backend, memory), report)(before.pixels, after.pixels, share))
