"""The survey as one self-contained HTML file: sortable, with claims, marks, reasons, commands and pictures."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from string import Template

from restora.data.survey import SOURCE
from restora.work.survey.table import COLUMNS, Cell, Line
from restora.work.survey.written import counts_table

ABOUT = f"""The table of a survey of the field, {escape(SOURCE)}, and beneath it classical methods: what is claimed, and
what was measured here, from the results and the cards of the weights alone. A claim is <b>confirmed</b>, made by
<b>another protocol</b>, or <b>wrong</b>; select a mark to read why. Select a title to sort by its column. Times are
for a colour picture on two cores, unless the cell says otherwise. Commands find the data sets in DIR."""
WITHOUT = "Written without the data sets, so without pictures; to add them:"
WITH_PICTURES = "restora survey -o survey.html --pictures --data DIR"
COMMANDS = ("parameters", "shipped", "training", "time", "memory")
"""The quantities whose commands stand below the scores."""

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The survey's table, measured</title>
<style>
:root { color-scheme: light dark; --line: #8885; --quiet: #666; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; }
p, section { max-width: 75rem; }
.scroll { margin-top: 1rem; overflow: auto; max-height: 90vh; border: 1px solid var(--line); }
table { border-collapse: separate; border-spacing: 0; }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.survey td { min-width: 9rem; max-width: 20rem; }
.survey td.wide { min-width: 15rem; }
thead th { position: sticky; top: 0; background: Canvas; z-index: 1; }
.survey th:first-child { position: sticky; left: 0; background: Canvas; z-index: 2; min-width: 8rem; }
.survey thead th:first-child { z-index: 3; }
th button { font: inherit; font-weight: 600; text-align: left; cursor: pointer; }
th button { background: none; border: 0; padding: 0; color: inherit; }
th button::after { content: " \\2195"; color: var(--quiet); }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
.claim { margin-top: .3rem; padding-top: .3rem; border-top: 1px dotted var(--line); color: var(--quiet); }
.reason { color: var(--quiet); font-style: italic; }
summary { cursor: pointer; white-space: nowrap; width: fit-content; }
summary { padding: 0 .45rem; border-radius: .6rem; color: #fff; }
.confirmed { background: #1a7f37; }
.another { background: #8a5a00; }
.wrong { background: #b42318; }
code { font-size: .85em; overflow-wrap: anywhere; }
.crops { display: flex; flex-wrap: wrap; gap: .75rem; margin: .75rem 0; }
figure { margin: 0; }
figure img { image-rendering: pixelated; width: 256px; height: 256px; display: block; }
</style></head><body>
<h1>The survey's table, measured</h1>
<p>$about</p>
$counts
<div class="scroll" tabindex="0" role="region" aria-label="The table"><table class="survey">
<thead><tr>$head</tr></thead>
<tbody>
$rows
</tbody></table></div>
$note
$details
<script>
document.querySelectorAll(".survey th button").forEach((button) => button.addEventListener("click", () => {
  const head = button.parentElement, place = head.cellIndex, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  const value = (row) => row.cells[place].dataset.sort ?? row.cells[place].textContent;
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (!x || !y) return (!x) - (!y);
    const both = !isNaN(x) && !isNaN(y);
    return (both ? x - y : x.localeCompare(y)) * (up ? 1 : -1);
  };
  head.parentElement.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  [...body.rows].sort(compare).forEach((row) => body.append(row));
}));
</script>
</body></html>""")


def as_html(lines: Sequence[Line], crops: Mapping[str, str] | None = None) -> str:
    """The page. crops: HTML with the pictures of each system; None: without pictures, and the page says so."""
    titles = ["system", *COLUMNS.values()]
    return PAGE.substitute(
        about=ABOUT,
        counts=_plain_table(counts_table(lines)),
        head="".join(f'<th scope="col"><button type="button">{escape(title)}</button></th>' for title in titles),
        rows="\n".join(_row(line) for line in lines),
        note="" if crops is not None else f"<p>{WITHOUT} <code>{WITH_PICTURES}</code></p>",
        details="\n".join(_details(line, (crops or {}).get(line.system.name, "")) for line in lines),
    )


def _row(line: Line) -> str:
    name = line.system.name
    cells = "".join(_cell(key, cell) for key, cell in line.cells.items())
    return f'<tr><th scope="row"><a href="#{_anchor(name)}">{escape(name)}</a></th>{cells}</tr>'


def _cell(key: str, cell: Cell) -> str:
    if cell.text:
        shown = "<br>".join(escape(part) for part in cell.text.split("; "))
        order = f"{cell.number!r}" if cell.number is not None else escape(cell.text)
    else:
        shown, order = f'<span class="reason">{escape(cell.reason)}</span>', ""
    wide = ' class="wide"' if len(cell.text) > 60 else ""
    return f'<td{wide} data-sort="{order}">{shown}{_claim(cell)}</td>'


def _claim(cell: Cell) -> str:
    if not cell.mark:
        return ""
    kind = cell.mark.split()[0]
    return (
        f'<div class="claim">claimed: {escape(cell.claimed)}'
        f'<details><summary class="{kind}">{escape(cell.mark)}</summary>{escape(cell.why)}</details></div>'
    )


def _details(line: Line, crops: str) -> str:
    """What stands behind the numbers of a system."""
    name = line.system.name
    found = [
        (score.label, f"{score.psnr:.2f} dB", "" if score.ssim is None else f"{score.ssim:.4f}", score.command)
        for score in line.scores
    ]
    found += [(COLUMNS[key], "", "", command) for key in COMMANDS if (command := line.cells[key].command)]
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td><code>{escape(command)}</code></td></tr>"
        for *cells, command in found
    )
    return f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2><table>{rows}</table>{crops}</section>'


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())


def _plain_table(markdown: str) -> str:
    """A small Markdown table as HTML."""
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line]
    if not lines:
        return ""
    head, _, *rows = lines
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr></thead>{body}</table>"
