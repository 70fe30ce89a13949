"""Whether the disk has room for a clip: estimated before any frame is restored, from a few frames of the source."""

import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av

from restora.files.clip import Clip
from restora.files.disk import check_room
from restora.files.encode import SEGMENT, Coding, Segment, coding_for
from restora.files.frames import PictureSegment

SAMPLED = 12
"""Frames that are encoded for an estimate."""


def check_clip_room(
    target: Path, clip: Clip, coding: Coding | None, size: tuple[int, int], frames: tuple[int, int]
) -> None:
    """Raise BadImage if a result of (height, width) does not fit the disk.

    coding: of the result; None: it is a folder of pictures. frames: of the result, and how many of them are on the disk
    already, as segments of a run that is resumed. A clip is there twice while it is joined from its segments. The
    estimate is that of a few frames of the source, encoded as they are: what is restored has less noise, and so is
    mostly smaller. What is copied, such as sound, is not counted.
    """
    total, done = frames
    times = total - done + (total if coding else 0)  # pictures are not copied
    bits = (coding.layout if coding else clip.layout).bits
    without_compression = size[0] * size[1] * 3 * (2 if bits > 8 else 1)
    if shutil.disk_usage(target.parent).free >= without_compression * times:
        return
    with tempfile.TemporaryDirectory(prefix="restora-") as folder:
        a_frame = _bytes_of_frame(clip, coding, Path(folder)) * size[0] * size[1] / (clip.shape[0] * clip.shape[1])
    check_room(target.parent, round(min(a_frame, without_compression) * times), f"{target.name} with its segments")


def _bytes_of_frame(clip: Clip, coding: Coding | None, folder: Path) -> float:
    """The mean bytes of a frame of the size of the source, in a segment of usual length."""
    frames = clip.frames(count=SAMPLED if coding else 1)
    if coding is None:
        pictures = PictureSegment(folder / "pictures", clip)
        pictures.put(next(frames).pixels)
        return sum(path.stat().st_size for path in (folder / "pictures").iterdir())
    own = coding_for(clip, clip.shape[:2], "ffv1") if coding.encoder == "ffv1" else coding_for(clip, clip.shape[:2])
    segment = Segment(folder / "segment", replace(own, options=coding.options), clip, clip.shape[:2])
    for frame in frames:
        segment.put(frame.pixels)
    segment.close()
    with closing(av.open(str(folder / "segment"))) as file:
        sizes = [packet.size for packet in file.demux(video=0) if packet.size]
    others = sizes[1:] or sizes
    return (sizes[0] + (SEGMENT - 1) * sum(others) / len(others)) / SEGMENT
