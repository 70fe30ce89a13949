"""The mask of the marks on a photograph, from a net that gives each pixel a probability.

The picture is searched at its own size, and shrunk by 2, 4 and so on, because the net knows marks of some pixels only.
The windows overlap by the halo of the net, so tiles do not show. Connected pixels are a mark if they are probable in
the mean; and the whole counts as marked only if it is mostly clear what is a mark and what is not.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from restora.engines.choice import Engine
from restora.engines.tiling import Read, around, cores, restore_piece

LIKELY, SURE = 0.3, 0.85
"""Probability from which connected pixels may be a mark, and the mean of theirs from which they are one."""
CORE = 0.7
"""Probability from which a pixel of a mark is filled: at its sides, things of the scene are taken along."""
LEAST = 6.0
"""Least sum of the probabilities of the pixels of a mark."""
DOUBT, CERTAIN, SHARE, FEW = 0.1, 0.45, 0.001, 5
"""A picture counts as marked if at least CERTAIN of its pixels with a probability of DOUBT or more are in marks, they
are at least this SHARE of it, and there are at least this FEW marks. Where texture looks like marks, most probabilities
are between no and yes; and a scratch seldom comes alone, while a thin thing of the scene does."""
EVEN = 0.4
"""Share of pixels that equal their neighbours from which a picture is a drawing or a page, whose lines are no marks."""
COARSE = 800
"""Pixels: a picture is also searched at half the size, and so on, as long as its longer side has this many there."""
TILE = 512
STRIP = 64
"""Rows of a shrunk picture that are read at once."""
RIM = 2
"""Pixels by which what was found is enlarged: the edges of a mark are soft."""


def marks_of(read: Read, size: tuple[int, int], engine: Engine, halo: int, multiple: int) -> np.ndarray:
    """The mask (H, W) bool of a picture of a (height, width), True = marked; `read` reads windows of it.

    engine, halo, multiple: of a net that takes three channels and gives one plane of probabilities.
    """
    mask = np.zeros(size, bool)
    if drawn(read(top, 0, min(STRIP, size[0] - top), size[1]) for top in range(0, size[0], STRIP)):
        return mask
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
    """The marks (H, W) bool among probabilities (H, W) of 0 to 255; none if it is doubtful that there are any."""
    found = candidates(likely)
    if not certain([likely], [found]):
        return np.zeros(likely.shape, bool)
    near = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    return cv2.dilate((found & (likely >= 255 * CORE)).astype(np.uint8), near).astype(bool)


def candidates(likely: np.ndarray) -> np.ndarray:
    """The connected pixels (H, W) bool that are marks by themselves, among probabilities (H, W) of 0 to 255."""
    inside = likely >= 255 * LIKELY
    count, labels = cv2.connectedComponents(inside.astype(np.uint8))
    which = labels[inside]
    total, number = np.bincount(which, likely[inside], count), np.bincount(which, minlength=count)
    keep = (total >= 255 * LEAST) & (total >= 255 * SURE * number)
    keep[0] = False
    found: np.ndarray = keep[labels]
    return found


def certain(likely: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> bool:
    """Whether the candidates that were found in parts of a picture are marks, and not texture that looks like them."""
    marked = sum(int(mask.sum()) for mask in found)
    number = sum(cv2.connectedComponents(mask.astype(np.uint8))[0] - 1 for mask in found)
    doubtful = sum(int((part >= 255 * DOUBT).sum()) for part in likely)
    enough = marked >= SHARE * sum(part.size for part in likely) and number >= FEW
    return enough and marked >= CERTAIN * doubtful


def drawn(parts: Iterable[np.ndarray]) -> bool:
    """Whether parts (h, w, C) are of a drawing: most of it is of exactly one tone, as no photograph is."""
    alike = total = 0
    for part in parts:
        here = part[:-1, :-1]
        same = (here == part[1:, :-1]).all(2) & (here == part[:-1, 1:]).all(2)
        alike, total = alike + int(same.sum()), total + same.size
    return alike > EVEN * max(1, total)


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
