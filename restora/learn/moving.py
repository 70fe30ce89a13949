"""Motion made from photographs: a window that moves over one, and a piece of another that moves across it."""

from collections.abc import Sequence

import cv2
import numpy as np

FASTEST = 8.0
"""Pixels a frame that the window moves, and the piece relative to it, at most."""
SIDE = 192
"""Pixels: the side of the frames."""


def moving(photographs: Sequence[np.ndarray], frames: int, rng: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 3 * frames) uint8 from photographs (H, W, 3) uint8 that are at least SIDE pixels wide and high."""
    back, front = (photographs[int(index)] for index in rng.integers(len(photographs), size=2))
    ground, piece = _travel(back, frames, rng), _travel(front, frames, rng)
    if rng.random() < 0.35:  # the camera moves alone
        return np.dstack(ground)
    shown = []
    start, speed = rng.uniform(0.2, 0.8, 2) * SIDE, rng.uniform(-FASTEST, FASTEST, 2)
    radii = rng.uniform(0.12, 0.45, 2) * SIDE
    for index, (under, over) in enumerate(zip(ground, piece, strict=True)):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        at = start + speed * index
        x, y, wide, high = (int(16 * value) for value in (*at, *radii))  # in sixteenths of a pixel
        cv2.ellipse(mask, (x, y), (wide, high), 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
        share = cv2.GaussianBlur(mask, (0, 0), 0.7)[:, :, None].astype(np.float32) / 255
        shown.append(np.rint(under + share * (over.astype(np.float32) - under)).astype(np.uint8))
    return np.dstack(shown)


def _travel(photo: np.ndarray, frames: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The frames of a window that moves evenly over a photograph, turns and grows a little."""
    largest = min(photo.shape[:2]) / SIDE
    scale = float(np.exp(rng.uniform(0, np.log(max(1.0, min(largest, 4.0))))))  # pixels of the photograph for one
    size = np.array(photo.shape[1::-1], np.float64)
    centre, speed = rng.uniform(0.3, 0.7, 2) * size, scale * rng.normal(0, FASTEST / 3, 2).clip(-FASTEST, FASTEST)
    turn, growth = rng.normal(0, 0.4), 1 + rng.normal(0, 0.004)
    shrunk, factor = photo, 1.0
    if scale > 1.5:  # sampling far apart would alias
        shrunk, factor = cv2.resize(photo, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA), 1 / scale
    made = []
    for index in range(frames):
        at = index - (frames - 1) / 2
        x, y = (centre + speed * at) * factor
        matrix = cv2.getRotationMatrix2D((x, y), turn * at, growth**at / (scale * factor))
        matrix[:, 2] += SIDE / 2 - np.array([x, y])
        made.append(cv2.warpAffine(shrunk, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))
    return made
