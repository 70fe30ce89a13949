"""Frames of a clip with those around them, of the same scene."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from restora.core.plan import Plan
from restora.files.clip import Frame
from restora.files.cuts import Cuts
from restora.learn.weights import find


def frames_around(plan: Plan) -> int:
    """How many frames before, and after, each frame the first step of a plan sees; 0 for a method of pictures."""
    if not plan.steps or not plan.steps[0].weights:
        return 0
    planes = find(plan.steps[0].weights).inputs.get("y", {})
    return planes.get("neighbours", 0) // planes["image"] // 2


def surrounded(frames: Iterator[Frame], reach: int) -> Iterator[tuple[Frame, np.ndarray | None]]:
    """Each frame with `reach` frames before and `reach` after it, (H, W, 3 * 2 * reach) in the order of time.

    Where the scene begins or ends, frames are repeated in reverse, as in a mirror. None if reach is 0.
    """
    if not reach:
        yield from ((frame, None) for frame in frames)
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


def _rest(scene: deque[Frame], waiting: deque[Frame], reach: int) -> Iterator[tuple[Frame, np.ndarray]]:
    """The frames at the end of a scene."""
    while waiting:
        yield _with_others(waiting.popleft(), scene, reach)


def _with_others(frame: Frame, scene: deque[Frame], reach: int) -> tuple[Frame, np.ndarray]:
    known = list(scene)
    place = next(index for index, each in enumerate(known) if each is frame)
    offsets = [*range(-reach, 0), *range(1, reach + 1)]
    others = [known[mirrored(place + offset, len(known))].pixels for offset in offsets]
    height, width = frame.pixels.shape[:2]
    return frame, np.dstack([np.broadcast_to(each, (height, width, 3)) for each in others])


def mirrored(index: int, count: int) -> int:
    """An index into a list of `count`, reflected at its ends without repeating them; 0 for a list of one."""
    if count == 1:
        return 0
    period = 2 * (count - 1)
    index %= period
    return min(index, period - index)
