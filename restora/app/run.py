"""Options shared by all commands that make a picture from a picture, declared once and passed as one object."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from restora.app.options import (
    AsJson,
    Codec,
    Deinterlace,
    Device,
    Engine,
    Force,
    Keep,
    MaxMemory,
    MaxPixels,
    Output,
    Preset,
    Preview,
    Quality,
    Resume,
    Salvage,
    Source,
    Yes,
)  # fmt: skip
from restora.core.inputs import Input
from restora.methods.table import inputs_of


@dataclass(frozen=True)
class Run:
    """The input picture or clip, the output file, the engine, and the limits."""

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
    keep: Keep = None
    codec: Codec = "h264"
    preset: Preset = "medium"
    deinterlace: Deinterlace = False
    preview: Preview = False
    force: Force = False
    as_json: AsJson = False


def with_run(*tasks: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function (run: Run, ...), with the options of Run: picture and output first.

    tasks: of methods; then the function also takes `inputs`, a mapping, and the command has an option for each input
    of these methods.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        signature = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        own = [each.replace(kind=_KEYWORD) for each in signature if each.name != "inputs"]
        kinds = get_type_hints(Run, include_extras=True)
        shared = [_parameter(each.name, each.default, kinds[each.name]) for each in fields(Run)]
        inputs = {name: _option(each) for name, each in inputs_of(*tasks).items()}

        @wraps(command)
        def called(**given: Any) -> None:
            run = Run(**{each.name: given.pop(each.name) for each in fields(Run)})
            if tasks:
                values = {name: given.pop(name) for name in inputs}
                given["inputs"] = {
                    name: value if isinstance(value, str) else "; ".join(value)
                    for name, value in values.items() if value is not None and value != []
                }  # fmt: skip
            command(run, **given)

        parameters = [*shared[:2], *inputs.values(), *own, *shared[2:]]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return called

    return decorated


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, _KEYWORD, default=default, annotation=annotation)


def _option(one: Input) -> inspect.Parameter:
    """The option of an input. It is a text, since some kinds can be given in words; that of boxes may be repeated."""
    words = f"{one.help[0].upper()}{one.help[1:]}."
    if one.kind == "boxes":
        option = typer.Option(one.option, metavar="X,Y,W,H|FILE", help=f"{words[:-1]}; may be repeated.")
        return _parameter(one.name, None, Annotated[list[str] | None, option])
    metavar = "FILE" if one.kind in ("plane", "picture") else "FILE|WORDS"
    return _parameter(one.name, None, Annotated[str | None, typer.Option(one.option, metavar=metavar, help=words)])
