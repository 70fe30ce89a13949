"""What is marked to be filled: painted with the brush of the page, or found by a method and then edited."""

import base64
import json
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from restora.app.page_jobs import Done, own_folder
from restora.app.views import RED
from restora.core.errors import BadPlan
from restora.core.plan import Step
from restora.files.picture import read
from restora.methods.table import method_named
from restora.stages.marked import HALF
from restora.work.jobs import Jobs
from restora.work.purpose import fills

MOST_STROKES = 20_000
"""Limit on the number of strokes; a message of the page is limited too."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Marks that are painted in a browser. By the key, strokes belong to it. base: a mask that is edited, a file."""

    base: Path | None = None
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, eq=False)
class History:
    """What was done with a picture: the restorations whose last result it is, the last one of itself, and its marks."""

    chain: tuple[Done, ...] = ()
    done: Done | None = None
    painting: Painting | None = None


def finds_itself(step: Step) -> bool:
    """Whether a step that fills finds by itself what to fill."""
    masks = [each for each in method_named(step.method).inputs if each.name == "mask"]
    return fills(step) and ("value" in step.inputs.get("mask", {}) or not any(each.required for each in masks))


def strokes_of(text: str, painting: Painting | None) -> str:
    """The strokes that a browser sends, JSON, if they belong to the painting; otherwise none. Raises BadPlan."""
    try:
        told = json.loads(text or "{}")
        return json.dumps(told["strokes"]) if painting and told.get("painting") == painting.key else "[]"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadPlan(f"these are not strokes of the brush: {error}") from error


def mask_of(strokes: str, shape: tuple[int, ...], jobs: Jobs, base: Path | None = None) -> Path:
    """The mask for a picture of a shape (H, W, C): white on the brush strokes, which are JSON.

    A stroke has a width, as a share of the longer side, and points, as shares of width and height; with "erase" it is
    black. The stroke {"clear": true} makes all black. They are drawn over the mask in the file `base`, if any, which
    is returned unchanged, byte for byte, if there are no strokes. Raises BadPlan.
    """
    path = own_folder(jobs) / "mask.png"
    mask = np.zeros(shape[:2], np.uint8) if base is None else _white(base)
    try:
        drawn = json.loads(strokes)
        if len(drawn) > MOST_STROKES:
            raise ValueError(f"there are more than {MOST_STROKES}")
        for stroke in drawn:
            _draw(stroke, mask)
    except (ValueError, TypeError, KeyError, RecursionError, cv2.error) as error:
        raise BadPlan(f"these are not strokes of the brush: {error}") from error
    if not mask.any():
        raise BadPlan("nothing is painted; paint over the hole, or remove the step that fills it")
    if base is not None and not drawn:
        shutil.copyfile(base, path)
    else:
        path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    return path


def _white(base: Path) -> np.ndarray:
    """A mask in a file, (H, W), 255 where it marks the hole."""
    return np.where(read(base).pixels[:, :, 0] >= HALF, 255, 0).astype(np.uint8)


def _draw(stroke: dict[str, object], mask: np.ndarray) -> None:
    if stroke.get("clear"):
        mask[:] = 0
        return
    points = np.array(stroke["points"], float).reshape(-1, 1, 2).clip(-1, 2) * (mask.shape[1], mask.shape[0])
    if not len(points) or not np.isfinite(points).all():
        raise ValueError("a stroke needs points, which are finite")
    whole = np.rint(np.concatenate([points[:1], points])).astype(np.int32)  # a point alone becomes a line to itself
    width = max(1, round(min(float(stroke["width"]), 1) * max(mask.shape)))  # type: ignore[arg-type]
    cv2.polylines(mask, [whole], False, 0 if stroke.get("erase") else 255, width)


def red_png(mask: Path, factor: int) -> str:
    """The marks of a mask, so many times smaller, as a transparent PNG in base64."""
    covers = _reduced(mask, factor)
    pixels = np.empty((*covers.shape, 4), np.uint8)
    pixels[:, :, :3], pixels[:, :, 3] = RED[::-1], np.rint(255 * covers)
    return base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()


def _reduced(mask: Path, factor: int) -> np.ndarray:
    """The share of marked pixels in blocks of a mask, (H // factor, W // factor)."""
    white = (_white(mask) > 0).astype(np.float32)
    height, width = (side // factor for side in white.shape)
    whole = white[: height * factor, : width * factor]
    return whole.reshape(height, factor, width, factor).mean((1, 3))
