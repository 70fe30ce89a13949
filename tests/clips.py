"""Small clips that tests make, and what two clips have in common."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import Type

WIDTH, HEIGHT = 64, 48
BITS = 8
"""Blocks in which the number of a frame is drawn, as a binary number."""


@dataclass(frozen=True)
class Spec:
    """A clip to be made: times in ticks, and how it is stored."""

    times: list[int]
    tick: Fraction
    ending: str = ".mp4"
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: dict = field(default_factory=dict)
    size: tuple[int, int] = (HEIGHT, WIDTH)
    sound: tuple = ()  # (codec, start in seconds, language)
    subtitles: str = ""  # codec
    chapters: tuple = ()  # (start, end in seconds, title)
    colour: tuple = (0, 2, 2, 2)  # range, matrix, primaries, transfer
    aspect: Fraction | None = None
    matrix: tuple | None = None
    tags: dict = field(default_factory=dict)
    upper: bool | None = None


def drawn(number, size=(HEIGHT, WIDTH)):
    """A frame (H, W, 3) uint8: a gradient, a moving square, and its number."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    frame = np.stack([60 + rows, 60 + columns, 180 - rows], 2).astype(np.uint8)
    left = 3 * number % (width - 12)
    frame[height // 2 : height // 2 + 12, left : left + 12] = (200, 60, 40)
    for bit in range(BITS):
        frame[:12, bit * width // BITS : (bit + 1) * width // BITS] = 220 if number >> bit & 1 else 30
    return frame


def number_in(pixels):
    """The number that is drawn in a frame (H, W, 3) on the 0..1 scale; None for a black or white one."""
    height, width = pixels.shape[:2]
    blocks = [pixels[2:9, bit * width // BITS + 2 : (bit + 1) * width // BITS - 2].mean() for bit in range(BITS)]
    scale = width // WIDTH
    if scale > 1:  # enlarged
        blocks = [pixels[4:18, bit * width // BITS + 4 : (bit + 1) * width // BITS - 4].mean() for bit in range(BITS)]
    if pixels[-height // 4 :].mean() < 0.1:
        return None
    return sum(1 << bit for bit, mean in enumerate(blocks) if mean > 0.5)


def make(path, spec):
    """Write a clip."""
    exact = {"movie_timescale": "240000"} if spec.ending in (".mp4", ".mov") else {}
    with closing(av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled", **exact})) as file:
        rate = Fraction(1, 1) / (spec.tick * max(1, spec.times[1] - spec.times[0]))
        video = file.add_stream(spec.codec, rate=rate.limit_denominator(100_000), options=spec.options)
        context = video.codec_context
        context.height, context.width, context.pix_fmt = *spec.size, spec.pix_fmt
        context.time_base = video.time_base = spec.tick
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = spec.colour
        if spec.aspect:
            context.sample_aspect_ratio = spec.aspect
        if spec.upper is not None:
            context.field_order = 2 if spec.upper else 3
        if spec.matrix:
            video.set_display_matrix(spec.matrix)
        video.metadata.update(spec.tags)
        sounds = [_sound(file, *each) for each in spec.sound]
        words = _words(file, spec.subtitles) if spec.subtitles else None
        if spec.chapters:
            file.set_chapters(
                [{"id": number, "start": int(1000 * start), "end": int(1000 * end), "time_base": Fraction(1, 1000),
                  "metadata": {"title": title}} for number, (start, end, title) in enumerate(spec.chapters, 1)]
            )  # fmt: skip
        packets = _pictures(video, spec)
        for stream, start in sounds:
            packets += _samples(stream, start, spec)
        if words:
            packets += _lines(words, spec)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def _pictures(video, spec):
    packets = []
    for number, at in enumerate(spec.times):
        frame = av.VideoFrame.from_ndarray(drawn(number, spec.size), "rgb24")
        wide = {1: "itu709", 9: "bt2020"}.get(spec.colour[1], "itu601")
        frame = frame.reformat(
            format=spec.pix_fmt, dst_colorspace=wide, dst_color_range="JPEG" if spec.colour[0] == 2 else "MPEG"
        )
        frame.pts, frame.time_base = at, spec.tick
        packets += video.encode(frame)
    return packets + video.encode(None)


def _sound(file, codec, start, language):
    stream = file.add_stream(codec, rate=48000)
    stream.codec_context.layout = "mono"
    stream.metadata["language"] = language
    return stream, start


def _samples(stream, start, spec):
    seconds = float((spec.times[-1] - spec.times[0]) * spec.tick) + 0.1
    packets, rng = [], np.random.default_rng(stream.index)
    for number in range(int(seconds * 48000) // 1024 + 1):
        values = (0.2 * rng.standard_normal((1, 1024))).astype(np.float32)
        kind = stream.codec_context.format.name
        if kind.startswith("s16"):
            values = (values * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(values, kind, "mono")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = int(start * 48000) + 1024 * number
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _words(file, codec):
    return file.add_mux_stream(codec, time_base=Fraction(1, 1000))


def _lines(stream, spec):
    packets = []
    for number, text in enumerate((b"Eins", b"Zwei")):
        data = len(text).to_bytes(2, "big") + text if spec.subtitles == "mov_text" else text
        packet = av.Packet(data)
        packet.pts = packet.dts = 100 * number + 50
        packet.duration, packet.time_base, packet.stream = 60, Fraction(1, 1000), stream
        packets.append(packet)
    return packets


def facts(path):
    """What a viewer gets from a clip: times and numbers of frames, other streams, chapters, how it is shown."""
    with closing(av.open(str(path))) as file:
        video = file.streams.video[0]
        pictures = [(frame.pts * frame.time_base, number_in(_seen(frame)), frame) for frame in file.decode(video)]
        frame, context = pictures[-1][2], video.codec_context
        matrix = frame.side_data.get(Type.DISPLAYMATRIX)
        found = {
            "times": [at for at, _, _ in pictures],
            "numbers": [number for _, number, _ in pictures],
            "size": (frame.height, frame.width),
            "aspect": video.sample_aspect_ratio or Fraction(1),
            "colour": (context.color_range, context.colorspace, context.color_primaries, context.color_trc),
            "pix_fmt": frame.format.name.replace("yuvj", "yuv"),
            "turned": frame.rotation,
            "matrix": bytes(matrix) if matrix else None,
            "upper": context.field_order if context.field_order > 1 else None,
            "duration": video.duration and video.duration * video.time_base,
            "tags": {name: value for name, value in video.metadata.items() if name in ("language", "title")},
        }
    with closing(av.open(str(path))) as file:
        tick = Fraction(1, 1_000_000)
        found["chapters"] = [
            (int(each["start"] * each["time_base"] / tick), int(each["end"] * each["time_base"] / tick),
             each["metadata"].get("title")) for each in file.chapters()
        ]  # fmt: skip
        others = [stream for stream in file.streams if stream.type in ("audio", "subtitle")]
        kinds = [(each.type, each.codec_context.name, each.language) for each in others]
        packets = {each.index: [] for each in others}
        for packet in file.demux(others) if others else ():
            if packet.pts is not None:
                packets[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
        found["others"] = list(zip(kinds, packets.values(), strict=True))
    return found


def _seen(frame):
    return frame.to_ndarray(format="rgb24").astype(np.float32) / 255


def differences(one, two):
    """The names of the facts in which two clips differ."""
    return [name for name, value in facts(one).items() if facts(two)[name] != value]


def complete(numbers):
    """Whether every number from 0 on is there exactly once and in order."""
    return list(numbers) == list(range(len(numbers))) and max(Counter(numbers).values()) == 1


def write_frames(path, frames, layout=None):
    """Write frames (H, W, 3) on the 0..1 scale, in FFV1, at 25 a second."""
    from restora.files.yuv import Layout, frame_of

    layout = layout or Layout("yuv", 8, (1, 1), matrix=1)
    with closing(av.open(str(path), "w")) as file:
        video = file.add_stream("ffv1", rate=25, options={"level": "3"})
        context = video.codec_context
        context.height, context.width, context.pix_fmt = *frames[0].shape[:2], layout.name
        context.color_range, context.colorspace = 2 if layout.full else 1, layout.matrix
        for number, pixels in enumerate(frames):
            frame = frame_of(pixels, layout)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in video.encode(frame):
                file.mux(packet)
        for packet in video.encode(None):
            file.mux(packet)
