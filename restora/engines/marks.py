"""The mask of the marks on a photograph, from a net that gives each pixel a probability.

The picture is searched at its own size, and shrunk by 2, 4 and so on, because the net knows marks of some pixels only.
The windows overlap by the halo of the net, so tiles do not show. A mark counts if it is sure somewhere; what is only
likely counts where it is connected to it.
"""

import cv2
import numpy as np

from restora.engines.choice import Engine
from restora.engines.tiling import Read, around, cores, restore_piece

LIKELY, SURE = 0.4, 0.8
"""Probabilities from which a pixel may belong to a mark, and from which it makes a mark of those connected to it."""
LEAST = 3.0
"""Least sum of the probabilities of the pixels of a mark."""
COARSE = 800
"""Pixels: a picture is also searched at half the size, and so on, as long as its longer side has this many there."""
TILE = 512
STRIP = 64
"""Rows of a shrunk picture that are read at once."""
RIM = 1
"""Pixels by which what was found is enlarged: the edges of a mark are soft."""


def marks_of(read: Read, size: tuple[int, int], engine: Engine, halo: int, multiple: int) -> np.ndarray:
    """The mask (H, W) bool of a picture of a (height, width), True = marked; `read` reads windows of it.

    engine, halo, multiple: of a net that takes three channels and gives one plane of probabilities.
    """
    mask = np.zeros(size, bool)
    shrink = 1
    while shrink == 1 or max(size) >= COARSE * shrink:
        small = size[0] // shrink, size[1] // shrink
        if min(small) < 1:
            break
        likely = _likely(_shrunk(read, shrink), small, engine, halo, multiple)
        marked = sure_of(likely)
        if marked.any():
            large = np.repeat(np.repeat(marked, shrink, 0), shrink, 1)
            mask[: large.shape[0], : large.shape[1]] |= large[: size[0], : size[1]]
        shrink *= 2
    return mask


def sure_of(likely: np.ndarray) -> np.ndarray:
    """The marks (H, W) bool among probabilities (H, W) of 0 to 255."""
    candidates = (likely >= 255 * LIKELY).astype(np.uint8)
    count, labels = cv2.connectedComponents(candidates)
    inside = candidates.astype(bool)
    which, level = labels[inside], likely[inside]
    most = np.zeros(count, np.uint8)
    np.maximum.at(most, which, level)
    keep = (most >= 255 * SURE) & (np.bincount(which, level, count) >= 255 * LEAST)
    keep[0] = False
    around_it = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    return cv2.dilate(keep[labels].astype(np.uint8), around_it).astype(bool)


def _likely(read: Read, size: tuple[int, int], engine: Engine, halo: int, multiple: int) -> np.ndarray:
    """The probabilities (H, W), 0 to 255, of all pixels."""
    likely = np.zeros(size, np.uint8)

    def run(window: np.ndarray) -> np.ndarray:
        y = np.broadcast_to(window, (*window.shape[:2], 3)).transpose(2, 0, 1)[None]
        return engine({"y": np.ascontiguousarray(y)})["x_hat"][0].transpose(1, 2, 0)

    for core in cores(*size, (TILE, TILE)):
        found = restore_piece(around(core, size, halo, multiple), read, run, multiple)
        top, left, height, width = core
        likely[top : top + height, left : left + width] = np.rint(255 * found[:, :, 0])
    return likely


def _shrunk(read: Read, shrink: int) -> Read:
    """Reading windows of the picture shrunk by averaging."""
    if shrink == 1:
        return read

    def rows(top: int, left: int, height: int, width: int) -> np.ndarray:
        part = read(shrink * top, shrink * left, shrink * height, shrink * width)
        return part.reshape(height, shrink, width, shrink, -1).mean((1, 3), dtype=np.float32)

    def window(top: int, left: int, height: int, width: int) -> np.ndarray:
        strips = [
            rows(start, left, min(STRIP, top + height - start), width) for start in range(top, top + height, STRIP)
        ]
        return np.concatenate(strips)

    return window
