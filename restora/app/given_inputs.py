"""Inputs of methods that Python code gives: files, words, arrays, PIL images and tensors.

An array is written to a temporary file, so that commands and Python run the same plans.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from restora.app.given import Given, array_of, opened
from restora.core.errors import BadPlan
from restora.core.plan import Plan, Step

IN_MEMORY = "given as an array"
"""Value in a plan instead of a file, for an input that was an array."""
_MADE = "restora-given-"
"""Name prefix of the temporary folder for such an array."""


def as_files(given: Mapping[str, Given | None], stack: ExitStack) -> dict[str, str | Path]:
    """Inputs of methods as words, or as files, which are removed when the stack closes. Raises BadPlan or BadImage."""
    return {name: _as_file(value, name, stack) for name, value in given.items() if value is not None}


def _as_file(given: Given, name: str, stack: ExitStack) -> str | Path:
    from restora.files.save import write
    from restora.methods.table import INPUTS

    if isinstance(given, str | PathLike):
        return given if isinstance(given, str) else Path(given)
    if name not in INPUTS:
        raise BadPlan(f"no method has an input {name!r}; known: {', '.join(INPUTS)}")
    folder, kind = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_MADE))), INPUTS[name].kind
    array, _ = array_of(given)
    if kind == "boxes":
        return json.dumps(array.tolist())
    if kind == "kernel":
        np.save(folder / f"{name}.npy", array.astype(float))
        return folder / f"{name}.npy"
    if name == "mask" and (array.dtype == bool or (array.dtype.kind in "iu" and array.size and array.max() == 1)):
        array = (array == 1).astype(np.uint8) * np.uint8(255)
    image = opened(array).image
    path = folder / f"{name}{'.tif' if image.meta.bits == 32 else '.png'}"
    write(replace(image, alpha=None), path)
    return path


def given_again(plan: Plan, inputs: Mapping[str, Any]) -> None:
    """Raise BadPlan if the plan was made with arrays that are missing now."""
    for step in plan.steps:
        for name, entry in step.inputs.items():
            if entry.get("file") == IN_MEMORY and name not in inputs:
                raise BadPlan(f"the plan was made with an array as {name}; give it again: inputs={{{name!r}: array}}")


def without_files(step: Step) -> Step:
    """The step without the names of temporary files of arrays."""

    def plain(entry: Mapping[str, str]) -> Mapping[str, str]:
        made = Path(entry.get("file", "")).parent.name.startswith(_MADE)
        return {**entry, "file": IN_MEMORY} if made else entry

    return replace(step, inputs={name: plain(entry) for name, entry in step.inputs.items()})
