"""Write a clip from its segments: the pictures get their exact times, sound, subtitles and chapters are copied."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from math import lcm
from pathlib import Path
from typing import Any

import av

from restora.core.errors import BadImage
from restora.files.clip import Clip, opened, origin_of
from restora.files.clip_parts import Parts
from restora.files.matroska_aspect import put_aspect

KINDS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""FFmpeg's names of the formats of results, by ending."""
OPTIONS = {kind: {"avoid_negative_ts": "disabled", "fflags": "+bitexact"} for kind in KINDS.values()}
"""Options of the muxers, which by default shift all times until none is negative, and write random numbers."""
OPTIONS["matroska"]["write_crc32"] = "0"  # the header is changed afterwards
MATROSKA_TICK = Fraction(1, 1000)
FINEST = 2**31 - 1
"""Limit on ticks a second in MP4."""
MADE_BY_MUXERS = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "rotate", "vendor_id")
"""Tags that describe the file of the source, or that the muxer writes itself."""
SILENCE = b"\0\0"
"""The text of subtitles in MP4 when there are none."""
ROOM = 64
"""Least number of finer ticks in a tick, if frames have equal times."""


@dataclass(frozen=True)
class Span:
    """The part of a clip that is written, in ticks of the clip; times count from `start`."""

    start: int
    end: int | None = None  # None: to the end of every stream


def check_streams(clip: Clip, target: Path, codec: str) -> list[str]:
    """What of a clip cannot be kept in the format of `target`, in sentences.

    Raises BadImage for an unknown ending, or for pictures, sound or subtitles that another format would keep.
    """
    kind = KINDS.get(target.suffix.lower())
    if kind is None:
        raise BadImage(f"{target} must end in {', '.join(KINDS)} for a clip, or be a folder for its frames")
    if codec == "ffv1" and kind != "matroska":
        raise BadImage(f"{target.suffix} cannot hold FFV1; end the name of {target} in .mkv")
    lost = []
    with clip.opened() as (container, stream):
        for other in container.streams:
            if other.index == stream.index or holds(kind, other) or (other.type == "data" and container.chapters()):
                continue  # chapters have a stream of their own in MP4
            if other.type in ("audio", "subtitle") and kind != "matroska" and holds("matroska", other):
                codec = other.codec_context.name if other.codec_context else "unknown"
                raise BadImage(
                    f"{target.suffix} cannot hold the {other.type} of {clip.name} ({codec}); end the name in .mkv"
                )
            lost.append(f"a stream was not kept, because {target.suffix} cannot hold it: {other.type}")
    return lost


def holds(kind: str, stream: Any) -> bool:
    """Whether a format can hold a stream as it is."""
    if stream.type == "attachment":
        return kind == "matroska"
    if stream.codec_context is None:
        return False
    trial = av.open(BytesIO(), "w", format=kind)
    try:
        trial.add_stream_from_template(stream, opaque=True)
        trial.start_encoding()  # writes the header, which some muxers refuse
        trial.close()
    except (ValueError, av.FFmpegError):
        return False
    return True


def ending_for(path: Path, codec: str) -> str:
    """The ending of the default result: that of the clip if it can be written, else one that holds everything."""
    if codec == "ffv1":
        return ".mkv"
    if path.is_dir():
        return ".mp4"
    if path.suffix.lower() in KINDS:
        return path.suffix
    with opened(path, str(path)) as (container, stream):
        others = [each for each in container.streams if each.index != stream.index and each.type != "data"]
        return ".mp4" if all(holds("mp4", each) for each in others) else ".mkv"


def join(clip: Clip, parts: Parts, path: Path, kind: str, span: Span) -> list[str]:
    """Write the clip of all finished segments to `path`; what could not be kept exactly, in sentences."""
    with ExitStack() as stack:
        source, stream = stack.enter_context(clip.opened())
        first = stack.enter_context(closing(av.open(str(parts.files()[0]))))
        clock, made = _Clock(clip, parts, kind, span), first.streams.video[0]
        options = OPTIONS[kind] | ({} if kind == "matroska" else {"movie_timescale": str(_finest(source, clock.tick))})
        result: Any = stack.enter_context(closing(av.open(str(path), "w", format=kind, container_options=options)))
        pictures = _add_pictures(result, made, stream, clip, clock)
        others = _add_others(result, source, stream)
        result.metadata.update(_kept(source.metadata))
        result.set_chapters(_chapters(source, clip, span))
        sound = _Others(source, others, clip, span)
        for packet in _pictures(parts, clock, made.codec_context.reorder_depth):
            for other in sound.before(packet.dts * packet.time_base):
                result.mux(other)
            packet.stream = pictures
            result.mux(packet)
        for other in sound.before(None):
            result.mux(other)
        size, codec = (made.height, made.width), made.name
    notes = clock.notes()
    if kind == "matroska" and codec == "ffv1" and clip.aspect != 1 and not put_aspect(path, size, clip.aspect):
        notes.append(f"the shape of pixels, {clip.aspect}, was not kept")
    return notes


def _finest(source: Any, tick: Fraction) -> int:
    """Ticks a second in which MP4 can say exactly when each stream starts."""
    ticks = tick.denominator
    for stream in source.streams:
        both = lcm(ticks, stream.time_base.denominator) if stream.time_base else ticks
        ticks = both if both <= FINEST else ticks
    return ticks


class _Clock:
    """Times of frames in the ticks of the result."""

    def __init__(self, clip: Clip, parts: Parts, kind: str, span: Span) -> None:
        self._clip, self._parts, self._span, self._matroska = clip, parts, span, kind == "matroska"
        self.adds_up = not self._matroska  # the durations of packets, in the order of decoding, to that of the clip
        alike = clip.times.alike
        fine = min(max(ROOM, alike), FINEST // clip.times.tick.denominator) if alike > 1 and not self._matroska else 1
        self.tick = MATROSKA_TICK if self._matroska else clip.times.tick / max(1, fine)
        self._lead = (alike - 1) if fine > 1 else 0
        self._off, self._alike = Fraction(0), alike

    def of(self, first: int, count: int) -> list[int]:
        """The times of frames of the result, by their numbers."""
        return [self._at(ticks) for ticks in self._parts.times(first, count)]

    def end(self) -> int:
        """The time after the last frame."""
        if self._span.end is None:
            return self._at(self._clip.times.end)
        return self._at(self._span.end)

    def decoding(self, at: int, last: int | None) -> int:
        """The time of decoding: before that of any frame that needs it, and after the last one."""
        return at - self._lead if last is None else max(at - self._lead, last + (0 if self._matroska else 1))

    def notes(self) -> list[str]:
        """What the format could not keep."""
        if self._off == 0:
            return []
        return [
            f"Matroska keeps times in milliseconds: times were rounded by up to {1000 * float(self._off):.2f} ms;"
            " .mp4 and .mov keep them exactly"
        ]

    def _at(self, ticks: int) -> int:
        exact = (ticks - self._span.start) * self._clip.times.tick / self.tick
        at = round(exact)
        self._off = max(self._off, abs(at - exact) * self.tick)
        return at


def _add_pictures(result: Any, made: Any, stream: Any, clip: Clip, clock: _Clock) -> Any:
    pictures = result.add_stream_from_template(made, opaque=True)
    pictures.time_base = clock.tick
    pictures.codec_context.framerate = clip.rate.limit_denominator(100_000)
    pictures.metadata.update(_kept(stream.metadata))
    pictures.disposition = stream.disposition
    if clip.matrix:
        pictures.set_display_matrix(clip.matrix)
    return pictures


def _add_others(result: Any, source: Any, stream: Any) -> dict[int, Any]:
    """The streams that are copied, by the index of the source."""
    others = {}
    for other in source.streams:
        if other.index == stream.index or not holds(result.format.name, other):
            continue
        if other.type == "attachment":
            result.add_attachment(other.name or "attachment", other.mimetype or "", other.data)
            continue
        copied = result.add_stream_from_template(other, opaque=True)
        copied.metadata.update(_kept(other.metadata))
        copied.disposition = other.disposition
        others[other.index] = copied
    return others


def _kept(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name.lower() not in MADE_BY_MUXERS}


def _chapters(source: Any, clip: Clip, span: Span) -> list[dict[str, Any]]:
    """The chapters of the span, counted from its start."""
    start, chapters = span.start * clip.times.tick, []
    end = None if span.end is None else span.end * clip.times.tick
    for chapter in source.chapters():
        tick = chapter["time_base"]
        opens, closes = chapter["start"] * tick - start, chapter["end"] * tick - start
        if closes <= 0 or (end is not None and opens >= end - start):
            continue
        opens, closes = max(opens, Fraction(0)), closes if end is None else min(closes, end - start)
        chapters.append({**chapter, "start": round(opens / tick), "end": round(closes / tick)})
    return chapters


class _Others:
    """The packets of the copied streams, in the order of the file."""

    def __init__(self, source: Any, streams: dict[int, Any], clip: Clip, span: Span) -> None:
        self._packets, self._next = self._all(source, streams, clip, span), None
        self._ended = False

    def before(self, time: Fraction | None) -> Iterator[Any]:
        """The packets up to a time; None: all that are left."""
        while not self._ended:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None:
                self._ended = True
                return
            if time is not None and self._next.dts * self._next.time_base > time:
                return
            packet, self._next = self._next, None
            yield packet

    @staticmethod
    def _all(source: Any, streams: dict[int, Any], clip: Clip, span: Span) -> Iterator[Any]:
        start = span.start * clip.times.tick
        end = None if span.end is None else span.end * clip.times.tick
        chosen = [stream for stream in source.streams if stream.index in streams]
        shifts = {each.index: origin_of(source, each) + round(start / each.time_base) for each in chosen}
        early: dict[int, int] = {}
        for packet in source.demux(chosen) if chosen else ():
            if packet.dts is None and packet.pts is None:
                if packet.size == 0:  # it ends a stream
                    continue
                packet.pts = shifts[packet.stream_index]  # of a picture of the cover, which has no time
            if packet.size == len(SILENCE) and bytes(packet) == SILENCE and packet.stream.type == "subtitle":
                continue  # the muxer writes these itself
            index = packet.stream_index
            packet.pts = packet.dts if packet.pts is None else packet.pts
            if packet.dts is None:  # Matroska does not say when the first pictures of a second video are decoded
                early.setdefault(index, packet.pts - _depth(packet.stream))
                packet.dts, early[index] = early[index], early[index] + 1
            at = (packet.pts - shifts[index] + round(start / packet.time_base)) * packet.time_base
            if (end is not None and at >= end) or (span.start and at < start):
                continue
            packet.pts, packet.dts = packet.pts - shifts[index], packet.dts - shifts[index]
            packet.stream = streams[index]
            yield packet


def _depth(stream: Any) -> int:
    return stream.codec_context.reorder_depth if stream.type == "video" else 0


def _pictures(parts: Parts, clock: _Clock, depth: int) -> Iterator[Any]:
    """The packets of all segments, in the order of decoding, with the times of the clip."""
    done, first, last, files = 0, None, None, parts.files()
    for path in files:
        with closing(av.open(str(path))) as file:
            stream = file.streams.video[0]
            packets = [packet for packet in file.demux(stream) if packet.pts is not None]
            for number, packet in enumerate(_timed(packets, clock, done, depth), 1):
                packet.dts = last = min(clock.decoding(packet.dts, last), packet.pts)
                first = last if first is None else first
                if clock.adds_up and path == files[-1] and number == len(packets):
                    packet.duration = max(packet.duration, clock.end() - clock.of(0, 1)[0] - (last - first))
                yield packet
            done += len(packets)


def _timed(packets: Sequence[Any], clock: _Clock, done: int, depth: int) -> Iterator[Any]:
    """The packets of one segment; decoding is `depth` frames ahead of display."""
    early = max(0, done - depth)
    times = clock.of(early, len(packets) + done - early + 1)
    after = times[done - early + len(packets)] if len(times) > done - early + len(packets) else clock.end()
    here = [*times[done - early : done - early + len(packets)], after]
    gap = max(1, here[1] - here[0])
    for number, packet in enumerate(packets):
        index = packet.pts
        before = done + number - depth
        packet.dts = times[before - early] if before >= 0 else here[0] + before * gap
        packet.pts, packet.duration = here[index], max(0, here[index + 1] - here[index])
        packet.time_base = clock.tick
        yield packet
