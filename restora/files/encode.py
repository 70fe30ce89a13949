"""Encode frames: in which format and with which options, and one segment of a clip after the other.

A segment is encoded by an encoder of its own. So it does not depend on when a run was stopped and resumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from restora.core.errors import BadKnob
from restora.core.processor import has_avx512
from restora.files.clip import Clip, writing_clip
from restora.files.disk import sync
from restora.files.yuv import Layout, frame_of

CODECS = ("h264", "ffv1")
PRESETS = ("medium", "fast", "faster", "veryfast", "superfast", "ultrafast")
"""How much time x264 takes to make a file of some quality small, from most to least."""
SEGMENT = 96
"""Frames of a segment: about four seconds, as much as is done again if a run is stopped."""
INDEX = Fraction(1, 1000)
"""The time of a frame in the file of a segment is its number there, in the ticks of Matroska."""
THREADS = "4"
"""Of the encoder; another number would give other bits."""
REPEATABLE = ["asm=AVX2"] if has_avx512() else []
"""With AVX-512, x264 (core 165) gives other bits each time for some sizes; it is no faster."""
USUAL = ((2, 2), (1, 2), (1, 1))
"""How H.264 can share chroma."""


@dataclass(frozen=True)
class Coding:
    """How the frames of a result are stored: the encoder with its options, and the layout of the values."""

    encoder: str
    layout: Layout
    options: Mapping[str, str]
    notes: tuple[str, ...] = ()


def coding_for(
    clip: Clip, size: tuple[int, int], codec: str = "h264", quality: int = 95, preset: str = PRESETS[0]
) -> Coding:
    """The coding of a result of (height, width) that keeps the format of a clip as far as the codec can.

    quality: of H.264, 1 to 100; 95 is a rate factor (CRF) of 16, and 100 is lossless. preset: of H.264, one of PRESETS.
    Raises BadKnob for other codecs and presets.
    """
    if preset not in PRESETS:
        raise BadKnob(f"the preset of H.264 must be one of {', '.join(PRESETS)}, not {preset!r}")
    if codec == "ffv1":
        return Coding("ffv1", clip.layout, {"level": "3", "slicecrc": "1", "threads": THREADS})
    if codec != "h264":
        raise BadKnob(f"the codec of a clip must be {' or '.join(CODECS)}, not {codec!r}")
    layout, notes = clip.layout, []
    if layout.family == "rgb":
        layout = replace(layout, family="yuv", full=False, matrix=1)
        notes.append(f"H.264 stores {clip.stored} as luma and colour differences of BT.709; --codec ffv1 keeps RGB")
    if layout.bits not in (8, 10):
        layout = replace(layout, bits=10)
        if clip.layout.bits > 10:
            notes.append(
                f"H.264 holds 10 bits per value, not the {clip.layout.bits} of the clip; --codec ffv1 keeps all"
            )
    rows, columns = layout.shrunk
    if layout.shrunk not in USUAL or size[0] % rows or size[1] % columns:
        layout = replace(layout, shrunk=(1, 1))
        why = "an odd size" if clip.layout.shrunk in USUAL else clip.stored
        notes.append(f"H.264 has no chroma of half size for {why}, so it was stored at full size (4:4:4)")
    rate = {"qp": "0"} if quality == 100 else {"crf": f"{min(51, 12 + 0.8 * (100 - quality)):g}"}
    fields = [] if clip.upper is None or clip.deinterlace else ["tff=1" if clip.upper else "bff=1"]
    own = {"x264-params": ":".join([*fields, *REPEATABLE])} if fields or REPEATABLE else {}
    return Coding("libx264", layout, rate | {"preset": preset, "threads": THREADS} | own, tuple(notes))


class Segment:
    """A file of frames, encoded on their own."""

    def __init__(self, path: Path, coding: Coding, clip: Clip, size: tuple[int, int]) -> None:
        self._path, self._coding, self.frames = path, coding, 0
        self._file: Any = av.open(str(path), "w", format="matroska")
        rate = clip.rate.limit_denominator(100_000)
        self._stream: Any = self._file.add_stream(coding.encoder, rate=rate, options=dict(coding.options))
        context: Any = self._stream.codec_context
        # FFV1 has no planes of 8 bits for RGB.
        self._form = "bgr0" if (coding.encoder, coding.layout.name) == ("ffv1", "gbrp") else coding.layout.name
        context.height, context.width, context.pix_fmt = *size, self._form
        context.time_base, self._tick = 1 / rate, 1 / rate
        context.sample_aspect_ratio = clip.aspect
        _, _, context.color_primaries, context.color_trc = clip.colour
        context.color_range, context.colorspace = 2 if coding.layout.full else 1, coding.layout.matrix
        if clip.colour[0] == 0 and not coding.layout.full:
            context.color_range = 0
        if clip.upper is not None:
            context.field_order = 1 if clip.deinterlace else 2 if clip.upper else 3

    def put(self, pixels: np.ndarray) -> None:
        """Encode the next frame (H, W, C). Raises BadImage if it cannot be written."""
        frame = frame_of(pixels, self._coding.layout).reformat(format=self._form)
        frame.pts, frame.time_base = self.frames, self._tick
        self.frames += 1
        self._write(frame)

    def close(self) -> None:
        """Encode what the encoder still holds, and make the file durable. Raises BadImage if it cannot be written."""
        if self.frames:
            self._write(None)
        with writing_clip(self._path):
            self._file.close()
            sync(self._path)

    def _write(self, frame: av.VideoFrame | None) -> None:
        with writing_clip(self._path):
            for packet in self._stream.encode(frame):
                packet.time_base = INDEX
                self._file.mux(packet)
