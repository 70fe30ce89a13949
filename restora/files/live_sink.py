"""Live sinks: frames into a pipe, a file or an address of the network, as they come."""

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

from restora.core.errors import BadImage, BadKnob, OutputExists
from restora.files.clip import Clip, reason_of
from restora.files.disk import check_name, put_in_place
from restora.files.encode import Coding, coding_for
from restora.files.yuv import Layout, frame_of

STDOUT = "-"
FORMS = ("mkv", "ts", "y4m", "yuv420p", "rgb24")
"""Matroska or an MPEG transport stream with H.264, YUV4MPEG, and frames without a container."""
ENDINGS = {".mkv": "mkv", ".ts": "ts", ".y4m": "y4m", ".yuv": "yuv420p", ".rgb": "rgb24"}
UNTIMED = ("y4m", "yuv420p", "rgb24")
"""Forms without times, whose frames follow each other evenly."""
MUXERS = {"mkv": "matroska", "ts": "mpegts", "y4m": "yuv4mpegpipe", "yuv420p": "rawvideo", "rgb24": "rawvideo"}
TICK = Fraction(1, 90_000)
"""Of times, as in transport streams."""
KEYFRAMES = 2
"""Seconds between frames at which a player can start."""
DATAGRAM = "pkt_size=1316"
"""Whole packets of a transport stream in each datagram, as receivers expect."""
CLUSTER = "100"
"""Milliseconds of a group of packets in Matroska, which is written at once."""


@dataclass(frozen=True)
class Place:
    """Where a stream goes: FFmpeg's name of it, its form, and for a new file its name when it is complete."""

    url: str
    form: str
    file: Path | None = None


def place_for(output: str, form: str | None, force: bool) -> Place:
    """The place of an output: - for standard output, an address, a file, or an existing pipe or device.

    form: one of FORMS; None: by the ending, for addresses a transport stream, and Matroska for standard output. A file
    is written as NAME.partial.ENDING. Raises BadKnob, BadImage or OutputExists.
    """
    if form is not None and form not in FORMS:
        raise BadKnob(f"the format of a stream must be one of {', '.join(FORMS)}, not {form!r}")
    if output == STDOUT:
        return Place("pipe:1", form or "mkv")
    if "://" in output:
        whole = output.startswith("udp://") and form in (None, "ts") and "pkt_size" not in output
        return Place(f"{output}{'&' if '?' in output else '?'}{DATAGRAM}" if whole else output, form or "ts")
    path = Path(output)
    form = form or ENDINGS.get(path.suffix.lower())
    if form is None:
        raise BadKnob(f"{output} must end in {', '.join(ENDINGS)}; or say what to write with --format")
    if path.exists() and not path.is_file() and not path.is_dir():
        return Place(output, form)
    if not path.parent.is_dir():
        raise BadImage(f"the folder {path.parent} does not exist")
    check_name(path)
    part = path.with_name(f"{path.stem}.partial{path.suffix}")
    for one in (path, part):
        if one.exists() and not force:
            raise OutputExists(f"{one} exists; overwrite it with --force")
    return Place(str(part), form, path)


class LiveSink:
    """An open stream of frames of (height, width), in the format of a clip as far as its form can hold it."""

    def __init__(self, place: Place, clip: Clip, size: tuple[int, int], quality: int, preset: str) -> None:
        """Open it. quality, preset: of H.264. Raises BadImage if that fails."""
        self.place, self._last, self._number, self._before = place, -1, 0, -1
        self.coding = _coding(place.form, clip, size, quality, preset)
        options = {"flush_packets": "1"} | ({"cluster_time_limit": CLUSTER} if place.form == "mkv" else {})
        try:
            file: Any = av.open(place.url, "w", format=MUXERS[place.form], container_options=options)
        except (av.FFmpegError, OSError) as error:
            raise BadImage(f"cannot write {place.url}: {_why(error)}") from error
        rate = clip.rate.limit_denominator(90_000)
        encoder = {"y4m": "wrapped_avframe", "yuv420p": "rawvideo", "rgb24": "rawvideo"}.get(place.form, "libx264")
        self._file, self._stream = file, cast(Any, file.add_stream(encoder, rate=rate, options=self.coding.options))
        self._tick = 1 / rate if place.form in UNTIMED else TICK
        context: Any = self._stream.codec_context
        context.height, context.width, context.pix_fmt = *size, self._form
        context.time_base = self._tick
        context.sample_aspect_ratio = clip.aspect
        _, _, context.color_primaries, context.color_trc = clip.colour
        context.color_range, context.colorspace = 2 if self.coding.layout.full else 1, self.coding.layout.matrix
        if clip.colour[0] == 0 and not self.coding.layout.full:
            context.color_range = 0
        if clip.matrix and place.form not in UNTIMED:
            self._stream.set_display_matrix(clip.matrix)

    @property
    def _form(self) -> str:
        return "rgb24" if self.place.form == "rgb24" else self.coding.layout.name

    def put(self, number: int, at: Fraction, pixels: np.ndarray) -> None:
        """Write a frame (H, W, C) of the source, by its number and time in seconds.

        Forms without times repeat it in place of frames that were dropped after the last one. Raises BadImage, or
        BrokenPipeError if nobody reads any more.
        """
        frame = self._frame(pixels)
        if self.place.form not in UNTIMED:
            self._last = max(self._last + 1, round(at / self._tick))
            self._write(frame, self._last)
            return
        for _ in range(number - self._before):
            self._write(frame, self._number)
            self._number += 1
        self._before = number

    def close(self, keep: bool = True) -> None:
        """End the stream; a file gets its name, unless `keep` is false. Raises BadImage."""
        try:
            for packet in self._stream.encode(None):
                self._file.mux(packet)
            self._file.close()
        except (av.FFmpegError, OSError) as error:
            with suppress(av.FFmpegError, OSError):
                self._file.close()
            if not isinstance(error, BrokenPipeError):
                raise BadImage(f"cannot write {self.place.url}: {_why(error)}") from error
        if self.place.file and keep:
            put_in_place(Path(self.place.url), self.place.file, force=True)

    def _frame(self, pixels: np.ndarray) -> av.VideoFrame:
        if self.place.form == "rgb24":
            colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
            return av.VideoFrame.from_ndarray(np.rint(colours.clip(0, 1) * 255).astype(np.uint8), format="rgb24")
        return frame_of(pixels, self.coding.layout)

    def _write(self, frame: av.VideoFrame, pts: int) -> None:
        frame.pts, frame.time_base = pts, self._tick
        try:
            for packet in self._stream.encode(frame):
                self._file.mux(packet)
        except BrokenPipeError:
            raise
        except (av.FFmpegError, OSError) as error:
            raise BadImage(f"cannot write {self.place.url}: {_why(error)}") from error


def _coding(form: str, clip: Clip, size: tuple[int, int], quality: int, preset: str) -> Coding:
    if form in UNTIMED:
        known = clip.layout.family == "yuv"
        full, matrix = (clip.layout.full, clip.layout.matrix) if known else (False, 1)
        return Coding(form, Layout("yuv", 8, (2, 2), full, matrix, clip.layout.between), {})
    coding = coding_for(clip, size, "h264", quality, preset)
    own = {"tune": "zerolatency", "g": str(max(1, round(KEYFRAMES * clip.rate)))}
    return Coding(coding.encoder, coding.layout, {**coding.options, **own}, coding.notes)


def _why(error: Exception) -> str:
    return reason_of(error) if isinstance(error, av.FFmpegError) else str(getattr(error, "strerror", error)).lower()
