"""Options shared by all commands that make pictures from pictures, declared once and passed as one object."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from restora.app.options import (
    AsJson,
    Codec,
    Deinterlace,
    Device,
    Engine,
    FilesFrom,
    Force,
    Format,
    Fps,
    Jobs,
    Keep,
    MaxMemory,
    MaxPixels,
    OutDir,
    Output,
    Pictures,
    Preset,
    Preview,
    Quality,
    Recursive,
    Resume,
    Salvage,
    Source,
    Yes,
)  # fmt: skip
from restora.core.errors import BadKnob
from restora.core.inputs import Input
from restora.methods.table import inputs_of


@dataclass(frozen=True)
class Given:
    """The files that a command is given."""

    pictures: Pictures = None
    files_from: FilesFrom = None
    recursive: Recursive = False

    @property
    def picture(self) -> Path:
        """The file, if it is one. Raises BadKnob if there is none."""
        if not self.pictures:
            raise BadKnob("name a picture, a clip or a folder, or give a list with --files-from")
        return self.pictures[0]

    @property
    def many(self) -> bool:
        """Whether it is anything but one file."""
        given = self.pictures or []
        return bool(len(given) > 1 or self.files_from or any(path.is_dir() for path in given))

    @property
    def named(self) -> str:
        """The files in words."""
        return " and ".join(map(str, self.pictures or [])) or "the list"


@dataclass(frozen=True)
class Run(Given):
    """The input pictures or clips, the output, the engine, and the limits."""

    output: Output = None
    out_dir: OutDir = None
    form: Format = None
    jobs: Jobs = 1
    engine: Engine = "auto"
    device: Device = "cpu"
    max_memory: MaxMemory = "1GB"
    max_pixels: MaxPixels = "2GP"
    quality: Quality = None
    yes: Yes = False
    resume: Resume = False
    salvage: Salvage = False
    keep: Keep = None
    codec: Codec = "h264"
    preset: Preset = "medium"
    deinterlace: Deinterlace = False
    preview: Preview = False
    fps: Fps = None
    force: Force = False
    as_json: AsJson = False

    @property
    def many(self) -> bool:
        """Whether it is anything but one file; a folder with one result, named with -o, has the frames of a clip."""
        of_clip = self.output is not None and self.output.suffix.lower() in RESULTS_OF_FRAMES
        return super().many and not (of_clip and len(self.pictures or []) == 1 and not self.files_from)


RESULTS_OF_FRAMES = (".mp4", ".m4v", ".mov", ".mkv", "")
"""Endings of the result of a folder of frames: a clip, or a folder."""
OF_MANY = ("out_dir", "form", "files_from", "recursive", "jobs")
"""Options that concern many pictures."""


def with_run(*tasks: str, many: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function (run: Run, ...), with the options of Run: pictures and output first.

    tasks: of methods; then the function also takes `inputs`, a mapping, and the command has an option for each input
    of these methods. many: whether the command takes several pictures.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        signature = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        own = [each.replace(kind=_KEYWORD) for each in signature if each.name != "inputs"]
        kinds, mine = get_type_hints(Run, include_extras=True), {each.name for each in own}
        of_run = [each for each in fields(Run) if each.name not in mine]  # a command may give a name another meaning
        shared = [_parameter(each.name, each.default, kinds[each.name]) for each in of_run]
        if not many:
            shared = [each for each in shared if each.name not in OF_MANY]
            shared[0] = _parameter("picture", MISSING, Source)
        inputs = {name: _option(each) for name, each in inputs_of(*tasks).items()}

        @wraps(command)
        def called(**given: Any) -> None:
            if not many:
                given["pictures"] = [given.pop("picture")]
            run = Run(**{each.name: given.pop(each.name) for each in of_run if each.name in given})
            if tasks:
                values = {name: given.pop(name) for name in inputs}
                given["inputs"] = {
                    name: value if isinstance(value, str) else "; ".join(value)
                    for name, value in values.items() if value is not None and value != []
                }  # fmt: skip
            command(run, **given)

        first = [each for each in shared if each.name in ("pictures", "picture", "output")]
        parameters = [*first, *inputs.values(), *own, *(each for each in shared if each not in first)]
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
