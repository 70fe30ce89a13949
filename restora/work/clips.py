"""Restore a clip: one plan for all frames, which are read, restored and written at the same time."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadImage, BadPlan, OutputExists
from restora.core.image import Image
from restora.core.plan import Plan
from restora.core.report import Report
from restora.engines.choice import Backend, backend_named
from restora.engines.tiling import Read
from restora.files.clip import Clip, Frame, open_clip, writing_clip
from restora.files.clip_parts import Parts, parts_of
from restora.files.container import container_of
from restora.files.disk import aside, check_name, put_in_place
from restora.files.encode import PRESETS, SEGMENT, coding_for
from restora.files.frames import gather
from restora.files.mux import KINDS, Span, check_streams, ending_for, join
from restora.files.save import copy
from restora.files.segments import Segments
from restora.stages.pipeline import Means, Pipeline, Source, prepare
from restora.stages.stage import Tell
from restora.work.clip_room import check_clip_room
from restora.work.diagnose import Pixels, Several
from restora.work.neighbours import Around, frames_around, others_of, surrounded
from restora.work.overlap import read_ahead, write_behind
from restora.work.restore import PACKAGES, Options, be_patient, peak_memory

LOOKED_AT = 5
"""Frames that are diagnosed, spread over the clip."""
SECONDS_OF_PREVIEW = 1
SETTLING = 2
"""Frames after which scene cuts are found as if the clip had been seen from its start."""
QUEUE, LONGEST_QUEUE = 64_000_000, 8
"""Bytes of frames that wait before and after the restoration, and the most frames; at least one."""
CLIP_PACKAGES = (*PACKAGES, "av")
"""Packages whose versions may change a result."""


@dataclass(frozen=True)
class ClipOptions:
    """How a clip is restored and written; `run` has the options that pictures have too.

    codec: h264 or ffv1. deinterlace: make the frames progressive. preview: only a second from the middle. preset: of
    H.264, see PRESETS. rate: of a folder of pictures without times, frames a second; None: 25.
    """

    run: Options = field(default_factory=Options)
    codec: str = "h264"
    deinterlace: bool = False
    preview: bool = False
    preset: str = PRESETS[0]
    rate: Fraction | None = None


class Stopped(Exception):
    """The run was stopped by Ctrl-C; `report` is on the part of the clip that was written."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def frames_to_diagnose(clip: Clip) -> Several:
    """Frames spread over a clip, as pictures on the 0..1 scale."""

    def pictures() -> Iterator[Image]:
        count = min(LOOKED_AT, max(1, clip.times.frames))
        for number in range(count):
            yield Image(clip.near((2 * number + 1) / (2 * count)).clip(0, 1))

    def around(reach: int) -> list[Pixels]:
        frames, place = clip.run_near(0.5, reach)
        return [frames[index] for index in others_of(place, len(frames), reach)]

    return Several(Image(clip.near(0.5).clip(0, 1)), pictures, around)


def preview_of(clip: Clip) -> tuple[int, int]:
    """The first frame of a preview, and the number of its frames: a second from the middle of a clip."""
    frames = clip.times.frames
    count = min(frames, max(1, round(clip.rate * SECONDS_OF_PREVIEW)))
    return (frames - count) // 2, count


def target_for(source: Path, target: Path | None, how: ClipOptions) -> Path:
    """The result of a clip, by default beside it; that of a preview has another name. Raises BadImage for no clip."""
    stem = source.name if source.is_dir() else source.stem
    target = target or source.with_name(f"{stem}.restored{ending_for(source, how.codec)}")
    return target.with_name(f"{target.stem}.preview{target.suffix}") if how.preview else target


def is_folder(target: Path) -> bool:
    """Whether a target is a folder for frames."""
    return target.is_dir() or not target.suffix


def restore_clip(
    source: Path,
    target: Path,
    plan: Plan | Callable[[Pixels], Plan],
    how: ClipOptions | None = None,
    *,
    tell: Tell | None = None,
    resume: Callable[[str], None] | None = None,
) -> Report:
    """Restore a clip into another one, or into a folder of frames; see `target_for`.

    `plan` may be a function that makes the plan from some frames. An empty plan copies the file, or writes nothing
    without `keep_unchanged`. With `resume`, finished segments are kept if this is stopped, and the same call continues
    from there; the result is the same as without a stop. Raises BadImage, BadPlan or OutputExists; Stopped after
    Ctrl-C, if at least one frame was written beside the target.
    """
    started, how = time.perf_counter(), how or ClipOptions()
    options, backend = how.run, backend_named(how.run.engine, how.run.device)
    clip = open_clip(
        source, options.limits.pixels, salvage=options.salvage, deinterlace=how.deinterlace, rate=how.rate
    )  # fmt: skip
    check_target(target, clip, how, resume is not None)
    lost = [] if is_folder(target) else check_streams(clip, target, how.codec)
    plan = plan(frames_to_diagnose(clip)) if callable(plan) else plan
    report = Report(plan, input=clip.name, output=str(target), input_sha256=clip.checksum())
    report.warnings += [*clip.notes, *lost]
    if not plan.steps and not how.preview and not clip.deinterlace and not clip.cut_off:
        if not options.keep_unchanged:
            report.output = ""
            return report
        if source.is_file() and source.suffix.lower() == target.suffix.lower():
            copy(source, target, force=options.force)
            report.output_sha256 = sha256(target)
            return report
    ClipWork(clip, plan, backend, how, report, started).run(target, tell, resume)
    return report


def partial(target: Path) -> Path:
    """The file or folder that a stopped run leaves."""
    if is_folder(target):
        return target.with_name(f"{target.name}-partial")
    return target.with_name(f"{target.stem}.partial{target.suffix}")


def check_target(target: Path, clip: Clip, how: ClipOptions, resumes: bool) -> None:
    """Raise OutputExists or BadImage for a target that cannot be written, before any work is done."""
    if how.run.keep:
        raise BadPlan("products are kept for pictures, not for clips")
    if not target.parent.is_dir():
        raise BadImage(f"the folder {target.parent} does not exist")
    if partial(target).exists() and not (resumes or how.run.force):
        raise OutputExists(f"{partial(target)} is left of a stopped run; continue it with --resume, or add --force")
    if is_folder(target):
        if target.is_dir() and any(target.iterdir()):
            raise OutputExists(f"{target} is a folder that holds files; name a new one for the frames")
        return
    if target.exists() and clip.path.samefile(target):
        raise BadImage(f"{target} is the clip itself, which is not replaced; give another name")
    if target.exists() and not how.run.force:
        raise OutputExists(f"{target} exists; overwrite it with --force")
    check_name(target)


@dataclass(frozen=True)
class Piece:
    """A frame, and the frames of the same number of inputs that are clips, by the checksums of their files.

    around: the pixels (H, W, C) of the frames around it, for a method that sees them.
    """

    frame: Frame
    others: Mapping[str, Image]
    around: Around = ()


def moving_inputs(plan: Plan, clip: Clip, max_pixels: int) -> dict[str, Clip]:
    """The inputs of a plan that are clips, by the checksums of their files, such as a mask for each frame.

    Raises BadPlan for one that has changed or has another number of frames.
    """
    found: dict[str, Clip] = {}
    for step in plan.steps:
        for name, entry in step.inputs.items():
            path = Path(entry.get("file", ""))
            if "file" not in entry or not container_of(path):
                continue
            other = open_clip(path, max_pixels)
            if other.checksum() != entry["sha256"]:
                raise BadPlan(f"{path} has changed since the plan was made; make the plan again")
            if other.times.frames != clip.times.frames:
                raise BadPlan(
                    f"the {name} {path} must have as many frames as the clip, {clip.times.frames},"
                    f" not {other.times.frames}; for all frames give a picture"
                )
            found[entry["sha256"]] = other
    return found


def pieces(
    clip: Clip, others: Mapping[str, Clip], first: int = 0, count: int | None = None, reach: int = 0
) -> Iterator[Piece]:
    """The frames of a clip with those of its inputs, and with `reach` frames before and after each."""
    start = max(0, first - reach - SETTLING) if reach else first
    seen = surrounded(clip.frames(start, None if count is None else first - start + count + reach), reach)
    wanted = islice(seen, first - start, None)
    rows = zip(wanted, *(each.frames(first, count) for each in others.values()), strict=False)
    for (frame, around), *rest in islice(rows, count):
        inputs = [Image(each.pixels.clip(0, 1)) for each in rest]
        yield Piece(frame, dict(zip(others, inputs, strict=True)), around)


class FrameRestorer:
    """A plan as a function of frames of one size. Its stages are made for each frame, which takes half a millisecond,
    because some remember what they found in a picture."""  # fmt: skip

    def __init__(self, plan: Plan, first: "Piece", report: Report, means: Means) -> None:
        self._plan, self._means = plan, means
        self.pipeline = self._prepared(first, report)
        self.size = self.pipeline.size()

    def __call__(self, piece: "Piece") -> np.ndarray:
        """The restored frame (H, W, C)."""
        self.pipeline = self._prepared(piece, Report(self._plan))
        return self.pipeline.everything()

    def notes(self) -> list[str]:
        """Sentences for the report."""
        return self.pipeline.notes()

    def _prepared(self, piece: "Piece", report: Report) -> Pipeline:
        y = Image(piece.frame.pixels)
        neighbours = [window_of(each) for each in piece.around]
        source = Source(y.window, y.shape, neighbours=neighbours, frames=piece.others)
        return prepare(self._plan, source, report, self._means)


def window_of(pixels: np.ndarray) -> Read:
    """A function (top, left, height, width) that reads windows of an array (H, W, C)."""
    return lambda top, left, height, width: pixels[top : top + height, left : left + width]


class ClipWork:
    """A clip on its way to a result.

    `timed` is the clip as its times are written: the clip itself, unless frames are added.
    """

    def __init__(
        self, clip: Clip, plan: Plan, backend: Backend, how: ClipOptions, report: Report, started: float
    ) -> None:
        self._clip, self._options, self._how, self._report, self._started = clip, how.run, how, report, started
        self.timed, options = self.timed_as(clip), how.run
        be_patient(plan, clip.shape, options.limits.minutes, self._total)
        self._others = moving_inputs(plan, clip, options.limits.pixels)
        self._reach = frames_around(plan)
        self._ahead, held = _room_for(clip.shape, self._reach)
        self._restore = self.restorer(Means(backend, options.limits.memory, held))
        height, width = self._restore.size
        if height * width > options.limits.pixels:
            raise BadImage(f"the result would have {width}x{height} pixels, more than the limit (--max-pixels)")
        self._coding = coding_for(clip, self._restore.size, how.codec, options.quality, how.preset)

    def restorer(self, means: Means) -> Any:
        """What makes the frames, with their `size` and its `notes` for the report."""
        first = next(pieces(self._clip, self._others, reach=self._reach))
        return FrameRestorer(self._report.plan, first, self._report, means)

    @property
    def _first(self) -> int:
        """The first frame that is restored."""
        return preview_of(self._clip)[0] if self._how.preview else 0

    @property
    def _total(self) -> int:
        """How many frames are restored."""
        return preview_of(self._clip)[1] if self._how.preview else self._clip.times.frames

    def run(self, target: Path, tell: Tell | None, resume: Callable[[str], None] | None) -> None:
        """Restore all frames and write the result. Raises Stopped if a part was written instead."""
        with parts_of(target, self._binding(is_folder(target)), self._total, resume) as parts:
            self._report.resumed_at = parts.frames
            coding = None if is_folder(target) else self._coding
            check_clip_room(target, self._clip, coding, self._restore.size, (self._total, parts.frames))
            try:
                self._restore_frames(parts, is_folder(target), tell)
            except KeyboardInterrupt:
                if not parts.frames:
                    raise
                self._write(parts, partial(target), stopped=True)
                raise Stopped(self._report) from None
            self._write(parts, target, stopped=False)
        if is_folder(target):
            rmtree(partial(target), ignore_errors=True)
        else:
            partial(target).unlink(missing_ok=True)

    def _binding(self, pictures: bool) -> dict[str, Any]:
        """Everything that determines the frames, in the words of a message about a difference."""
        report = self._report
        return {
            "input": report.input_sha256,
            "plan": report.plan.id,
            "weights": report.weights,
            "engine": report.engine,
            "device": report.device,
            "precision": report.precision,
            "size": self._restore.size,
            "codec or quality": ["png" if pictures else self._coding.encoder, dict(self._coding.options), SEGMENT],
            "form of frames": [self._coding.layout.name, self._clip.deinterlace, self._clip.salvage],
            "part of the clip": [self._first, self._total],
            "version of restora or its libraries": {name: version(name) for name in CLIP_PACKAGES},
        }

    def _restore_frames(self, parts: Parts, pictures: bool, tell: Tell | None) -> None:
        """Restore the frames that are missing, and write their segments; also those of a run that is stopped."""
        if tell and parts.frames:
            tell(parts.frames, self._total)
        writer = Segments(parts, self.timed, self._coding, self._restore.size, SEGMENT, pictures)
        done = parts.frames
        try:
            read = read_ahead(self.read(parts.frames), self._ahead)
            with read as wanted, write_behind(writer.put, self._ahead) as put:
                for piece in wanted:
                    put(self.made(piece))
                    done += 1
                    if tell:
                        tell(done, max(done, self._total))
        except KeyboardInterrupt:
            writer.end(durable=False)
            raise
        writer.end()
        if not parts.frames:
            raise BadImage(f"{self._clip.name} has no frame that can be decoded")

    def timed_as(self, clip: Clip) -> Clip:
        """The clip as its times are written."""
        return clip

    def read(self, done: int) -> Iterator[Any]:
        """What `made` needs for each frame of the result, from the number `done` on; called in another thread."""
        first, count = self._first + done, self._total - done
        return pieces(self._clip, self._others, first, count if self._how.preview else None, self._reach)

    def made(self, piece: Any) -> tuple[Frame, np.ndarray]:
        """A frame of the result, with its pixels (H, W, C)."""
        return piece.frame, self._restore(piece)

    def _write(self, parts: Parts, target: Path, stopped: bool) -> None:
        """Write the result of all finished segments."""
        clip, report = self.timed, self._report
        report.output = str(target)
        if is_folder(target):
            if stopped:
                rmtree(target, ignore_errors=True)
            gather(clip, parts, target)
            report.warnings += [f"a folder of frames has no sound; their times are in {target}/times.csv"]
        else:
            report.warnings += self._coding.notes
            with writing_clip(target), aside(target) as part:
                report.warnings += join(clip, parts, part, KINDS[target.suffix.lower()], self._span(parts, stopped))
                put_in_place(part, target, self._options.force or stopped)
            report.output_sha256 = sha256(target)
        report.warnings += [*clip.faults, *self._restore.notes()]
        if not stopped and parts.frames != self._total:
            report.warnings.append(f"the file has {self._total} packets of video, which were {parts.frames} frames")
        report.clip = {
            "frames": parts.frames,
            "of": self._total,
            "seconds": float(clip.seconds),
            "frames_a_second": str(clip.rate),
            "stored": f"{self._coding.encoder} {self._coding.layout.name}",
        }
        report.seconds = round(time.perf_counter() - self._started, 3)
        report.versions = {package: version(package) for package in CLIP_PACKAGES}
        report.peak_megabytes = round(peak_memory() / 1e6, 1)

    def _span(self, parts: Parts, stopped: bool) -> Span:
        """The times that are written."""
        if not stopped and not self._how.preview:
            return Span(0)
        first, last = parts.times(0, 1)[0], parts.times(parts.frames - 1, 1)[0]
        return Span(first if self._how.preview else 0, last + self.timed.times.step)


def _room_for(shape: tuple[int, int, int], reach: int) -> tuple[int, int]:
    """How many frames wait on each side of the restoration, and the bytes of all frames that are in memory.

    reach: frames before, and after, each frame that a method sees; they are in memory too.
    """
    frame = 4 * shape[0] * shape[1] * shape[2]
    ahead = max(1, min(LONGEST_QUEUE, QUEUE // frame))
    return ahead, 2 * (ahead + 2 + reach) * frame
