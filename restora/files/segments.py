"""Write the frames of a clip into one segment after the other."""

import numpy as np

from restora.files.clip import Clip, Frame
from restora.files.clip_parts import Parts
from restora.files.encode import Coding, Segment
from restora.files.frames import PictureSegment


class Segments:
    """Writes frames of (height, width) into segments of `length` frames; pictures: into folders of pictures."""

    def __init__(
        self, parts: Parts, clip: Clip, coding: Coding, size: tuple[int, int], length: int, pictures: bool
    ) -> None:
        self._parts, self._clip, self._coding, self._size = parts, clip, coding, size
        self._length, self._pictures = length, pictures
        self._open: Segment | PictureSegment | None = None
        self._times: list[int] = []

    def put(self, made: tuple[Frame, np.ndarray]) -> None:
        """The next frame, with the pixels (H, W, C) of the result."""
        frame, x_hat = made
        if self._open is None:
            path = self._parts.path(self._parts.done)
            self._open = (
                PictureSegment(path, self._clip)
                if self._pictures
                else Segment(path, self._coding, self._clip, self._size)
            )
        self._open.put(x_hat)
        self._times.append(int(frame.pts / self._clip.times.tick))
        if len(self._times) == self._length:
            self.end()

    def end(self, durable: bool = True) -> None:
        """End the segment. Not durable: it is written, but made again if the run is resumed."""
        if self._open:
            self._open.close()
            self._parts.add(self._times, durable)
        self._open, self._times = None, []
