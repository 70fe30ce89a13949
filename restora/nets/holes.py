"""Fill holes one by one, each in its own window: the cost depends on the holes, not on the size of the picture."""

from collections.abc import Callable

import cv2
import numpy as np

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(window (h, w, C), hole (h, w) bool) -> filled (h, w, C)."""


def fill_each(y: np.ndarray, m: np.ndarray, margin: int, fill: Fill) -> np.ndarray:
    """y (H, W, C) filled where m (H, W) is False, as `fill` would fill the whole picture if its margin is `margin`.

    Holes whose margins overlap are filled together. Known pixels are unchanged.
    """
    near = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(cv2.dilate((~m).astype(np.uint8), near))
    x_hat = y.copy()
    for label in range(1, count):
        left, top, width, height = boxes[label, :4]
        window = np.s_[top : top + height, left : left + width]
        mine = (labels[window] == label) & ~m[window]
        x_hat[window][mine] = fill(y[window], ~m[window])[mine]
    return x_hat
