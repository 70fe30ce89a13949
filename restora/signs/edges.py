"""Edges: the direction and the width of the steps in brightness of a picture, from profiles across them.

An edge point is a maximum of the gradient along its own direction. The profile across it is followed both ways as long
as it goes on rising or falling, and the width is the distance between 10 and 90 % of that step. After P. Marziliano,
F. Dufaux, S. Winkler, T. Ebrahimi, "Perceptual blur and ringing metrics", Signal Processing: Image Communication 2004,
with profiles at any angle instead of rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

DIRECTIONS = 12
"""Classes of direction of 15 degrees each, over half a turn."""
PER_DIRECTION = 250
"""Number of edge points of each direction that are measured: those with the largest gradient."""
REACH, STEP = 24, 0.5
"""Length of a profile to each side, and the distance of its samples, in pixels."""
ALONG = (-2, -1, 0, 1, 2)
"""Profiles this many pixels along the edge are averaged, which reduces noise."""
STRAIGHT = 0.6
"""Minimum coherence of the gradients around an edge point (0: all directions, 1: one)."""
CONTRAST, OVER_NOISE = 0.06, 6.0
"""Minimum height of a step: on the 0..1 scale, and in standard deviations of the noise."""
FAINT = 0.008
"""Minimum gradient of an edge point, per pixel."""
GIVES = 0.004
"""A profile ends where it turns back by this, or by 1.5 standard deviations of the noise."""


@dataclass(frozen=True)
class Edges:
    """Edge points: the direction across each, in radians anticlockwise from the right, 0 to pi; its width in pixels."""

    direction: np.ndarray
    width: np.ndarray

    def classes(self) -> list[np.ndarray]:
        """The widths by class of direction."""
        which = (self.direction / np.pi * DIRECTIONS).astype(int) % DIRECTIONS
        return [self.width[which == each] for each in range(DIRECTIONS)]


def edges_of(greys: Sequence[np.ndarray], noise: float) -> Edges:
    """The clearest edges in all directions of grey pictures (h, w) on the 0..1 scale with noise of this deviation."""
    points = [_points(grey, noise) for grey in greys]
    which = np.concatenate([np.full(len(each), i) for i, each in enumerate(points)])
    everything = np.concatenate(points)
    classes = (everything[:, 2] % np.pi / np.pi * DIRECTIONS).astype(int) % DIRECTIONS
    order = np.argsort(-everything[:, 3], kind="stable")
    chosen = np.concatenate([order[classes[order] == each][:PER_DIRECTION] for each in range(DIRECTIONS)])
    found = []
    for i, grey in enumerate(greys):
        here = everything[chosen[which[chosen] == i]]
        width, height = _widths(_profiles(grey, here), max(GIVES, 1.5 * noise))
        clear = height >= max(CONTRAST, OVER_NOISE * noise)
        found.append(np.stack([-here[clear, 2] % np.pi, width[clear]]))  # rows are counted downwards
    direction, width = np.concatenate(found, 1)
    return Edges(direction, width)


def _points(grey: np.ndarray, noise: float) -> np.ndarray:
    """(N, 4): row, column, direction across (clockwise, as rows go down) and gradient of the edge points."""
    border = max(ALONG) + 2
    if min(grey.shape) <= 2 * border:
        return np.zeros((0, 4))
    smooth = cv2.GaussianBlur(np.ascontiguousarray(grey, np.float32), (0, 0), 0.8)
    right, down = (cv2.Scharr(smooth, cv2.CV_32F, *axes) / 32 for axes in ((1, 0), (0, 1)))
    xx, xy, yy = (cv2.GaussianBlur(each, (0, 0), 1.5) for each in (right * right, right * down, down * down))
    across = 0.5 * np.arctan2(2 * xy, xx - yy)
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-9)
    gradient = np.sqrt(right * right + down * down)
    v, u = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    du, dv = np.cos(across), np.sin(across)
    ahead, behind = (
        cv2.remap(gradient, u + s * du, v + s * dv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for s in (1, -1)
    )
    is_edge = (gradient >= ahead) & (gradient > behind) & (coherence > STRAIGHT) & (gradient > max(FAINT, noise / 2))
    is_edge[:border] = is_edge[-border:] = is_edge[:, :border] = is_edge[:, -border:] = False
    rows, columns = np.nonzero(is_edge)
    return np.stack([rows, columns, across[is_edge], gradient[is_edge]], 1).astype(np.float64)


def _profiles(grey: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, samples) profiles across edge points (N, 4), rising at the point."""
    at = np.arange(-REACH, REACH + STEP / 2, STEP)
    rows, columns, across = points[:, 0, None], points[:, 1, None], points[:, 2, None]
    du, dv = np.cos(across), np.sin(across)
    total = np.zeros((len(points), len(at)), np.float32)
    for along in ALONG if len(points) else ():
        u, v = columns - along * dv + du * at, rows + along * du + dv * at
        maps = u.astype(np.float32), v.astype(np.float32)
        total += cv2.remap(
            np.ascontiguousarray(grey, np.float32), *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
    middle = len(at) // 2
    rising = np.where(total[:, middle + 1] >= total[:, middle - 1], 1, -1)
    return total * rising[:, None] / len(ALONG)


def _widths(profiles: np.ndarray, gives: float) -> tuple[np.ndarray, np.ndarray]:
    """The width in pixels and the height of the step at the middle of each profile (N, samples)."""
    middle, each = profiles.shape[1] // 2, np.arange(len(profiles))
    up = np.maximum.accumulate(profiles[:, middle:], 1)
    down = np.minimum.accumulate(profiles[:, middle::-1], 1)
    top = up[each, _end(up - profiles[:, middle:] > gives)]
    bottom = down[each, _end(profiles[:, middle::-1] - down > gives)]
    step = np.concatenate([down[:, ::-1], up[:, 1:]], 1)
    low, high = (_reaches(step, bottom + share * (top - bottom)) for share in (0.1, 0.9))
    return (high - low) * STEP, top - bottom


def _end(turned: np.ndarray) -> np.ndarray:
    """The first sample that is marked in each row (N, samples), or the last sample."""
    return np.where(turned.any(1), turned.argmax(1), turned.shape[1] - 1)


def _reaches(rising: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The position, in samples, at which rows that never fall (N, samples) reach a level (N,)."""
    each, after = np.arange(len(rising)), np.maximum(1, (rising >= level[:, None]).argmax(1))
    before, then = rising[each, after - 1], rising[each, after]
    return np.asarray(after - 1 + np.clip((level - before) / np.maximum(then - before, 1e-9), 0, 1))
