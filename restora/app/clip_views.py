"""Clips as a browser displays them: small files in H.264 that all browsers play, and a frame as a picture."""

from contextlib import closing
from itertools import chain
from math import atan2, pi
from pathlib import Path

import av
import numpy as np

from restora.core.image import Image
from restora.files.clip import Clip, writing_clip
from restora.files.save import write

SIDE = 1280
"""Longest side of such a file in pixels."""
OPTIONS = {"crf": "18", "preset": "veryfast"}
"""Of x264: near to the frames themselves."""


def upright(pixels: np.ndarray, clip: Clip) -> np.ndarray:
    """A frame (H, W, C) as it is shown: turned, and three channels of 0..1."""
    turns = round(-atan2(clip.matrix[1], clip.matrix[0]) / (pi / 2)) if clip.matrix else 0
    values = np.rot90(pixels, turns).clip(0, 1)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def write_still(clip: Clip, number: int, target: Path) -> None:
    """Write a frame, by its number, as a picture in full size."""
    frame = next(clip.frames(number, 1))
    write(Image(upright(frame.pixels, clip)), target)


def write_shown(clip: Clip, span: tuple[int, int], target: Path) -> None:
    """Write frames of a clip, from the first one on and so many, in a form that all browsers play; without sound."""
    frames = (upright(frame.pixels, clip) for frame in clip.frames(*span))
    first = next(frames)
    height, width = _size(first.shape[:2], clip)
    opened = av.open(str(target), "w", format="mp4", options={"movflags": "faststart"})
    with writing_clip(target), closing(opened) as file:
        video = file.add_stream("libx264", rate=clip.rate.limit_denominator(1001), options=OPTIONS)
        context = video.codec_context
        context.height, context.width, context.pix_fmt, context.colorspace = height, width, "yuv420p", 1
        for number, pixels in enumerate(chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(np.rint(255 * pixels).astype(np.uint8), "rgb24")
            shown = frame.reformat(width, height, "yuv420p", dst_colorspace="itu709", dst_color_range="MPEG")
            shown.pts = number
            file.mux(video.encode(shown))
        file.mux(video.encode(None))


def _size(shape: tuple[int, int], clip: Clip) -> tuple[int, int]:
    """The (height, width) at which frames of a shape are displayed, even numbers; its pixels may not be square."""
    height, width = shape
    turned = clip.matrix is not None and shape != clip.shape[:2]
    aspect = float(1 / clip.aspect if turned else clip.aspect)
    wide = width * aspect
    scale = min(1.0, SIDE / max(height, wide))
    return max(2, round(height * scale / 2) * 2), max(2, round(wide * scale / 2) * 2)
