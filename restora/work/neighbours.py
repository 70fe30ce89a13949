"""Frames of a clip with those around them, of the same scene."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from restora.core.knobs import settle
from restora.core.plan import Plan
from restora.files.clip import Frame
from restora.files.cuts import Cuts
from restora.learn.weights import find
from restora.methods.table import method_named

Around = tuple[np.ndarray, ...]
"""The pixels of the frames around a frame, in the order of time."""


def frames_around(plan: Plan) -> int:
    """How many frames before, and after, each frame the first step of a plan sees; 0 for a method of pictures."""
    if not plan.steps:
        return 0
    step, method = plan.steps[0], method_named(plan.steps[0].method)
    if method.around:
        return method.frames_around(settle(method.knobs, step.knobs, method.name))
    planes = find(step.weights).inputs.get("y", {}) if step.weights else {}
    return planes.get("neighbours", 0) // planes.get("image", 1) // 2


def surrounded(frames: Iterator[Frame], reach: int) -> Iterator[tuple[Frame, Around]]:
    """Each frame with the pixels (H, W, C) of `reach` frames before and `reach` after it, in the order of time.

    Where the scene begins or ends, frames are repeated in reverse, as in a mirror.
    """
    if not reach:
        yield from ((frame, ()) for frame in frames)
        return
    cuts, scene, waiting = Cuts(), deque[Frame](maxlen=2 * reach + 1), deque[Frame]()
    for frame in frames:
        if cuts(frame.pixels) and scene:
            yield from _rest(scene, waiting, reach)
            scene.clear()
        scene.append(frame)
        waiting.append(frame)
        if len(waiting) > reach:
            yield _with_others(waiting.popleft(), scene, reach)
    yield from _rest(scene, waiting, reach)


def _rest(scene: deque[Frame], waiting: deque[Frame], reach: int) -> Iterator[tuple[Frame, Around]]:
    """The frames at the end of a scene."""
    while waiting:
        yield _with_others(waiting.popleft(), scene, reach)


def _with_others(frame: Frame, scene: deque[Frame], reach: int) -> tuple[Frame, Around]:
    known = list(scene)
    place = next(index for index, each in enumerate(known) if each is frame)
    return frame, tuple(known[index].pixels for index in others_of(place, len(known), reach))


def others_of(place: int, count: int, reach: int) -> list[int]:
    """The places of the frames around one of `count` frames, reflected at the ends of these."""
    return [mirrored(place + offset, count) for offset in (*range(-reach, 0), *range(1, reach + 1))]


def mirrored(index: int, count: int) -> int:
    """An index into a list of `count`, reflected at its ends without repeating them; 0 for a list of one."""
    if count == 1:
        return 0
    period = 2 * (count - 1)
    index %= period
    return min(index, period - index)
