"""Detect: a net finds damaged regions, and each is repaired by its kind; pixels outside their boxes do not change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from restora.core.errors import BadPlan
from restora.core.knobs import settle
from restora.core.method import Method
from restora.core.plan import Step
from restora.engines.choice import Backend
from restora.engines.openvino_ import rest
from restora.engines.tiling import Read, cores
from restora.learn.weights import Weights, find
from restora.methods.shared_knobs import OF_HOLES
from restora.methods.table import method_named
from restora.metrics.detection import overlaps
from restora.stages.check import weights_for
from restora.stages.find import find_regions
from restora.stages.load import load_net
from restora.stages.net import DENOISER, TILE, net
from restora.stages.repair import letters_in, lines_in, lost_blocks_in, rim_weights
from restora.stages.stage import Setup, Size, Stage, Window, blended, check_inside, check_shape, made_of

NETS = {"blotch": "restora.photo", "blur": "restora.sharp"}
"""The weights that repair a whole box, by class; those of a box whose damage is not recognised are the first."""
FILLERS = {"scratches": "frequency-selective", "overlay": "frequency-selective", "blocks": "tv-inpainting"}
"""The methods that fill what is found inside a box, by class."""
MASKS = {"scratches": lines_in, "overlay": letters_in, "blocks": lost_blocks_in}
"""What finds the pixels to fill, by class."""
UNKNOWN = "damage of an unknown kind"
LEAST, MATCH = 0.05, 0.3
"""Least score, and least overlap with a given box, of a region whose class the box gets."""
RIM, RIM_SHARE = 4, 0.05
"""By how much a found box is enlarged on each side before it is repaired, in pixels and as a share of its side: what
remains of a letter or block at the rim of a box would spoil what is filled beside it."""
COPIES = 32
"""Bytes for each pixel of the picture: it is held as it was and as it becomes, with the boxes of one view."""


class Detect(Stage):
    """The regions of a picture, found or given as boxes, each repaired by the nets and fillers above."""

    whole = True

    def __init__(self, setup: Setup) -> None:
        self.setup, self.name = setup, setup.method.name
        self.before = self.after = setup.size
        self.weights = find(weights_for(setup.method, setup.step.weights))
        _check(self.weights, setup.method)
        self.given: np.ndarray | None = setup.inputs.get("boxes")
        if self.given is not None:
            check_inside(self.given, setup.size)
        report, backend = setup.report, setup.backend
        for name in (self.weights.name, *NETS.values()):  # all that may change the pixels
            report.weights[name] = find(name).checksum
        report.engine, report.device = backend.engine, backend.device
        report.precision = report.plan.precision
        self.found = np.zeros((0, 6))
        self.says: list[str] = []

    def reads(self, size: Size) -> Size:
        """Everything."""
        return self.before

    def bytes_for(self, size: Size) -> int:
        """Two copies of the picture, and a net on a tile."""
        return COPIES * self.before[0] * self.before[1] + DENOISER

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The whole result; the window must be the whole picture."""
        y = read(0, 0, *self.before)
        self.found = self._regions(y)
        rest()
        x_hat = y.copy()
        nets: dict[str, Stage] = {}
        for region in self.found:
            self._repair(x_hat, region, nets)
        return blended(y, x_hat, self.setup.step.strength)

    def products(self) -> Mapping[str, Any]:
        """The boxes, as they can be given back."""
        return {"boxes": self.found[:, :4].astype(int).tolist()}

    def notes(self) -> list[str]:
        """What was found, where, and how sure that is."""
        if not len(self.found):
            return [f"{self.name}: no damaged region was found; nothing was changed"]
        return [f"{self.name}: {each}" for each in self.says]

    def _regions(self, y: np.ndarray) -> np.ndarray:
        """The regions (n, 6): those found, or those given, in their order, with the class of what is found there."""
        card, score = self.weights.card, float(self.setup.knobs["score"] or 0)
        engine = load_net(self.weights, self.setup.method, _on_cpu(self.setup.backend), "f32")
        least = score if self.given is None else LEAST
        found = find_regions(y, lambda tile: engine({"y": tile})["boxes"], card["side"], least)
        found[:, :4] = enlarged(found[:, :4], self.before)
        if self.given is None:
            return found
        shared = overlaps(self.given, found)
        rows = []
        for box, alike in zip(self.given, shared, strict=True):
            best = int(alike.argmax()) if len(found) else -1
            known = best >= 0 and alike[best] >= MATCH
            rows.append([*box, *(found[best, 4:] if known else (-1, 0))])
        return np.array(rows, float)

    def _repair(self, x_hat: np.ndarray, region: np.ndarray, nets: dict[str, Stage]) -> None:
        """Repair a region in place."""
        top, left, height, width, index = (int(value) for value in region[:5])
        box = top, left, height, width
        kind = self.weights.card["classes"][index] if index >= 0 else UNKNOWN
        if kind in FILLERS:
            share = self._fill(x_hat, box, kind)
            done = f"{share:.0%} of the box filled by {FILLERS[kind]}" if share else "nothing to fill was found in it"
        else:
            weights = NETS.get(kind, next(iter(NETS.values())))
            self._restore(x_hat, box, nets.setdefault(weights, self._net(weights)))
            done = f"restored by {weights}"
        at = f"{left},{top},{width},{height}"
        self.says.append(f"{kind} at {at} (x,y,width,height), score {region[5]:.2f}: {done}")

    def _net(self, weights: str) -> Stage:
        method = method_named(find(weights).card["method"])
        step = Step(method.name, "repairs a region", weights)
        knobs = settle(method.knobs, {}, method.name)
        return net(replace(self.setup, step=step, method=method, knobs=knobs, inputs={}, keep=frozenset()))

    def _restore(self, x_hat: np.ndarray, box: Window, stage: Stage) -> None:
        """Restore a box by a net, which sees what is around it, and fade the result in at the rim of the box."""
        top, left, height, width = box
        made = np.empty((height, width, x_hat.shape[2]), np.float32)

        def read(row: int, column: int, rows: int, columns: int) -> np.ndarray:
            return x_hat[row : row + rows, column : column + columns]

        for y0, x0, rows, columns in cores(height, width, (TILE, TILE)):
            made[y0 : y0 + rows, x0 : x0 + columns] = stage.run(read, (top + y0, left + x0, rows, columns))
        part = x_hat[top : top + height, left : left + width]
        part += rim_weights(height, width, int(self.setup.knobs["feather"] or 0)) * (made - part)

    def _fill(self, x_hat: np.ndarray, box: Window, kind: str) -> float:
        """Fill the marks or lost blocks in a box; the share of the box that was filled."""
        method = method_named(FILLERS[kind])
        knobs = {name: value for name, value in settle(method.knobs, {}, method.name).items() if name not in OF_HOLES}
        top, left, height, width = box
        inside = MASKS[kind](x_hat[top : top + height, left : left + width])
        reach = method.reach(knobs) or 0
        start = max(0, top - reach), max(0, left - reach)
        part = x_hat[start[0] : top + height + reach, start[1] : left + width + reach]
        mask = np.zeros(part.shape[:2], bool)
        mask[top - start[0] :, left - start[1] :][:height, :width] = inside
        if not mask.any() or mask.all():
            return 0.0
        filled = made_of(method.load()(part, mask=mask, **knobs)).x_hat
        check_shape(filled, part.shape, method.name)
        part[mask] = filled[mask]
        return float(inside.mean())


def detect(setup: Setup) -> Stage:
    """The stage of a method that finds damaged regions. Raises BadPlan for other weights, BadImage for wrong boxes."""
    return Detect(setup)


def enlarged(boxes: np.ndarray, size: Size) -> np.ndarray:
    """Boxes (n, 4) with the rim in which damage may go on, inside the picture."""
    rim = np.ceil(RIM + RIM_SHARE * boxes[:, 2:])
    start = (boxes[:, :2] - rim).clip(0)
    return np.concatenate([start, np.minimum(boxes[:, :2] + boxes[:, 2:] + rim, np.array(size)) - start], 1)


def _check(weights: Weights, method: Method) -> None:
    if weights.card["method"] != method.name:
        raise BadPlan(f"the weights {weights.name} are for {weights.card['method']}, not for {method.name}")


def _on_cpu(backend: Backend) -> Backend:
    """What runs the detector: its operators exist only on the CPU, so other devices only run the nets that repair."""
    return Backend("onnxruntime" if backend.engine == "onnxruntime" else "openvino")
