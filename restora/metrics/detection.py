"""Scores of detected regions against the true ones: average precision, as in PASCAL VOC 2010 and COCO.

M. Everingham et al., "The PASCAL visual object classes (VOC) challenge", IJCV 2010: the area under the curve of
precision over recall, where each detection takes the true box of its class that it overlaps most, once.
"""

from collections.abc import Sequence

import numpy as np


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4): top, left, height, width."""
    start = np.maximum(boxes[:, None, :2], others[None, :, :2])
    end = np.minimum((boxes[:, :2] + boxes[:, 2:4])[:, None], (others[:, :2] + others[:, 2:4])[None])
    shared = (end - start).clip(0).prod(2)
    areas = boxes[:, 2:4].prod(1)[:, None] + others[:, 2:4].prod(1)[None] - shared
    return shared / np.maximum(areas, 1e-9)


def average_precision(
    found: Sequence[np.ndarray], true: Sequence[np.ndarray], kind: int, least: float = 0.5
) -> float | None:
    """The average precision of a class, 0..1, over pictures; None if it never occurs.

    found: of each picture (n, 6): top, left, height, width, class, score. true: of each picture (m, 5), without score.
    least: intersection over union from which a detection is right.
    """
    ranked: list[tuple[float, bool]] = []
    existing = 0
    for boxes, existing_boxes in zip(found, true, strict=True):
        mine, theirs = boxes[boxes[:, 4] == kind], existing_boxes[existing_boxes[:, 4] == kind]
        existing += len(theirs)
        shared, taken = overlaps(mine, theirs), set[int]()
        for index in np.argsort(-mine[:, 5], kind="stable"):
            best = int(shared[index].argmax()) if len(theirs) else -1
            right = best >= 0 and shared[index, best] >= least and best not in taken
            taken |= {best} if right else set()
            ranked.append((float(mine[index, 5]), right))
    if not existing:
        return None
    ranked.sort(key=lambda each: -each[0])
    hits = np.cumsum([right for _, right in ranked])
    precision = hits / np.arange(1, len(ranked) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]  # with this recall or more
    recall = np.concatenate([[0.0], hits / existing])
    return float(np.sum(np.diff(recall) * highest)) if ranked else 0.0


def mean_average_precision(found: Sequence[np.ndarray], true: Sequence[np.ndarray], classes: int) -> float:
    """The mean over the classes that occur; NaN if none does."""
    each = [average_precision(found, true, kind) for kind in range(classes)]
    known = [value for value in each if value is not None]
    return float(np.mean(known)) if known else float("nan")
