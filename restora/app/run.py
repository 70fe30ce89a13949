"""The options of every command that makes a picture from a picture, declared once and handed on as one object."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import Any, get_type_hints

from restora.app.options import (
    AsJson,
    Device,
    Engine,
    Force,
    MaxMemory,
    MaxPixels,
    Output,
    Quality,
    Resume,
    Salvage,
    Source,
    Yes,
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """From which picture to which file, by what, within which bounds."""

    picture: Source
    output: Output = None
    engine: Engine = "auto"
    device: Device = "cpu"
    max_memory: MaxMemory = "1GB"
    max_pixels: MaxPixels = "2GP"
    quality: Quality = 95
    yes: Yes = False
    resume: Resume = False
    salvage: Salvage = False
    force: Force = False
    as_json: AsJson = False


def with_run(command: Callable[..., None]) -> Callable[..., None]:
    """The command, whose first argument is a Run, as one that has the options of Run: picture and output first."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    kinds = get_type_hints(Run, include_extras=True)
    shared = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=kinds[each.name],
        )
        for each in fields(Run)
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @wraps(command)
    def called(**given: Any) -> None:
        run = Run(**{each.name: given.pop(each.name) for each in fields(Run)})
        command(run, **given)

    parameters = [*shared[:2], *own, *shared[2:]]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
