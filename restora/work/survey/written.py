"""The table of the survey as CSV, as Markdown, as plain values, and one system in lines of text."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from restora.data.survey import SOURCE
from restora.work.survey.marks import MARKS
from restora.work.survey.table import CLAIMED, COLUMNS, Cell, Line

Lines = Sequence[Line]


def as_csv(lines: Lines) -> str:
    """A line for each system: each quantity, and where something is claimed, claim, mark and reason; then commands."""
    rows = [_flat(line) for line in lines]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _flat(line: Line) -> dict[str, str]:
    row = {"system": line.system.name, "method": line.system.method}
    for key, cell in line.cells.items():
        row[key] = cell.text or f"({cell.reason})"
        if key in CLAIMED:
            row |= {f"{key}_claimed": cell.claimed, f"{key}_mark": cell.mark, f"{key}_why": cell.why}
    return row | {f"{key}_command": cell.command for key, cell in line.cells.items() if key not in WITHOUT_COMMAND}


WITHOUT_COMMAND = ("task", "architecture", "protocol", "engine", "terms")
"""Quantities that are not measured."""


def as_plain(lines: Lines) -> list[dict[str, Any]]:
    """Plain values, as for JSON."""
    return [
        {"system": line.system.name, "method": line.system.method, "of_the_survey": line.claimed}
        | {key: {name: value for name, value in vars(cell).items() if value} for key, cell in line.cells.items()}
        for line in lines
    ]


def as_markdown(lines: Lines) -> str:
    """All parts of the table, each under its title."""
    parts = [f"# The survey's table, measured\n\nClaims: {SOURCE}. Data sets are found in DIR.", *(
        f"## {title}\n\n{make(lines)}" for title, make in SECTIONS.items() if make(lines)
    )]  # fmt: skip
    return "\n\n".join(parts)


def marks_table(lines: Lines) -> str:
    """The mark of every claim."""
    head = ["system", *(COLUMNS[key].removesuffix(", paper-sized") for key in CLAIMED)]
    return _table(head, ([line.system.name, *(line.cells[key].mark for key in CLAIMED)] for line in _claimed(lines)))


def counts_table(lines: Lines) -> str:
    """How many claims have each mark, by quantity."""
    rows = []
    for key in CLAIMED:
        found = Counter(line.cells[key].mark for line in _claimed(lines))
        rows.append([COLUMNS[key].removesuffix(", paper-sized"), *(str(found[mark]) for mark in MARKS)])
    rows.append(["all", *(str(sum(int(row[number]) for row in rows)) for number in range(1, 4))])
    return _table(["claims about", *MARKS], rows) if _claimed(lines) else ""


def sizes_table(lines: Lines) -> str:
    """Parameters claimed, counted and shipped."""
    return _claims(lines, "parameters", ["parameters", "shipped"])


def losses_table(lines: Lines) -> str:
    """Losses claimed and used."""
    return _claims(lines, "loss", ["loss"])


def psnr_table(lines: Lines) -> str:
    """PSNR claimed and measured, with the protocol."""
    return _claims(lines, "psnr", ["psnr", "protocol"])


def ssim_table(lines: Lines) -> str:
    """SSIM claimed and measured."""
    return _claims(lines, "ssim", ["ssim"])


def training_table(lines: Lines) -> str:
    """Training claimed and done."""
    return _claims(lines, "training", ["training"])


def time_table(lines: Lines) -> str:
    """Time claimed and measured, and memory."""
    return _claims(lines, "time", ["time", "seconds_a_megapixel", "memory", "engine"])


def data_table(lines: Lines) -> str:
    """Data claimed and used, with the terms."""
    return _claims(lines, "data", ["data", "terms"])


def classical_table(lines: Lines) -> str:
    """The classical methods, about which nothing is claimed: nothing is trained, so they have no such columns."""
    keys = ("task", "psnr", "ssim", "protocol", "time", "seconds_a_megapixel", "memory")
    rows = ([line.system.name, *(_said(line.cells[key]) for key in keys)] for line in lines if not line.claimed)
    return _table(["method", *(COLUMNS[key] for key in keys)], rows)


def commands_table(lines: Lines) -> str:
    """The commands behind the numbers."""
    keys = {"scores": "psnr", "time": "time", "memory": "memory", "training": "training"}
    rows = ([line.system.name, *(_code(line.cells[key].command) for key in keys.values())] for line in lines)
    return _table(["system", *keys], rows)


def summary_table(lines: Lines) -> str:
    """The shortest form, for a page about something else: parameters and PSNR."""
    rows = []
    for line in _claimed(lines):
        sizes, psnr = line.cells["parameters"], line.cells["psnr"]
        count = sizes.fact or sizes.text.partition(" (")[0] or "*not one net*"
        measured = psnr.fact or psnr.text.partition(";")[0]
        rows.append([line.system.name, sizes.claimed, count, sizes.mark, psnr.claimed, measured, psnr.mark])
    head = ["system", "parameters claimed", "counted", "mark", "PSNR claimed", "measured (dB)", "mark"]
    return _table(head, rows)


SECTIONS: dict[str, Callable[[Lines], str]] = {
    "Marks": marks_table,
    "Parameters": sizes_table,
    "Loss": losses_table,
    "PSNR": psnr_table,
    "SSIM": ssim_table,
    "Training": training_table,
    "Time and memory": time_table,
    "Data": data_table,
    "Classical methods": classical_table,
    "Commands": commands_table,
}
"""The parts of the Markdown, by title."""


def record(line: Line) -> str:
    """One system in lines of text, with every claim, mark, reason and command."""
    return "\n".join(_record(line))


def _record(line: Line) -> Iterator[str]:
    yield line.system.name
    for key, cell in line.cells.items():
        yield from _wrapped(f"  {COLUMNS[key]:32}", cell.text or f"({cell.reason})")
        if cell.mark:
            yield from _wrapped(f"{'':34}", f"claimed: {cell.claimed}; {cell.mark}: {cell.why}")
        if cell.command:
            yield f"{'':34}$ {cell.command}"
    for score in line.scores:
        yield f"  {score.label}: {score.psnr:.2f} dB\n    $ {score.command}"


def _wrapped(head: str, text: str) -> list[str]:
    return wrap(text, 120, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)


def _claimed(lines: Lines) -> list[Line]:
    return [line for line in lines if line.claimed]


def _claims(lines: Lines, about: str, keys: Sequence[str]) -> str:
    """The systems of the survey: what is claimed about a quantity, the cells of `keys`, the mark and its reason."""
    rows = (
        [line.system.name, line.cells[about].claimed, *(_said(line.cells[key]) for key in keys),
            f"{line.cells[about].mark}: {line.cells[about].why}"]
        for line in _claimed(lines)
    )  # fmt: skip
    return _table(["system", "claimed", *(COLUMNS[key] for key in keys), "mark"], rows)


def _said(cell: Cell) -> str:
    return cell.text or f"*{cell.reason}*"


def _code(command: str) -> str:
    return f"`{command}`" if command else "*none*"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A Markdown table; empty without rows."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not body:
        return ""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
