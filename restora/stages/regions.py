"""Regions: each hole is filled in its own window, so that a scratch costs the same on a picture of any size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from restora.core.errors import BadImage
from restora.core.knobs import Setting
from restora.core.method import Made, Method
from restora.engines.tiling import Read, cores
from restora.methods.shared_knobs import OF_HOLES
from restora.stages.filler import BYTES, CONTEXT, TILE, Fill, filler
from restora.stages.grain import grain, noise_around, surroundings
from restora.stages.inputs import is_found
from restora.stages.marked import marked
from restora.stages.net import DENOISER, denoiser
from restora.stages.stage import Setup, Size, Stage, Window, blended, check_shape, made_of

CACHE = 64_000_000
"""Cache size in bytes for filled holes, as a hole may be in several tiles; the largest hole is always kept."""
LARGE, BLOCK = 2_000_000, 1024
"""Pixels of a window from which nets fill by blocks of the picture instead, and the side of these. A few scratches can
join all holes of a large scan, and its window would not fit the memory."""
LABELS = 7
"""Bytes for each pixel of the whole picture while its holes are found: mask, mask with margins, labels or distances."""
MEMORY_OF_GRAIN, MEASURING = 40, 70_000_000
"""Bytes for each pixel of a window while grain is made, and bytes while the noise around a hole is measured."""


@dataclass(frozen=True)
class Region:
    """A hole, or several that use the same pixels.

    box: (top, left, height, width) with the margin around it; seed: (row, column) of a pixel of it, margin included.
    block: if not None, the region is all that is missing in this window.
    """

    box: Window
    seed: tuple[int, int]
    block: Window | None = None


@dataclass
class Regions(Stage):
    """A function (y, mask) -> x_hat of a window around a hole; mask (h, w) bool, True = missing.

    Holes that use the same pixels are one region. Known pixels do not change. mask: of the whole picture.
    margin: how far the function looks around a hole, in pixels. memory: bytes for each pixel of a window;
    memory_of_hole: additional bytes for each missing pixel. grain: share of the noise around a hole that is added to
    its pixels; seed: of that noise. resting: bytes that the function needs beside those.
    """

    name: str
    mask: np.ndarray
    function: Callable[[np.ndarray, np.ndarray], np.ndarray | Made]
    margin: int
    memory: int = 100
    memory_of_hole: int = 0
    strength: float = 1.0
    grain: float = 0.0
    seed: int = 0
    resting: int = 0
    split: bool = False  # whether large regions are filled by blocks
    keeps: bool = False  # whether the mask is a requested product

    def __post_init__(self) -> None:
        height, width = self.mask.shape
        self.before = self.after = height, width
        self.regions = found(self.mask, self.margin)
        if self.split and max(height * width for _, _, height, width in (each.box for each in self.regions)) > LARGE:
            self.regions = blocks(self.mask, self.margin) or self.regions
        self.boxes = np.array([region.box for region in self.regions])
        self.cache: dict[int, np.ndarray] = {}
        self.told: dict[str, None] = {}  # notes of the function, each once
        self.noise: dict[Window, tuple[np.ndarray, np.ndarray]] = {}  # by the window in which it was measured
        self.sigmas: dict[int, float] = {}  # of the grain of each region
        self.largest = max(map(self._bytes_of, self.regions))

    def _bytes_of(self, region: Region) -> int:
        missing = int(self.mask[_slices(region.box)].sum())
        return self.memory * region.box[2] * region.box[3] + self.memory_of_hole * missing

    def reads(self, size: Size) -> Size:
        """The window, or the largest hole with its margin, and with the surroundings whose noise is measured."""
        boxes = self.boxes
        if self.grain:
            boxes = np.array([surroundings(region.box, self.before) for region in self.regions])
        height, width = map(int, boxes[:, 2:].max(0))
        return max(size[0], height), max(size[1], width)

    def bytes_for(self, size: Size) -> int:
        """The memory for each pixel of the window, and for the largest hole."""
        measuring = MEASURING if self.grain else 0
        needed = self.memory * size[0] * size[1] + self.largest + self.mask.size + self.resting
        return max(needed + measuring, LABELS * self.mask.size)

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window with all holes in it filled."""
        y = read(*window)
        x_hat = y.copy()
        top, left, height, width = window
        meets = (self.boxes[:, :2] < (top + height, left + width)) & (
            self.boxes[:, :2] + self.boxes[:, 2:] > (top, left)
        )
        for index in np.flatnonzero(meets.all(1)):
            region = self.regions[index]
            mine = self._mine(region)
            filled = np.zeros((*mine.shape, y.shape[2]), np.float32)
            filled[mine] = self._filled(int(index), mine, read)
            here, there = _overlap(region.box, window), _overlap(window, region.box)
            x_hat[there][mine[here]] = filled[here][mine[here]]
        return blended(y, x_hat, self.strength)

    def products(self) -> Mapping[str, Any]:
        """The mask (H, W) of what was filled, 1 = filled, if it was requested."""
        return {"mask": self.mask.astype(np.float32)} if self.keeps else {}

    def notes(self) -> list[str]:
        """The notes of the function, and the level of the grain."""
        if not (levels := [f"{255 * sigma:.1f}" for sigma in self.sigmas.values() if sigma > 0]):
            return list(self.told)
        least, most = min(levels, key=float), max(levels, key=float)
        level = least if least == most else f"{least} to {most}"
        added = f"noise of standard deviation {level} of 255 was added to filled pixels, as measured around them"
        return [*self.told, f"{self.name}: {added}"]

    def _mine(self, region: Region) -> np.ndarray:
        """The missing pixels of a region, in its box."""
        hole = self.mask[_slices(region.box)]
        if region.block:
            inside = _overlap(region.box, region.block)
            mine = np.zeros_like(hole)
            mine[inside] = hole[inside]
            return mine
        labels = cv2.connectedComponents(_with_margin(hole, self.margin))[1]
        return hole & (labels == labels[region.seed[0] - region.box[0], region.seed[1] - region.box[1]])

    def _filled(self, index: int, mine: np.ndarray, read: Read) -> np.ndarray:
        """The values (n, C) of the missing pixels of a region."""
        if index not in self.cache:
            box = self.regions[index].box
            y, hole = read(*box), self.mask[_slices(box)]
            made = made_of(self.function(y, hole))
            check_shape(made.x_hat, y.shape, self.name)
            if made.note:
                self.told[f"{self.name}: {made.note}"] = None
            self.cache[index] = made.x_hat[mine].astype(np.float32) + self._grain(index, mine, read)
            while len(self.cache) > 1 and sum(values.nbytes for values in self.cache.values()) > CACHE:
                del self.cache[min(self.cache, key=lambda each: self.cache[each].nbytes)]
        return self.cache[index]

    def _grain(self, index: int, mine: np.ndarray, read: Read) -> np.ndarray:
        """Noise (n, C) for the missing pixels of a region, seeded by its position."""
        if not self.grain:
            return np.zeros(1, np.float32)
        top, left, height, width = box = self.regions[index].box
        wide = surroundings(box, self.before)
        if wide not in self.noise:
            self.noise[wide] = noise_around(read(*wide), self.mask[_slices(wide)])
        sigmas, alike = self.noise[wide]
        self.sigmas[index] = self.grain * float(np.sqrt(np.mean(np.square(sigmas))))
        noise = self.grain * sigmas, alike
        return grain((height, width, len(sigmas)), noise, (self.seed, top, left))[mine]


@dataclass
class Unchanged(Stage):
    """There is nothing to fill, because no mark was found; `note` says so."""

    name: str
    before: Size
    note: str
    kept: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.after = self.before

    def reads(self, size: Size) -> Size:
        """The window."""
        return size

    def bytes_for(self, size: Size) -> int:
        """Nothing but the window."""
        return 0

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window as it is."""
        return read(*window)

    def products(self) -> Mapping[str, Any]:
        """A black mask, if it was asked for."""
        return self.kept

    def notes(self) -> list[str]:
        """What was not found."""
        return [self.note]


def found(mask: np.ndarray, margin: int) -> list[Region]:
    """The regions of a mask (H, W) bool: holes with a margin around them; those that touch are merged."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(_with_margin(mask, margin))
    regions = []
    for label in range(1, count):
        left, top, width, height = map(int, boxes[label, :4])
        first = int(np.argmax(labels[top, left : left + width] == label))
        regions.append(Region((top, left, height, width), (top, left + first)))
    return regions


def blocks(mask: np.ndarray, margin: int) -> list[Region]:
    """A region for each block of the picture with missing pixels; none if one would be without known pixels."""
    height, width = mask.shape
    regions = []
    for block in cores(height, width, (BLOCK, BLOCK)):
        if not mask[_slices(block)].any():
            continue
        top, left = max(0, block[0] - margin), max(0, block[1] - margin)
        bottom, right = min(height, block[0] + block[2] + margin), min(width, block[1] + block[3] + margin)
        if mask[top:bottom, left:right].all():
            return []
        regions.append(Region((top, left, bottom - top, right - left), block[:2], block))
    return regions


def _with_margin(hole: np.ndarray, margin: int) -> np.ndarray:
    near = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return cv2.dilate(hole.astype(np.uint8), near)


def _slices(window: Window) -> tuple[slice, slice]:
    return slice(window[0], window[0] + window[2]), slice(window[1], window[1] + window[3])


def _overlap(mine: Window, other: Window) -> tuple[slice, slice]:
    """The overlap of a window with another one, in coordinates of the first."""
    rows, columns = (
        slice(max(0, b - a), max(0, min(long, b + broad - a)))
        for a, long, b, broad in zip(mine[:2], mine[2:], other[:2], other[2:], strict=True)
    )
    return rows, columns


def regions(setup: Setup) -> Stage:
    """The stage of a method that fills what a mask or boxes mark. Raises BadImage if they mark all or nothing.

    If the mask is to be found and nothing is, the picture stays as it is, and a note says so.
    """
    knobs = setup.knobs
    searched = any(is_found(each, setup.step.inputs.get(each.name, {})) for each in setup.method.inputs)
    mask = marked(setup.inputs, setup.size, searched)
    if not mask.any():
        note = f"{setup.method.name}: no scratches and spots were found, so nothing was filled"
        kept = {"mask": np.zeros(setup.size, np.float32)} if "mask" in setup.keep else {}
        return Unchanged(setup.method.name, setup.size, note, kept)
    if grow := int(knobs["grow"] or 0):
        mask = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= grow
    if mask.all():
        raise BadImage(
            "the hole is all of the picture; some pixels must be known" + " (--grow is too large)" * (grow > 0)
        )
    method, share = setup.method, float(knobs.get("grain") or 0)
    return Regions(
        method.name,
        mask,
        _function(setup),
        margin=CONTEXT if method.learned else method.reach(knobs) or 0,
        memory=_of_window(method, knobs) + (MEMORY_OF_GRAIN if share else 0),
        memory_of_hole=method.memory_of_hole + 4 * setup.channels,
        strength=setup.step.strength,
        grain=share,
        seed=setup.report.plan.seed,
        resting=_of_net(method, knobs),
        split=method.learned,
        keeps="mask" in setup.keep,
    )


def _of_window(method: Method, knobs: Mapping[str, Setting]) -> int:
    """Bytes for each pixel of the window of a hole. Most nets compute it in tiles, see _of_net."""
    if method.learned and method.halo is not None:
        return BYTES
    return method.bytes_a_pixel(knobs) + (BYTES if method.learned else 0)


def _of_net(method: Method, knobs: Mapping[str, Setting]) -> int:
    """Bytes that the net of a method needs for a tile, whatever the size of the window."""
    if method.learned:
        reach = method.reach(knobs)
        return 0 if reach is None else method.bytes_a_pixel(knobs) * (TILE + 2 * reach) ** 2
    return DENOISER if method.denoiser else 0


def _function(setup: Setup) -> Fill:
    """The function of a method: its own, or that of its trained net."""
    if setup.method.learned:
        return filler(setup)
    function = setup.method.load()
    own: dict[str, Any] = {name: value for name, value in setup.knobs.items() if name not in OF_HOLES}
    if setup.method.denoiser:
        own["denoise"] = denoiser(setup)
    return lambda y, mask: function(y, mask=mask, **own)
