"""Inputs of a step: from the user's value to an entry of the plan, and from the entry to arrays."""

import json
import re
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadDamage, BadImage, BadPlan, Truncated
from restora.core.image import Image, to_grey
from restora.core.inputs import ALPHA, FOUND, Input
from restora.core.method import Method
from restora.core.plan import Step
from restora.engines.tiling import Read
from restora.files.clip import open_clip
from restora.files.picture import MAX_PIXELS, open_picture
from restora.stages.stage import Size

SHORT = {"gauss": "gaussian"}
"""Short names of blurs."""
MAIN = {"gaussian": "sigma", "disk": "radius", "motion": "length"}
"""The value of a blur that may be given without its name."""
WORDS = ("kernel", "boxes")
"""Kinds of inputs that can be given in words."""


def entry_of(input_: Input, given: str | PathLike[str]) -> dict[str, str]:
    """The entry of a plan for the user's value, a file name or words. Raises BadPlan."""
    path = Path(given)
    try:
        is_file = path.is_file()
    except OSError:  # too long for a file name
        is_file = False
    if is_file:
        return {"file": str(path), "sha256": sha256(path)}
    if input_.kind in ("plane", "picture") and path.is_dir():
        return {"file": str(path), "sha256": open_clip(path, MAX_PIXELS).checksum()}
    if input_.alpha and given == ALPHA["value"]:
        return dict(ALPHA)
    if input_.finder and given == FOUND:
        return {"value": FOUND, "weights": input_.finder}
    if input_.kind not in WORDS or isinstance(given, PathLike):
        raise BadPlan(f"the {input_.called} {given} does not exist")
    entry = {"value": str(given)}
    _READERS[input_.kind](input_, entry)
    return entry


Look = Callable[[Mapping[str, str]], Read]
"""From the entry of an input that is to be found to a reader of it."""


def inputs_of(
    step: Step,
    method: Method,
    size: Size,
    transparent: Read | None = None,
    look: Look | None = None,
    frames: Mapping[str, Image] | None = None,
) -> dict[str, Any]:
    """The values of a step's inputs by name, for a picture of a size.

    transparent: reads windows of a plane that is 1 where the picture is fully transparent; None if it has no alpha.
    look: finds an input in the picture that the step receives. frames: the frames, for this picture, of inputs whose
    files are clips, by the checksums of the files.

    A plane or picture is a function that reads a window of it, (top, left, height, width) -> (height, width, C).
    A kernel is (kh, kw) float32, odd, with sum 1. Boxes are an array (n, 4) of whole numbers.
    Raises BadPlan for a file that has changed since the plan was made, BadImage for one of another size.
    """
    values: dict[str, Any] = {}
    for each in method.inputs:
        if entry := step.inputs.get(each.name):
            if frame := (frames or {}).get(entry.get("sha256", "")):
                values[each.name] = _alike(each, entry, frame, size) if each.kind == "plane" else frame
                continue
            _unchanged(entry)
            if each.alpha and entry == ALPHA:
                values[each.name] = _hidden(each, transparent)
                continue
            if is_found(each, entry) and look:
                values[each.name] = look(entry)
                continue
            values[each.name] = _plane(each, entry, size) if each.kind == "plane" else _READERS[each.kind](each, entry)
            if each.kind == "kernel":
                _check_kernel(each, values[each.name].shape, size)
    return values


def is_found(input_: Input, entry: Mapping[str, str]) -> bool:
    """Whether the entry of an input says that it is to be found in the picture."""
    return bool(input_.finder) and entry.get("value") == FOUND and "weights" in entry


def _check_kernel(input_: Input, shape: Size, size: Size) -> None:
    if shape[0] > size[0] or shape[1] > size[1]:
        raise BadImage(
            f"the {input_.called} must be no larger than the picture, {size[1]}x{size[0]}, not {shape[1]}x{shape[0]}"
        )


def _unchanged(entry: Mapping[str, str]) -> None:
    path = Path(entry.get("file", ""))
    try:
        changed = "file" in entry and sha256(path) != entry["sha256"]
    except OSError as error:
        raise BadPlan(f"cannot read {path}, which the plan names: {error.strerror}") from error
    if changed:
        raise BadPlan(f"{path} has changed since the plan was made; make the plan again")


def _plane(input_: Input, entry: Mapping[str, str], size: Size) -> Read:
    return _alike(input_, entry, _opened(entry), size)


def _alike(input_: Input, entry: Mapping[str, str], picture: Any, size: Size) -> Read:
    """A reader of a grey picture, which must have a size."""
    if picture.shape[:2] != size:
        height, width = picture.shape[:2]
        raise BadImage(
            f"the {input_.called} {entry['file']} must be {size[1]}x{size[0]} pixels,"
            f" like the picture, not {width}x{height}"
        )
    return lambda *window: to_grey(picture.window(*window))


def _hidden(input_: Input, transparent: Read | None) -> Read:
    if transparent is None:
        raise BadImage(f"the {input_.called} is alpha, but the picture has no alpha channel, or its size was changed")
    return transparent


def _picture(input_: Input, entry: Mapping[str, str]) -> Any:
    return _opened(entry)


def _opened(entry: Mapping[str, str]) -> Any:
    try:
        return open_picture(Path(entry["file"]))
    except Truncated as error:  # only the picture itself can be salvaged
        raise BadImage(str(error)) from error


def _kernel(input_: Input, entry: Mapping[str, str]) -> np.ndarray:
    from restora.damage.blur import Blur, KernelBlur  # with SciPy's signal package, which most runs do not need

    try:
        if "file" in entry:
            return KernelBlur(entry["file"]).kernel().astype(np.float32)
        blur = blur_in(entry["value"])
    except BadDamage as error:
        raise BadPlan(f"the {input_.called} cannot be read: {error}") from error
    if not isinstance(blur, Blur):
        raise BadPlan(
            f"the {input_.called} must be a file, or words such as motion(length=15, angle=30), not {entry['value']!r}"
        )
    return blur.kernel().astype(np.float32)


def blur_in(text: str) -> Any:
    """The blur in words such as "motion(length=15, angle=30)", "disk(4)" or "gauss(1.6)"; None if there are none.

    Raises BadDamage for values that do not fit.
    """
    from restora.damage.words import parse

    words = re.fullmatch(r"\s*(\w+)\s*\((.*)\)\s*", text)
    if not words:
        return None
    kind, knobs = SHORT.get(words[1], words[1]), words[2]
    if kind == "kernel":  # words must not name files: no checksum in the plan would stand for them
        return None
    if kind in MAIN and "=" not in knobs.partition(",")[0]:
        knobs = f"{MAIN[kind]}={knobs}"
    return parse(f"blur({kind}, {knobs})")


def _boxes(input_: Input, entry: Mapping[str, str]) -> np.ndarray:
    try:
        text = _text(Path(entry["file"])) if "file" in entry else entry["value"]
        boxes = np.array(_in_words(text) or json.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        form = f"x,y,width,height in pixels, or JSON, not {entry.get('value', entry.get('file'))!r}"
        raise BadPlan(f"the {input_.called} must be {form}") from error
    whole = boxes.ndim == 2 and boxes.shape[1:] == (4,) and boxes.dtype.kind == "i"
    if not whole or (boxes[:, :2] < 0).any() or (boxes[:, 2:] < 1).any():
        raise BadPlan(f"the {input_.called} must be a list of [top, left, height, width] in pixels")
    return boxes


def _text(path: Path) -> str:
    if path.stat().st_size > LONGEST:
        raise ValueError
    return path.read_text()


def _in_words(text: str) -> list[list[int]]:
    """Boxes [top, left, height, width] of words "x,y,width,height; ..."; empty if the text is not of this form."""
    if not re.fullmatch(rf"\s*{_BOX}(;\s*{_BOX})*", text):
        return []
    numbers = [[int(number) for number in box.split(",")] for box in text.split(";")]
    return [[top, left, height, width] for left, top, width, height in numbers]


LONGEST = 1_000_000
"""Size limit in bytes of a file with boxes."""
_BOX = r"\d{1,9}\s*(,\s*\d{1,9}\s*){3}"
_READERS = {"kernel": _kernel, "boxes": _boxes, "picture": _picture}
