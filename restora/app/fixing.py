"""Commands that diagnose a picture: fix, diagnose, plan."""

import sys
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from restora.app.carry_out import STDIO, carry_out
from restora.app.options import (
    AsJson,
    FilesFrom,
    Force,
    Jobs,
    MaxPixels,
    Pictures,
    Recursive,
    Salvage,
    Strength,
    TextOutput,
    amount,
    naming_salvage,
    show_json,
)  # fmt: skip
from restora.app.run import Given, Run, with_run
from restora.core.errors import BadKnob, BadPlan


@with_run()
def fix(
    run: Run,
    strength: Strength = "normal",
    copy: Annotated[bool, typer.Option("--copy", help="Write an unchanged copy if nothing is found.")] = False,
) -> None:
    """Find out what is wrong with a picture or a clip and repair it; a report is written beside it, as RESULT.json.

    If nothing is found, no file is written, unless --copy is given or the result goes to standard output. Several
    pictures, clips and folders are repaired one by one; what was done before is skipped, and bad files are listed at
    the end (docs/many.md).

    Example: restora fix photo.jpg -o better.jpg
    Example: restora fix photos --recursive --out-dir fixed --jobs 2
    """
    from restora.work.decide import to_fix

    carry_out(run, partial(to_fix, strength=strength), copy)


def diagnose(
    pictures: Pictures = None,
    files_from: FilesFrom = None,
    recursive: Recursive = False,
    jobs: Jobs = 1,
    max_pixels: MaxPixels = "2GP",
    salvage: Salvage = False,
    as_json: AsJson = False,
) -> None:
    """Print what is wrong with a picture, what was looked for and not found, and what is not looked for yet.

    For several pictures it is a line for each; with --json a JSON document in each line.

    Example: restora diagnose photo.jpg --json
    Example: restora diagnose photos
    """
    from restora.work.looking import Look, look

    given = Given(pictures, files_from, recursive)
    if given.many:
        from restora.app.looking import look_at_many, say_diagnosis

        look_at_many(given, Look(STDIO, amount(max_pixels), salvage), jobs, partial(say_diagnosis, as_json=as_json))
        return
    with naming_salvage():
        seen = look(Look(given.picture, amount(max_pixels), salvage))
    if as_json:
        show_json(seen.as_dict())
        return
    from restora.signs.table import NOT_LOOKED_FOR

    for note in seen.notes:
        print(f"  note: {note}")
    for finding in seen.diagnosis.findings.values() if seen.diagnosis else ():
        plain = f"{finding.plain}: " if finding.present and finding.plain else ""
        print(f"{'!' if finding.present else ' '} {plain}{finding.says} (sure: {100 * finding.confidence:.0f} %)")
    print(f"  not looked for yet: {', '.join(NOT_LOOKED_FOR)}")


def plan(
    pictures: Pictures = None,
    output: TextOutput = None,
    files_from: FilesFrom = None,
    recursive: Recursive = False,
    jobs: Jobs = 1,
    strength: Strength = "normal",
    max_pixels: MaxPixels = "2GP",
    salvage: Salvage = False,
    force: Force = False,
) -> None:
    """Print what `fix` would do and why, as JSON that you may edit and give to `restore`.

    For several pictures it is a JSON document in each line, with the names of the pictures.

    Example: restora plan photo.jpg -o plan.json
    """
    from restora.files.save import write_text
    from restora.work.looking import Look, look

    given, wanted = Given(pictures, files_from, recursive), Look(STDIO, amount(max_pixels), salvage, strength)
    if given.many:
        from restora.app.looking import look_at_many, say_plan

        if output and output != STDIO:
            raise BadKnob("-o is for one plan; for several pictures write standard output to a file")
        look_at_many(given, wanted, jobs, say_plan)
        return
    picture = given.picture
    with naming_salvage():
        seen = look(replace(wanted, source=picture))
    for note in seen.notes:
        print(f"restora: {note}", file=sys.stderr)
    assert seen.plan
    if output is None or output == STDIO:
        print(seen.plan.to_json())
    else:
        if picture != STDIO and output.exists() and output.samefile(picture):
            raise BadPlan(f"the plan would overwrite the picture {picture}; give another name")
        write_text(seen.plan.to_json(), output, force=force)
