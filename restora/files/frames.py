"""A clip as a folder of pictures, 000001.png and so on, with the times of the frames in times.csv."""

from pathlib import Path
from shutil import copyfile, rmtree

import numpy as np

from restora.core.image import Image, Meta
from restora.files.clip import Clip
from restora.files.clip_parts import Parts
from restora.files.disk import writing
from restora.files.save import write, write_text

TIMES = "times.csv"


class PictureSegment:
    """A folder of frames."""

    def __init__(self, path: Path, clip: Clip) -> None:
        self._path, self._bits, self.frames = path, 8 if clip.layout.bits == 8 else 16, 0
        if path.exists():
            rmtree(path)
        path.mkdir()

    def put(self, pixels: np.ndarray) -> None:
        """Write the next frame (H, W, C)."""
        self.frames += 1
        write(Image(pixels, meta=Meta(bits=self._bits)), self._path / f"{self.frames:06d}.png")

    def close(self) -> None:
        """Nothing is left to do."""


def gather(clip: Clip, parts: Parts, target: Path) -> None:
    """Make a folder of the frames of all segments and their times in seconds, as fractions; it is renamed at the end.

    Raises BadImage if it cannot be written.
    """
    folder, done, lines = parts.folder / "result", 0, ["frame,seconds"]
    with writing(target):
        folder.mkdir()
        for path in parts.files():
            pictures = sorted(path.glob("*.png"))
            for number, picture in enumerate(pictures, done + 1):
                _same(picture, folder / f"{number:06d}.png")
            times = parts.times(done, len(pictures))
            lines += [f"{number},{at * clip.times.tick}" for number, at in enumerate(times, done + 1)]
            done += len(pictures)
        write_text("\n".join(lines), folder / TIMES)
        if target.is_dir():
            target.rmdir()  # it is empty
        folder.rename(target)


def _same(picture: Path, other: Path) -> None:
    """Another name for a file, or a copy where the disk has no second names."""
    try:
        other.hardlink_to(picture)
    except OSError:
        copyfile(picture, other)
