"""Scene cuts of a clip, found while its frames pass, by FFmpeg's filter scdet.

PySceneDetect was considered: its package brings another build of OpenCV, which overwrites the one with FSR.
"""

from fractions import Fraction

import av
import cv2
import numpy as np

SCORE = 12.0
"""The change, in hundredths of the range, that two frames of one scene do not reach: FFmpeg suggests 8 to 14."""
SIDE = 320
"""Pixels: frames are shrunk until they are no wider."""


class Cuts:
    """Called with each frame in order; says whether a new scene begins with it."""

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def __call__(self, pixels: np.ndarray) -> bool:
        """pixels: (H, W, C) float32 on the 0..1 scale; all frames have one size."""
        times = max(1, -(-pixels.shape[1] // SIDE))
        small = pixels[::times, ::times] if times > 1 else pixels
        eight_bit = np.rint(small.clip(0, 1) * 255).astype(np.uint8)
        colours = cv2.cvtColor(eight_bit, cv2.COLOR_GRAY2RGB) if eight_bit.shape[2] == 1 else eight_bit
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colours), format="rgb24")
        frame.pts, frame.time_base = self._count, Fraction(1, 25)
        self._count += 1
        if self._graph is None:
            self._graph = _graph(frame.width, frame.height)
        self._graph.push(frame)
        return float(self._graph.pull().metadata["lavfi.scd.score"]) >= SCORE


def _graph(width: int, height: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    form = av.VideoFormat("rgb24", width, height)
    source = graph.add_buffer(width=width, height=height, format=form, time_base=Fraction(1, 25))
    detector, sink = graph.add("scdet"), graph.add("buffersink")
    source.link_to(detector)
    detector.link_to(sink)
    graph.configure()
    return graph
