"""The mask that is found in the picture: what the word "found" of an input stands for."""

from collections.abc import Mapping

import numpy as np

from restora.core.errors import BadPlan
from restora.core.report import Report
from restora.engines.marks import marks_of
from restora.engines.openvino_ import openvino_engine, rest
from restora.engines.tiling import Read
from restora.learn.weights import find, listed
from restora.stages.stage import Size


def found(entry: Mapping[str, str], size: Size, read: Read, report: Report) -> Read:
    """Reads windows (h, w, 1) of the mask, 1 where a mark was found in a picture of a size, which `read` reads.

    It is always found on the CPU in f32, whatever runs the other nets, so that it is the same everywhere. The report
    names the weights. Raises BadPlan for weights that find nothing.
    """
    name = entry["weights"]
    if name not in listed() or find(name).task != "find":  # a path is refused: no checksum in the plan stands for it
        raise BadPlan(f"the weights {name} do not find marks")
    weights = find(name)
    report.weights[name] = weights.checksum
    engine = openvino_engine(weights.onnx, "f32")
    mask = marks_of(read, size, engine, weights.card["halo"], weights.card["multiple"])
    rest()  # the memory of the net and of what fills would be too much
    return lambda top, left, height, width: mask[top : top + height, left : left + width, None].astype(np.float32)
