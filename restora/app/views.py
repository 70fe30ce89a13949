"""What the page displays: pictures, before and after, as pyramids, and their files for download."""

import json
import threading
import uuid
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from restora.app.page_jobs import Done, Outcome, own_folder
from restora.app.review import Sight, admitted
from restora.core.checksum import sha256
from restora.core.errors import RestoraError
from restora.core.plan import Blend, plan_from_json
from restora.files.pyramid import SIDE, Pyramid, encoded, most_changed, write_pyramid
from restora.stages.blend import REACH, texture_of
from restora.work.blend import Blendable, blend_file, noise_removed
from restora.work.jobs import Jobs
from restora.work.told import Full

RED = (255, 59, 48)
"""The colour of marks, as in brush.js; 0..255."""
COVERS = 0.6
"""Opacity of the marks over a picture."""
SEEN = (800, 600)
"""About the (width, height) that a browser shows of a picture at 100 %."""
FINE = 2
"""Levels of a pyramid on which texture is visible."""


@dataclass(frozen=True, eq=False)
class View:
    """A picture as it is displayed, and its result if it was restored. By the key, a browser asks for it.

    middle: (x, y) in the result, where it changed most. files: if a share of the change can be applied.
    noise: the levels of the removed noise, for the texture.
    """

    name: str
    before: Pyramid
    after: Pyramid | None = None
    marks: Pyramid | None = None
    middle: tuple[int, int] = (0, 0)
    outcome: Outcome | None = None
    files: Blendable | None = None
    noise: tuple[float, float] = (0.0, 0.0)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def facts(self) -> dict[str, Any]:
        """What a browser must know to display it."""
        layers = {"before": self.before, "after": self.after, "marks": self.marks}
        return {
            "key": self.key,
            "name": self.name,
            "middle": self.middle,
            "blends": self.files is not None,
            "layers": {name: layer.sizes() for name, layer in layers.items() if layer},
        }

    def tile(self, layer: str, level: int, row: int, column: int) -> bytes:
        """A tile of a layer, see `facts`, or of the result with all texture. Raises BadImage if there is none there."""
        if layer == "texture" and self.after and level < FINE and not self.after.part(level, 0, 0, 1).hasalpha():
            return self._textured(level, row, column)
        if layer == "marks" and self.marks:
            mask = self.marks.part(level, row * SIDE, column * SIDE, SIDE).extract_band(0)
            red = mask.new_from_image(RED).copy(interpretation="srgb")
            return encoded(red.bandjoin((mask * COVERS).cast("uchar")))
        pyramid = self.before if layer == "before" else self.after
        return (pyramid or self.before).tile(level, row, column)

    def _textured(self, level: int, row: int, column: int) -> bytes:
        """Computed at full size, with the margin that the texture depends on."""
        assert self.after
        side = SIDE << level
        top, left = row * side, column * side
        margins = min(REACH, top), min(REACH, left)
        corner = top - margins[0], left - margins[1], side + 2 * REACH
        y, x_hat = (_values(pyramid.part(0, *corner)) for pyramid in (self.before, self.after))
        full = x_hat + texture_of((y - x_hat)[:, :, :3], self.noise)
        inside = full[margins[0] :, margins[1] :][:side, :side]
        numbers = np.rint(255 * inside.clip(0, 1)).astype(np.uint8)
        height, width, bands = numbers.shape
        image = pyvips.Image.new_from_memory(numbers.tobytes(), width, height, bands, "uchar")
        image = image.copy(interpretation="srgb" if bands >= 3 else "b-w")
        return encoded(image.shrink(2**level, 2**level) if level else image)


@dataclass(frozen=True)
class ClipFiles:
    """Clips for display and download: a result with its report, or a second of it, before and after."""

    clip: Path | None = None
    report: Path | None = None
    before: Path | None = None
    after: Path | None = None


def _values(part: pyvips.Image) -> np.ndarray:
    """The colours of a part (h, w, C) float32, 0..1."""
    colours = part.extract_band(0, n=part.bands - 1) if part.hasalpha() else part
    return np.atleast_3d(colours.numpy()).astype(np.float32) / np.float32(255)


class Views:
    """The views of all visitors, by their keys; a view is forgotten when its files were deleted."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.known: dict[str, View] = {}
        self.clips: dict[str, ClipFiles] = {}
        self.blended: dict[tuple[str, float, float], Outcome] = {}
        self.alone = threading.Lock()

    def find(self, key: str) -> View | None:
        """The view with this key, if its files still exist."""
        view = self.known.get(key)
        return view if view and view.before.path.exists() else None

    def add(self, view: View) -> View:
        """Add a view."""
        for key, old in list(self.known.items()):
            if not old.before.path.exists():
                self.known.pop(key, None)
        for asked, outcome in list(self.blended.items()):
            if not outcome.picture.exists():
                self.blended.pop(asked, None)
        self.known[view.key] = view
        return view

    def add_clip(self, files: ClipFiles) -> dict[str, str]:
        """Add clips; returns the addresses of these files, by their names."""
        names = [each.name for each in fields(files)]
        for key, old in list(self.clips.items()):
            if not any(path.exists() for path in map(old.__getattribute__, names) if path):
                self.clips.pop(key, None)
        key = uuid.uuid4().hex
        self.clips[key] = files
        return {name: f"page/clips/{key}/{name}" for name in names if getattr(files, name)}

    def of(self, sight_path: Path, name: str, salvage: bool = False) -> View:
        """A new view of a picture file. Raises BadImage or Truncated."""
        return self.add(View(name, self.pyramid(sight_path, name, salvage)))

    def pyramid(self, path: Path, name: str, salvage: bool = False) -> Pyramid:
        """A new pyramid of a picture file. Raises BadImage or Truncated, or Full if there is no disk space."""
        picture = admitted(path, self.jobs.limits, name, salvage)
        height, width = picture.shape[:2]
        self._check_room(4 * height * width)
        pyramid = Pyramid(own_folder(self.jobs) / "pyramid.tif")
        write_pyramid(picture, pyramid.path)
        return pyramid

    def _check_room(self, size: int) -> None:
        if self.jobs.bytes() + size > self.jobs.most_bytes:
            raise Full("the disk space for pictures is used up; try again later")

    def compare(self, before: View, first: Sight, done: Done, blends: bool) -> View:
        """A new view of a result beside the picture before, which is `first`.

        blends: whether a share of the change can be applied.
        """
        outcome = done.outcome
        changed = outcome.pixels is not None
        after = self.pyramid(outcome.picture, outcome.picture.name) if changed else before.before
        view = View(before.name, before.before, after, outcome=outcome)
        if done.mask:
            view = replace(view, marks=self.pyramid(done.mask, "the mask"))
        if changed:
            view = replace(view, middle=most_changed(before.before, after, SEEN))
        if outcome.pixels and blends:
            files = Blendable(first.path, outcome.pixels, first.salvage)
            view = replace(view, files=files, noise=noise_removed(files, self.jobs.limits))
        return self.add(view)

    def outcome(self, view: View, strength: float = 1, texture: float = 0) -> Outcome:
        """The files of a result, with a share of the change and of the texture. Raises RestoraError if it has none."""
        if view.outcome is None:
            raise RestoraError("this picture was not restored yet")
        if (strength, texture) == (1, 0) or view.files is None:
            return view.outcome
        asked = view.key, strength, texture
        with self.alone:
            if asked not in self.blended or not self.blended[asked].picture.exists():
                self.blended[asked] = self._blended(view, view.files, strength, texture)
        return self.blended[asked]

    def _blended(self, view: View, files: Blendable, strength: float, texture: float) -> Outcome:
        assert view.outcome
        self._check_room(2 * view.outcome.picture.stat().st_size)
        picture = own_folder(self.jobs) / view.outcome.picture.name
        report = picture.with_name(view.outcome.report.name)
        blend = Blend(strength, texture, view.noise if texture else (0.0, 0.0))
        told = json.loads(view.outcome.report.read_text())
        told["warnings"] += blend_file(files, picture, blend, self.jobs.limits, picture.suffix[1:])
        plan = replace(plan_from_json(json.dumps(told)), blend=blend)
        told |= {"plan": {"id": plan.id, **plan.as_dict()}, "output_sha256": sha256(picture)}
        report.write_text(json.dumps(told, indent=2) + "\n")
        return replace(view.outcome, picture=picture, report=report)
