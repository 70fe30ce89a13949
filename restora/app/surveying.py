"""Commands of the survey: the table of claims beside measurements, and what a method costs."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.options import AsJson, Force, Settings, knobs_from, show_json
from restora.core.errors import BadKnob, RestoraError

if TYPE_CHECKING:
    from restora.work.survey.table import Line


def survey(
    systems: Annotated[
        list[str] | None, typer.Argument(help="Show these systems with all reasons and commands, as DnCNN.")
    ] = None,
    output: Annotated[
        list[Path] | None, typer.Option("-o", "--output", help="Write .html, .csv or .md; may be repeated.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of measurements.")] = Path("results"),
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Put crops behind the numbers into the HTML; takes minutes, needs data.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of data sets; $RESTORA_DATA by default.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Print what a survey of the field claims beside what was measured here, for every system, from results/ only.

    Each claim is marked: confirmed, another protocol, or wrong, with the reason. The fourteen systems of the survey
    come first, then classical methods.

    Example: restora survey -o survey.html
    """
    from restora.files.save import write_text
    from restora.work.survey.table import survey as table
    from restora.work.survey.written import as_csv, as_markdown, as_plain, record

    lines = _chosen(table(results), systems or [])
    for path in output or []:
        _check(path, force, pictures)
    crops = _crops(lines, data) if pictures else None
    for path in output or []:
        if path.suffix == ".html":
            from restora.work.survey.html import as_html

            text = as_html(lines, crops)
        else:
            text = as_csv(lines) if path.suffix == ".csv" else as_markdown(lines)
        write_text(text, path, force=force)
        typer.echo(f"{path} written", err=True)
    if as_json:
        show_json(as_plain(lines))
    elif not output:
        if systems:
            typer.echo("\n\n".join(record(line) for line in lines))
        else:
            _show(as_markdown(lines))


def _show(text: str) -> None:
    """Print Markdown: as tables on a terminal, else as it is."""
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def _chosen(lines: "list[Line]", names: list[str]) -> "list[Line]":
    """The lines of systems, by their names or those of their methods. Raises RestoraError for an unknown one."""
    from restora.core.names import nearest

    known = {name.lower(): line for line in lines for name in (line.system.method, line.system.name)}
    for name in names:
        if name.lower() not in known:
            raise RestoraError(f"{name!r} is no system of the survey; {nearest(name.lower(), known)}")
    return [known[name.lower()] for name in names] or lines


def _check(path: Path, force: bool, pictures: bool) -> None:
    """Raise an error for an output that cannot be written, before the work."""
    from restora.core.errors import OutputExists

    if path.suffix not in (".html", ".csv", ".md"):
        raise RestoraError(f"{path} must end in .html, .csv or .md")
    if pictures and path.suffix != ".html":
        raise RestoraError(f"--pictures are for .html, not for {path}")
    if path.exists() and not force:
        raise OutputExists(f"{path} exists; overwrite it with --force")


def _crops(lines: "list[Line]", data: Path | None) -> dict[str, str]:
    """The pictures of each system as HTML."""
    from restora.work.survey.pictures import crops_of

    if data is not None:
        if not data.is_dir():
            raise RestoraError(f"{data} is not a folder; give the folder of the test sets with --data")
        os.environ["RESTORA_DATA"] = str(data)
    made = {}
    for line in lines:
        typer.echo(f"pictures of {line.system.name}", err=True)
        made[line.system.name] = crops_of(line.system)
    return made


def cost(
    method: Annotated[list[str], typer.Option(help="A method; may be repeated.")],
    settings: Settings = None,
    out: Annotated[Path, typer.Option(help="Folder for cost.csv.")] = Path("results"),
    again: Annotated[bool, typer.Option("--again", help="Measure existing rows again.")] = False,
) -> None:
    """Measure time and memory of methods, of any task, for a colour picture of 512x512, into results/cost.csv.

    Each runs in a fresh process, with one core and with two. Methods that fill get scratches, those that sharpen a
    known kernel. With --set, only the memory counts for the survey: fewer steps take less time.

    Example: restora bench cost --method pix2pix
    """
    from restora.methods.table import method_named
    from restora.work.suite import Entry, run_costs

    todo = []
    for row in map(method_named, method):
        if row.learned and not row.weights:
            raise RestoraError(f"{row.name} has no weights to measure; train some first")
        todo += [Entry("", "", row.name, name) for name in row.weights or ("",)]
    knobs = knobs_from(settings, None)
    for row in map(method_named, method):
        if unknown := sorted(set(knobs) - {knob.name for knob in row.knobs}):
            raise BadKnob(f"{row.name} has no knob {unknown[0]!r}")
    out.mkdir(parents=True, exist_ok=True)
    run_costs(todo, out / "cost.csv", again=again, tell=typer.echo, knobs=knobs)
