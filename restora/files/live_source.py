"""Live sources: a camera, a pipe, an address of the network, or a clip; read once, from the start on."""

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from restora.core.errors import BadImage
from restora.files.clip import Clip, check_size, facts_of, hdr_of, reason_of
from restora.files.clip_times import Times

STDIN = "-"
CAMERA = "camera"
"""Stands for the first camera."""
CAMERAS = "/dev/video"
"""The beginning of the names of cameras on Linux."""
RAW = ("yuv420p", "rgb24")
"""Forms of frames without a container, in FFmpeg's names."""
ANALYSED = "1000000"
"""Microseconds of a source without an end that FFmpeg looks at before the first frame, at most."""
JUMP = Fraction(10)
"""Seconds: if the time of a frame is further from the one before, or earlier, the source began to count anew."""


@dataclass(frozen=True)
class Raw:
    """Frames without a container: their form, one of RAW, their (height, width), and frames a second."""

    form: str
    size: tuple[int, int]
    rate: Fraction


class LiveSource:
    """An open source. kind: camera, pipe, address or clip. `clip` has the facts; its times are unknown."""

    def __init__(self, place: str, raw: Raw | None, max_pixels: int) -> None:
        """Open it and decode its first frame. Raises BadImage if that fails, or if frames have too many pixels."""
        self.name = "standard input" if place == STDIN else place
        self.kind, self.faults, self.notes, self.ended = kind_of(place), 0, list[str](), ""
        if self.kind == "camera":
            place = _camera(place)
        self._container, self._stream = _opened(place, self.kind, raw, self.name)
        self._offset = Fraction(0)
        self._last: Fraction | None = None
        self._step = 1 / Fraction(self._stream.average_rate or self._stream.guessed_rate or 25)
        self._rest = self._decoded()
        self._early = deque[tuple[Fraction, av.VideoFrame]]()
        first = next(self._rest, None)
        if first is None:
            self.close()
            raise BadImage(f"{self.name} has no frame that can be decoded")
        self._early.append(first)
        tick = Fraction(self._stream.time_base)
        times = Times(tick, 0, 0, 0, 0, max(1, round(self._step / tick)))
        self.clip: Clip = facts_of(Path(self.name), self._container, self._stream, first[1], times)
        check_size(self.clip, max_pixels)
        self.notes += hdr_of(first[1])
        if any(other.type == "audio" for other in self._container.streams):
            self.notes.append("sound is not kept in live streams")
        if self.clip.upper is not None:
            self.notes.append("the source is interlaced: each frame has lines of two moments, which stay so")

    def first(self, count: int) -> list[av.VideoFrame]:
        """The first frames, at most `count`; they are given again by `frames`."""
        while len(self._early) < count:
            pair = next(self._rest, None)
            if pair is None:
                break
            self._early.append(pair)
        return [frame for _, frame in list(self._early)[:count]]

    def frames(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """(seconds since the first frame, frame) of all frames; each is later than the one before.

        Damaged data are left out and counted in `faults`. Raises BadImage where frames change their size.
        """
        while self._early:
            yield self._early.popleft()
        for at, frame in self._rest:
            if (frame.height, frame.width) != self.clip.shape[:2]:
                height, width = self.clip.shape[:2]
                raise BadImage(
                    f"{self.name} changes its size from {width}x{height} to {frame.width}x{frame.height}"
                    f" after {float(at):.3f} s"
                )
            yield at, frame

    def close(self) -> None:
        """Close the source; no other thread may be reading it."""
        self._container.close()

    def _decoded(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        for packet in self._packets():
            frames: list[av.VideoFrame] = []
            with suppress(EOFError):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    self.faults += 1
            for frame in frames:
                yield self._timed(frame), frame

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError as error:  # a camera that was unplugged, an address that went away
            self.ended = reason_of(error)

    def _timed(self, frame: av.VideoFrame) -> Fraction:
        """The seconds of a frame since the first one."""
        usual = Fraction(0) if self._last is None else self._last + self._step
        stamp = usual if frame.pts is None else frame.pts * Fraction(self._stream.time_base) + self._offset
        if self._last is None or not self._last < stamp <= self._last + JUMP:
            self._offset += usual - stamp
            stamp = usual
        self._last = stamp
        return stamp


def kind_of(place: str) -> str:
    """What a source is: camera, pipe, address or clip."""
    if place == CAMERA or place.startswith(CAMERAS):
        return "camera"
    if place == STDIN or Path(place).is_fifo():
        return "pipe"
    return "address" if "://" in place else "clip"


def _camera(place: str) -> str:
    """The device of a camera. Raises BadImage if there is none."""
    there = sorted(str(path) for path in Path(CAMERAS).parent.glob(f"{Path(CAMERAS).name}*"))
    place = (there[0] if there else f"{CAMERAS}0") if place == CAMERA else place
    if place not in there:
        raise BadImage(f"there is no camera {place}; this computer has {', '.join(there) or 'none'}")
    return place


def _opened(place: str, kind: str, raw: Raw | None, name: str) -> tuple[Any, Any]:
    """The open container and its stream of pictures. Raises BadImage."""
    if place == STDIN and sys.stdin is not None and sys.stdin.isatty():
        raise BadImage("standard input is a terminal; pipe a clip or frames into it")
    options, form = {} if kind == "clip" else {"analyzeduration": ANALYSED}, "v4l2" if kind == "camera" else None
    if raw:
        form = "rawvideo"
        options = {
            "pixel_format": raw.form, "video_size": f"{raw.size[1]}x{raw.size[0]}", "framerate": str(raw.rate)
        }  # fmt: skip
    try:
        container = av.open(
            "pipe:0" if place == STDIN else place, format=form, options=options, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as error:
        why = reason_of(error) if isinstance(error, av.FFmpegError) else str(error)
        raise BadImage(f"{name} cannot be read as a clip: {why}") from error
    stream: Any = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic or stream.codec_context is None:
        container.close()
        raise BadImage(f"{name} has no video that can be decoded")
    stream.thread_type = "AUTO" if kind in ("clip", "pipe") else "SLICE"  # decoding frames in parallel delays them
    return container, stream
