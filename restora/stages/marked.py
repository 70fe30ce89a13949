"""What the inputs `mask` and `box` of a step mark as missing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from restora.core.errors import BadImage
from restora.stages.stage import Size, check_inside

HALF = 0.5
"""Brightness of a mask from which it marks the hole."""


def marked(inputs: Mapping[str, Any], size: Size, searched: bool = False) -> np.ndarray:
    """The hole (H, W) bool. Raises BadImage if the mask marks all or nothing, or for a box beyond the picture.

    searched: the mask was found in the picture, so it may mark nothing.
    """
    hole = np.zeros(size, bool)
    if read := inputs.get("mask"):
        for top in range(0, size[0], 256):
            rows = min(256, size[0] - top)
            hole[top : top + rows] = read(top, 0, rows, size[1])[:, :, 0] >= HALF
        if hole.all() or not (hole.any() or searched):
            marked = (
                "all of the picture; some pixels must be black" if hole.any() else "nothing; white pixels are filled"
            )
            raise BadImage(f"the mask marks {marked}")
    boxes = inputs.get("box", np.zeros((0, 4), int))
    check_inside(boxes, size)
    for top, left, height, width in boxes.tolist():
        hole[top : top + height, left : left + width] = True
    return hole
