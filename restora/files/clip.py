"""Clips: frames one by one as arrays with their exact times, and what a result must keep, in the memory of a few."""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.stream import Disposition

from restora.core.checksum import sha256
from restora.core.errors import BadImage, Truncated
from restora.core.image import Image
from restora.files.clip_times import Times, times_of
from restora.files.container import container_of, is_cut_off
from restora.files.decoded import Decoded
from restora.files.yuv import Layout, layout_of, pixels_of

BROADCAST = ("mpegts", "mpeg")
"""Containers whose times begin anywhere; there they count from the first one."""
CENTRED = ("mjpeg", "mpeg1video")
"""Codecs whose chroma lies between columns of luma."""
MOST_FAULTS = 10
"""Sentences about damaged frames."""
UNKEPT = {
    Type.MASTERING_DISPLAY_METADATA: "the mastering display", Type.CONTENT_LIGHT_LEVEL: "the content light level",
    Type.DOVI_RPU_BUFFER: "Dolby Vision", Type.DOVI_METADATA: "Dolby Vision", Type.DYNAMIC_HDR_PLUS: "HDR10+",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid",
}  # fmt: skip
"""Side data of frames about high dynamic range, in words."""
FIELDS = {2: True, 3: False, 4: False, 5: True}
"""Whether the upper field is shown first, by FFmpeg's number of the order of fields; 1 is progressive."""


class Frame(NamedTuple):
    """A frame: its number from 0, its time in seconds, and its pixels (H, W, C) as `pixels_of` gives them."""

    number: int
    pts: Fraction
    pixels: np.ndarray


@dataclass(frozen=True)
class Clip:
    """An open clip. Frames are read by `frames`, each time from the file.

    shape: (H, W, C) as stored, before any rotation. colour: FFmpeg's numbers of range, matrix, primaries and transfer.
    aspect: width of a pixel divided by its height. matrix: of the rotation for the viewer, nine numbers, or None.
    upper: for interlaced frames, whether the upper field comes first; None for progressive ones.
    """

    path: Path
    name: str
    container: str
    codec: str
    stored: str  # name of the pixel format
    shape: tuple[int, int, int]
    layout: Layout
    rate: Fraction
    times: Times
    colour: tuple[int, int, int, int]
    aspect: Fraction
    matrix: tuple[int, ...] | None
    upper: bool | None
    salvage: bool = False
    deinterlace: bool = False
    cut_off: bool = False  # its end is missing
    notes: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)  # of the decoder, in sentences for the user

    @property
    def seconds(self) -> Fraction:
        """From the first frame to the end of the last."""
        return (self.times.end - self.times.first) * self.times.tick

    @contextmanager
    def opened(self) -> Iterator[tuple[Any, Any]]:
        """The open file and its stream of pictures. Raises BadImage."""
        with opened(self.path, self.name) as both:
            yield both

    def checksum(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.path)

    def frames(self, first: int = 0, count: int | None = None) -> Iterator[Frame]:
        """The frames from `first` on, at most `count`. Raises BadImage for data that cannot be decoded."""
        for index, (ticks, frame) in enumerate(self._decoded()):
            if count is not None and index >= first + count:
                return
            if index >= first:
                yield Frame(index, ticks * self.times.tick, pixels_of(frame, self.layout))

    def near(self, share: float, most: int = 24) -> np.ndarray:
        """The pixels of a frame near a share (0 to 1) of the length, at most so many frames after a keyframe."""
        frames, place = self.run_near(share, 0, most)
        return frames[place].pixels

    def run_near(self, share: float, reach: int, most: int = 24) -> tuple[Sequence[Decoded | Image], int]:
        """Consecutive frames and the place among them of the one that `near` gives.

        There are `reach` frames before it and after it, or fewer where the clip or what can be decoded ends.
        """
        with opened(self.path, self.name) as (container, stream):
            wanted = self.times.first + round(share * (self.times.end - self.times.first))
            place = int(wanted * self.times.tick / stream.time_base) + origin_of(container, stream)
            seen, after, reached = deque[av.VideoFrame](maxlen=reach + 1), list[av.VideoFrame](), False
            try:
                container.seek(place, stream=stream)
                frames = self._frames_of(container, stream)
            except av.FFmpegError:
                frames = iter(())
            for number, frame in enumerate(frames):
                (after if reached else seen).append(frame)
                reached = reached or number >= most or (frame.pts is not None and frame.pts >= place)
                if reached and len(after) == reach:
                    break
        if not seen:
            return [Decoded(frame, self.layout) for _, frame in islice(self._decoded(), reach + 1)], 0
        return [Decoded(frame, self.layout) for frame in (*seen, *after)], len(seen) - 1

    def _decoded(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """(time in ticks, frame) of every frame, in the order of display; a time is never before an earlier one."""
        with opened(self.path, self.name) as (container, stream):
            origin, last = origin_of(container, stream), None
            frames = self._frames_of(container, stream)
            stamped = self._progressive(frames, stream) if self.deinterlace else ((each.pts, each) for each in frames)
            for stamp, frame in stamped:
                if stamp is None:
                    at = self.times.first if last is None else last + self.times.step
                else:
                    at = max((stamp - origin) * stream.time_base.numerator, self.times.first if last is None else last)
                if frame.width != self.shape[1] or frame.height != self.shape[0]:
                    raise BadImage(
                        f"{self.name} changes its size from {self.shape[1]}x{self.shape[0]} to"
                        f" {frame.width}x{frame.height} at {float(at * self.times.tick):.3f} s; cut it there first"
                    )
                last = at
                if frame.is_corrupt:
                    self._fault(f"{self.name}: the frame at {float(at * self.times.tick):.3f} s is damaged")
                yield at, frame

    def _fault(self, sentence: str) -> None:
        if len(self.faults) < MOST_FAULTS and sentence not in self.faults:
            self.faults.append(sentence)

    def _frames_of(self, container: Any, stream: Any) -> Iterator[av.VideoFrame]:
        for packet in _packets(container, stream, self.name, self.salvage):
            try:
                yield from packet.decode()
            except EOFError:
                return
            except av.FFmpegError as error:
                told = f"{self.name}: a frame near {float((packet.pts or 0) * stream.time_base):.3f} s is damaged"
                if not self.salvage:
                    raise Truncated(f"{told} ({reason_of(error)})") from error
                self._fault(f"{told} and was left out")

    def _progressive(self, frames: Iterator[av.VideoFrame], stream: Any) -> Iterator[tuple[int | None, av.VideoFrame]]:
        """The frames without lines of another moment, one for each frame, by FFmpeg's filter bwdif."""
        graph, stamps = av.filter.Graph(), deque[int | None]()
        source, sink = graph.add_buffer(template=stream), graph.add("buffersink")
        bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=all")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        graph.configure()
        for frame in chain(frames, (None,)):
            if frame is not None:
                stamps.append(frame.pts)
            graph.push(frame)
            with suppress(BlockingIOError, EOFError):  # it needs the next frame
                while True:
                    made: Any = graph.pull()
                    yield stamps.popleft(), made


def open_clip(
    path: Path,
    max_pixels: int,
    *,
    salvage: bool = False,
    deinterlace: bool = False,
    rate: Fraction | None = None,
) -> Clip:
    """Open a clip: its first frame is decoded and the times of all frames are read. A folder of pictures is a clip too.

    Raises BadImage for a file that cannot be read, has no picture, or has too many pixels; Truncated for one whose end
    is missing, unless `salvage` is set: then the clip ends where the file does. deinterlace: frames are made
    progressive if they are not. rate: of a folder without times, frames a second.
    """
    if path.is_dir():
        from restora.files.frame_folder import open_folder  # which makes a Clip

        return open_folder(path, max_pixels, rate)
    name = str(path)
    with opened(path, name) as (container, stream):
        times = times_of(_packets(container, stream, name, salvage), container, stream, origin_of(container, stream))
    with opened(path, name) as (container, stream):
        frame = _first_frame(container, stream, name)
        videos = sum(not each.disposition & Disposition.attached_pic for each in container.streams.video)
        clip = facts_of(path, container, stream, frame, times)
        check_size(clip, max_pixels)
        clip = replace(clip, salvage=salvage, deinterlace=deinterlace and clip.upper is not None)
        unkept = hdr_of(frame)
    missing = is_cut_off(path) or times.declared > times.frames
    if missing and not salvage:
        there = f"{times.frames} of {times.declared}" if times.declared > times.frames else f"{times.frames}"
        raise Truncated(f"{name} is truncated: {there} frames are there")
    clip = replace(clip, cut_off=missing)
    return replace(clip, notes=(*_notes(clip, videos, deinterlace), *unkept))


def facts_of(path: Path, container: Any, stream: Any, frame: av.VideoFrame, times: Times) -> Clip:
    """The facts about an open clip, whose first frame is given."""
    layout, height, width = layout_of(frame, stream.codec_context.name in CENTRED), frame.height, frame.width
    return Clip(
        path, str(path), container.format.name.partition(",")[0], stream.codec_context.name, frame.format.name,
        (height, width, layout.channels), layout,
        Fraction(stream.average_rate or stream.guessed_rate or 1 / (times.step * times.tick)), times,
        (2 if layout.full else int(frame.color_range), layout.matrix, frame.color_primaries, frame.color_trc),
        Fraction(stream.sample_aspect_ratio or 1) or Fraction(1), _matrix_of(frame, stream), _upper(frame, stream),
    )  # fmt: skip


def check_size(clip: Clip, max_pixels: int) -> None:
    """Raise BadImage for frames of too many pixels."""
    height, width = clip.shape[:2]
    if height * width > max_pixels:
        raise BadImage(
            f"{clip.name} has {height * width / 1e6:.4g} megapixels ({width}x{height}), more than the limit of"
            f" {max_pixels / 1e6:.4g}; allow more with --max-pixels {height * width}"
        )


def hdr_of(frame: av.VideoFrame) -> list[str]:
    """What a frame says about high dynamic range that no result keeps, in a sentence; none if it says nothing."""
    sides: Any = frame.side_data
    found = dict.fromkeys(words for kind, words in UNKEPT.items() if sides.get(kind) is not None)
    return [f"HDR metadata was not kept: {', '.join(found)}"] if found else []


def _notes(clip: Clip, videos: int, deinterlace: bool) -> Iterator[str]:
    if clip.cut_off:
        yield f"the clip is truncated; its {clip.times.frames} existing frames were restored"
    if videos > 1:
        size = f"{clip.shape[1]}x{clip.shape[0]}"
        yield f"the clip has {videos} videos; the one of {size} was restored, others were copied"
    if clip.upper is None and deinterlace:
        yield "the clip is not interlaced, so --deinterlace changed nothing"
    if clip.upper is not None and not deinterlace:
        yield (
            "the clip is interlaced: each frame has lines of two moments, which were restored together and stay so;"
            " --deinterlace makes it progressive first"
        )
    if "a" in clip.stored.replace("gray", "") and not clip.stored.startswith(("pal", "bayer")):
        yield "transparency was not kept"


@contextmanager
def opened(path: Path, name: str) -> Iterator[tuple[Any, Any]]:
    """An open file and its stream of pictures. Raises BadImage."""
    try:
        container = av.open(str(path), metadata_errors="replace")
    except av.FFmpegError as error:
        kind, why = container_of(path), reason_of(error)
        ended = "; its index is missing, so it was not recorded or copied to the end" if is_cut_off(path) else ""
        raise BadImage(f"{name} cannot be read as a clip ({kind}): {why}{ended}") from error
    except OSError as error:
        raise BadImage(f"cannot open {name}: {error.strerror}") from error
    with closing(container):
        stream: Any = container.streams.best("video")
        if stream is None or stream.disposition & Disposition.attached_pic:
            raise BadImage(f"{name} has no video stream, only {_streams_of(container)}")
        if stream.codec_context is None:
            raise BadImage(f"{name} has video of an unknown kind, which cannot be decoded")
        stream.thread_type = "AUTO"
        yield container, stream


@contextmanager
def writing_clip(what: object) -> Iterator[None]:
    """Turn an error of FFmpeg or of the system in the block into BadImage, which says that `what` cannot be written."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        why = reason_of(error) if isinstance(error, av.FFmpegError) else error.strerror
        raise BadImage(f"cannot write {what}: {why}") from error


def _streams_of(container: Any) -> str:
    kinds = [stream.type for stream in container.streams]
    return " and ".join(dict.fromkeys(kinds)) or "nothing"


def demuxed(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of a stream, and an empty one at its end."""
    return iter(container.demux(stream))


def _packets(container: Any, stream: Any, name: str, salvage: bool) -> Iterator[Any]:
    """The packets of a stream. Raises Truncated where the file cannot be read on, or ends there to salvage."""
    try:
        yield from demuxed(container, stream)
    except av.FFmpegError as error:
        if not salvage:
            raise Truncated(f"{name} cannot be read to its end: {reason_of(error)}") from error


def _first_frame(container: Any, stream: Any, name: str) -> av.VideoFrame:
    with suppress(av.FFmpegError, EOFError):
        for packet in container.demux(stream):
            with suppress(av.InvalidDataError):
                for frame in packet.decode():
                    return frame
    raise BadImage(f"{name} has no frame that can be decoded")


def origin_of(container: Any, stream: Any) -> int:
    """The time, in units of the stream, from which times count: 0 where the container says when to start."""
    if container.format.name not in BROADCAST:
        return 0
    starts = [other.start_time * other.time_base for other in container.streams if other.start_time is not None]
    return int(min(starts, default=0) / stream.time_base)


def _upper(frame: av.VideoFrame, stream: Any) -> bool | None:
    """Whether the upper field comes first; None if the frame is progressive. DV does not say that it is the lower."""
    order = FIELDS.get(stream.codec_context.field_order)
    return stream.codec_context.name != "dvvideo" if order is None and frame.interlaced_frame else order


def _matrix_of(frame: av.VideoFrame, stream: Any) -> tuple[int, ...] | None:
    """The matrix of the rotation, also where only the tag of old files says it, in degrees clockwise."""
    sides: Any = frame.side_data
    data = sides.get(Type.DISPLAYMATRIX)
    if data is not None:
        return struct.unpack("<9i", bytes(data)[:36])
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    try:
        turns = round(float(tags.get("rotate", 0))) // 90 % 4
    except ValueError:
        turns = 0
    one, cosine, sine = 1 << 16, (1, 0, -1, 0), (0, 1, 0, -1)
    c, s = one * cosine[turns], one * sine[turns]
    return (c, s, 0, -s, c, 0, 0, 0, 1 << 30) if turns else None


def reason_of(error: av.FFmpegError) -> str:
    """The words of an error of FFmpeg."""

    return str(error.strerror or error).lower()
