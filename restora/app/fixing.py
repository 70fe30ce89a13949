"""Commands that diagnose a picture: fix, diagnose, plan."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.carry_out import STDIO, carry_out
from restora.app.options import (
    AsJson,
    Force,
    MaxPixels,
    Salvage,
    Source,
    Strength,
    TextOutput,
    amount,
    naming_salvage,
    show_json,
)  # fmt: skip
from restora.app.run import Run, with_run
from restora.core.errors import BadPlan

if TYPE_CHECKING:
    from restora.files.clip import Clip
    from restora.files.picture import Picture
    from restora.work.diagnose import Pixels


@with_run()
def fix(
    run: Run,
    strength: Strength = "normal",
    copy: Annotated[bool, typer.Option("--copy", help="Write an unchanged copy if nothing is found.")] = False,
) -> None:
    """Find out what is wrong with a picture or a clip and repair it; a report is written beside it, as RESULT.json.

    If nothing is found, no file is written, unless --copy is given or the result goes to standard output.

    Example: restora fix photo.jpg -o better.jpg
    """
    from restora.work.decide import to_fix

    carry_out(run, partial(to_fix, strength=strength), copy)


def diagnose(picture: Source, max_pixels: MaxPixels = "2GP", salvage: Salvage = False, as_json: AsJson = False) -> None:
    """Print what is wrong with a picture, what was looked for and not found, and what is not looked for yet.

    Example: restora diagnose photo.jpg --json
    """
    from restora.signs.table import NOT_LOOKED_FOR
    from restora.work.diagnose import diagnose as look

    with naming_salvage():
        opened, pixels = _opened(picture, max_pixels, salvage)
        diagnosis = look(pixels)
    if as_json:
        salvaged = getattr(opened, "salvaged_rows", 0)
        rows = {"salvaged_rows": salvaged} if salvaged else {}
        faults = {"faults": opened.faults} if opened.faults else {}
        show_json({"picture": opened.name, "shape": list(opened.shape), **rows, **faults, **diagnosis.as_dict()})
        return
    for note in _notes(opened, salvage):
        print(f"  note: {note}")
    for finding in diagnosis.findings.values():
        plain = f"{finding.plain}: " if finding.present and finding.plain else ""
        print(f"{'!' if finding.present else ' '} {plain}{finding.says} (sure: {100 * finding.confidence:.0f} %)")
    print(f"  not looked for yet: {', '.join(NOT_LOOKED_FOR)}")


def plan(
    picture: Source,
    output: TextOutput = None,
    strength: Strength = "normal",
    max_pixels: MaxPixels = "2GP",
    salvage: Salvage = False,
    force: Force = False,
) -> None:
    """Print what `fix` would do and why, as JSON that you may edit and give to `restore`.

    Example: restora plan photo.jpg -o plan.json
    """
    from restora.files.save import write_text
    from restora.work.fix import plan_to_fix

    with naming_salvage():
        opened, pixels = _opened(picture, max_pixels, salvage)
        text = plan_to_fix(pixels, strength)[1].to_json()
    for note in _notes(opened, salvage):
        print(f"restora: {note}", file=sys.stderr)
    if output is None or output == STDIO:
        print(text)
    else:
        if picture != STDIO and output.exists() and output.samefile(picture):
            raise BadPlan(f"the plan would overwrite the picture {picture}; give another name")
        write_text(text, output, force=force)


def _opened(path: Path, max_pixels: str, salvage: bool) -> "tuple[Picture | Clip, Pixels]":
    """An open picture or clip, and what is diagnosed of it."""
    from restora.files.container import container_of
    from restora.files.picture import open_picture
    from restora.work.view import view_of

    if path != STDIO and container_of(path):
        from restora.files.clip import open_clip
        from restora.work.clips import frames_to_diagnose

        clip = open_clip(path, amount(max_pixels), salvage=salvage)
        return clip, frames_to_diagnose(clip)
    picture = open_picture(path, amount(max_pixels), salvage=salvage)
    return picture, view_of(picture)


def _notes(opened: "Picture | Clip", salvage: bool) -> list[str]:
    notes = opened.notes if hasattr(opened, "notes") else opened.meta.notes if salvage else ()
    return [*notes, *opened.faults]
