"""Clips to train on: runs of consecutive frames, side by side as the channels of one array.

Frames are read by OpenCV, as photographs are, so training needs neither libvips nor PyAV.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import RestoraError
from restora.data.photographs import Photograph, locate

ENDINGS = {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"}


def clip_files(folder: str, licence: str) -> list[Photograph]:
    """The clips of a folder, sorted by name. Raises RestoraError if there are none."""
    place = locate(folder)
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in ENDINGS) if place.is_dir() else []
    if not found:
        raise RestoraError(f"{place} holds no clips ({', '.join(sorted(ENDINGS))})")
    return [Photograph(path, sha256(path), licence) for path in found]


def runs_of(path: Path, frames: int, count: int, shrink: int, at: float | None = None) -> list[np.ndarray]:
    """About `count` runs of `frames` consecutive frames, spread over a clip: (H, W, 3 * frames) uint8 each.

    shrink: factor by which frames are shrunk, by averaging. at: the place of a single run, 0 to 1. Raises RestoraError
    for a file that is no clip.
    """
    last = max(0, sum(1 for _ in _decoded(path)) - frames)
    starts = {round(start) for start in np.linspace(0, last, count)} if at is None else {round(at * last)}
    runs: list[np.ndarray] = []
    pending: list[list[np.ndarray]] = []
    for index, frame in enumerate(_decoded(path)):
        if index in starts:
            pending.append([])
        if not pending:
            continue
        pixels = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if shrink > 1:
            size = pixels.shape[1] // shrink, pixels.shape[0] // shrink
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        for run in pending:
            run.append(pixels)
        runs += [np.dstack(run) for run in pending if len(run) == frames]
        pending = [run for run in pending if len(run) < frames]
    return runs


def _decoded(path: Path) -> Iterator[np.ndarray]:
    """The frames (H, W, 3) uint8, blue first. Raises RestoraError if there are none."""
    clip = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    there, frame = clip.read()
    if not there:
        raise RestoraError(f"{path} is no clip that can be trained on")
    while there:
        yield frame
        there, frame = clip.read()
