"""Find damaged regions in a picture of any size with a net that takes pictures of one size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from restora.core.errors import NotFinite
from restora.metrics.detection import overlaps

OVERLAP = 128
"""Pixels that neighbouring tiles share; a region that a tile cuts is found in its neighbour, or in a smaller view."""
CUT = 4
"""Distance in pixels from the inner border of a tile at which a box counts as cut."""
SAME, SAME_PLACE = 0.4, 0.6
"""Overlap from which two boxes of one class are one region, and two boxes of different classes."""
MIRRORED = 0.5
"""Overlap from which a box in a view and one in its mirror image are the same."""

Finder = Callable[[np.ndarray], np.ndarray]
"""y (1, 3, side, side) -> boxes (n, 6): top, left, height, width, class, score."""


@dataclass(frozen=True)
class View:
    """A tile of the picture shrunk by a factor; top, left, height and width in pixels of the shrunk picture."""

    shrink: int
    top: int
    left: int
    height: int
    width: int


def views(size: tuple[int, int], side: int) -> Iterator[View]:
    """The views of a picture: all of it in tiles of at most side x side, at full size, half, a quarter and so on.

    The last and smallest one shows the whole picture.
    """
    shrink = 1
    while True:
        height, width = (max(1, length // shrink) for length in size)
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield View(shrink, top, left, min(side, height - top), min(side, width - left))
        if max(height, width) <= side:
            return
        shrink *= 2


def _starts(length: int, side: int) -> Sequence[int]:
    """Starts of tiles that cover a length, evenly spaced, with an overlap."""
    if length <= side:
        return [0]
    count = -(-(length - OVERLAP) // (side - OVERLAP))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def find_regions(y: np.ndarray, finder: Finder, side: int, score: float) -> np.ndarray:
    """The damaged regions (n, 6) of y (H, W, C): top, left, height, width in pixels, class, score; the surest first.

    Each view is also shown mirrored: a box that is found in both ways gets the mean place and score, any other half of
    its score, so that chance counts less.
    score: the least score of a region. Raises NotFinite for boxes with NaN or infinity.
    """
    size, found = (y.shape[0], y.shape[1]), []
    for view in views(size, side):
        boxes = _seen_twice(_shown(y, view, side)[None], finder)
        boxes = _whole_ones(boxes[boxes[:, 5] >= score], view, size)
        boxes[:, :2] += view.top, view.left
        boxes[:, :4] *= view.shrink
        found.append(boxes)
    return _rounded(_distinct(np.concatenate(found)), size)


def _shown(y: np.ndarray, view: View, side: int) -> np.ndarray:
    """A view as the net takes it, (3, side, side); what lies beyond the picture is its mirror image."""
    times = view.shrink
    rows, columns = (
        slice(start * times, (start + length) * times)
        for start, length in ((view.top, view.height), (view.left, view.width))
    )
    part = y[rows, columns]
    if times > 1:
        part = cv2.resize(part, (view.width, view.height), interpolation=cv2.INTER_AREA).reshape(
            view.height, view.width, -1
        )
    part = np.broadcast_to(part, (*part.shape[:2], 3))
    beyond = ((0, side - view.height), (0, side - view.width), (0, 0))
    return np.ascontiguousarray(np.pad(part, beyond, mode="symmetric").transpose(2, 0, 1), np.float32)


def _seen_twice(tile: np.ndarray, finder: Finder) -> np.ndarray:
    """The boxes (n, 6) in a tile (1, 3, side, side) and in its mirror image, joined."""
    boxes, mirrored = finder(tile).astype(np.float64), finder(np.ascontiguousarray(tile[..., ::-1])).astype(np.float64)
    if not (np.isfinite(boxes).all() and np.isfinite(mirrored).all()):
        raise NotFinite("the boxes of damaged regions hold NaN or infinity; nothing was written")
    mirrored[:, 1] = tile.shape[3] - mirrored[:, 1] - mirrored[:, 3]
    shared = overlaps(boxes, mirrored) * (boxes[:, None, 4] == mirrored[None, :, 4])
    alone = set(range(len(mirrored)))
    joined = []
    for index in np.argsort(-boxes[:, 5], kind="stable"):
        partners = [other for other in np.argsort(-shared[index], kind="stable") if other in alone]
        if partners and shared[index, partners[0]] >= MIRRORED:
            alone.remove(partners[0])
            pair = np.stack([boxes[index], mirrored[partners[0]]])
            joined.append([*np.average(pair[:, :4], 0, pair[:, 5]), pair[0, 4], pair[:, 5].mean()])
        else:
            joined.append([*boxes[index, :5], boxes[index, 5] / 2])
    joined += [[*mirrored[other, :5], mirrored[other, 5] / 2] for other in sorted(alone)]
    return np.array(joined).reshape(-1, 6)


def _whole_ones(boxes: np.ndarray, view: View, size: tuple[int, int]) -> np.ndarray:
    """The boxes in a view, cut to it, without those in the mirror image and those that the tile cuts."""
    start, end = boxes[:, :2].clip(0), boxes[:, :2] + boxes[:, 2:4]
    limits = np.array([view.height, view.width])
    inside = (start < limits - CUT).all(1)
    end = np.minimum(end, limits)
    whole = np.array([max(1, length // view.shrink) for length in size])
    place = np.array([view.top, view.left])
    cut = ((start < CUT) & (place > 0)) | ((end > limits - CUT) & (place + limits < whole))
    large = (end - start >= 1).all(1)
    return np.concatenate([start, end - start, boxes[:, 4:]], 1)[inside & large & ~cut.any(1)]


def _distinct(boxes: np.ndarray) -> np.ndarray:
    """The boxes without those that overlap a surer one, of the same class or at the same place; the surest first."""
    boxes = boxes[np.argsort(-boxes[:, 5], kind="stable")]
    shared = overlaps(boxes, boxes)
    alike = boxes[:, None, 4] == boxes[None, :, 4]
    rivals = np.where(alike, shared >= SAME, shared >= SAME_PLACE)
    kept: list[int] = []
    for index in range(len(boxes)):
        if not rivals[index, kept].any():
            kept.append(index)
    return boxes[kept]


def _rounded(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The boxes on whole pixels, inside the picture."""
    start = np.floor(boxes[:, :2]).clip(0)
    end = np.minimum(np.ceil(boxes[:, :2] + boxes[:, 2:4]), np.array(size))
    return np.concatenate([start, end - start, boxes[:, 4:]], 1)
