"""The page of a benchmark: one self-contained HTML file, made from results files and a few pictures."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.image import Image
from restora.damage.shrink import Shrink, shrink_in
from restora.damage.words import parse
from restora.data.sets import published, test_set
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS, Protocol
from restora.metrics.scores import measure
from restora.work.bench import KEYS, read_table
from restora.work.restore import restore
from restora.work.suite import NOTHING, Entry, plan_for

Rows = Sequence[Mapping[str, str]]

CLOSE = 0.05
"""Decibels within which a published number counts as reproduced; honest retrainings differ by 0.03."""
CROP = 128


@dataclass(frozen=True)
class Subject:
    """The subject of a page."""

    name: str  # of its results file
    title: str
    about: str
    main: tuple[str, str]  # set and damage of the plot and of the first table
    shown: tuple[tuple[str, int, tuple[int, int]], ...]  # pictures to show crops of: set, index, top left corner
    protocol: Protocol


DENOISING = Subject(
    "denoise",
    "Denoising, measured",
    "PSNR and SSIM (Wang) of the result, clipped and rounded to 8 bits; mean over pictures, no border cropped;"
    " noise unclipped, seed 0 for every picture. Speed and memory on a colour picture of 512x512.",
    ("BSD68", f"noise(sigma={25 / 255!r})"),
    (("Set12", 6, (96, 60)), ("CBSD68", 3, (100, 120))),
    PROTOCOLS["denoise"],
)
DEBLOCKING = Subject(
    "jpeg",
    "JPEG artefact removal, measured",
    "PSNR, SSIM (Wang) and PSNR-B of luma, mean over pictures, clipped and rounded to 8 bits, no border cropped;"
    " colour is written as 4:2:0; of LIVE1, ten of its 29 pictures. Speed and memory on a colour picture of 512x512.",
    ("Classic5", "jpeg(quality=10)"),
    (("Classic5", 3, (230, 230)), ("LIVE1", 8, (150, 300))),
    PROTOCOLS["jpeg-y"],
)
ENLARGING = Subject(
    "superres",
    "Super-resolution, measured",
    "PSNR and SSIM (Wang) of luma, mean over pictures, a border as wide as the scale cropped, all rounded to 8 bits;"
    " pictures shrunk as by MATLAB's imresize. Speed and memory for a colour result of 512x512.",
    ("Set5", "shrink(scale=2)"),
    (("Set5", 2, (60, 70)), ("Set14", 1, (120, 210))),
    PROTOCOLS["sr-y"],
)

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child, td:last-child { text-align: left; }
.crops { display: flex; flex-wrap: wrap; gap: 1rem; }
.crops figure { margin: 0; }
.crops img { image-rendering: pixelated; width: 256px; height: 256px; display: block; }
svg { max-width: 100%; height: auto; background: #fff; }
.best { font-weight: 600; }
</style></head><body>
<h1>$title</h1>
<p>$about</p>
$plot
$tables
$crops
</body></html>
""")


def page(results: Path, costs: Path, subject: Subject) -> str:
    """The HTML for the results and costs files of the suite. Raises MissingExtra without matplotlib."""
    rows = [row for row in read_table(results, KEYS) if row["precision"] == "f32"]
    prices = {(row["method"], row["weights"], row["threads"]): row for row in read_table(costs, ("threads",))}
    groups = sorted({(row["set"], row["damage"]) for row in rows if row["method"] != NOTHING})
    if not groups:
        raise RestoraError(f"{results} contains no rows of methods for a page; run the benchmark first")
    main = subject.main if subject.main in groups else groups[0]
    groups.sort(key=lambda group: group != main)  # the group of the plot comes first
    tables = [_table(name, damage, rows, prices) for name, damage in groups]
    return PAGE.substitute(
        title=escape(subject.title),
        about=escape(subject.about),
        plot=_plot([row for row in rows if (row["set"], row["damage"]) == main], prices),
        tables="\n".join(tables),
        crops="\n".join(_crops(rows, subject)),
    )


def pareto(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (seconds, dB) that no other beats in both, fastest first."""
    front: list[tuple[float, float]] = []
    for seconds, psnr in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or psnr > front[-1][1]:
            front.append((seconds, psnr))
    return front


def verdict(row: Mapping[str, str]) -> str:
    """The published number for a row, and whether ours reproduces it."""
    quoted = published().get((row["set"], row["damage"], row["method"]))
    if quoted is None:
        return "none comparable"
    says = "reproduced" if float(row["psnr"]) >= quoted - CLOSE else f"below by {quoted - float(row['psnr']):.2f} dB"
    return f"{quoted:.2f}: {says}"


def _table(name: str, damage: str, rows: Rows, prices: Mapping[tuple[str, str, str], Mapping[str, str]]) -> str:
    here = sorted((r for r in rows if (r["set"], r["damage"]) == (name, damage)), key=lambda r: -float(r["psnr"]))
    in_blocks = any(row.get("psnr_b") for row in here)
    head = (
        "method", "PSNR (dB)", "SSIM", *["PSNR-B (dB)"] * in_blocks, "s/MP, 1 core", "s/MP, 2 cores", "peak MB",
        "parameters", "trained (min)", "published, same protocol",
    )  # fmt: skip
    lines = [f"<h2>{escape(name)}, {escape(said(damage))}</h2><table><tr>"]
    lines += [f"<th>{title}</th>" for title in head] + ["</tr>"]
    for row in here:
        one, two = (prices.get((row["method"], row["weights"], threads)) for threads in ("1", "2"))
        cells = [f"{float(row['psnr']):.2f}", f"{float(row['ssim']):.4f}"]
        if in_blocks:
            cells.append(f"{float(row['psnr_b']):.2f}")
        cells += [f"{float(price['seconds_a_megapixel']):.2f}" if price else "" for price in (one, two)]
        cells.append(f"{float(two['peak_megabytes']):.0f}" if two else "")
        cells.append(f"{float(two['parameters']) / 1e6:.2f} M" if two and row["weights"] else "")
        cells.append(f"{float(two['training_seconds']) / 60:.0f}" if two and row["weights"] else "")
        cells.append(escape(verdict(row)))
        label = escape(row["weights"] or row["method"])
        lines.append(f"<tr><td>{label}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join([*lines, "</table>"])


def said(damage: str) -> str:
    """Damage words; for white noise alone, sigma of 255 as in the literature."""
    if damage.startswith("noise(sigma=") and "|" not in damage:
        return f"white noise, sigma = {255 * float(damage[12:-1]):g} of 255"
    return damage


def _plot(rows: Rows, prices: Mapping[tuple[str, str, str], Mapping[str, str]]) -> str:
    """Quality against time as SVG, with the Pareto front."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("the page needs matplotlib; install it with: pip install 'restora[lab]'") from error
    points = {}
    for row in rows:
        price = prices.get((row["method"], row["weights"], "2"))
        if price:
            points[row["weights"] or row["method"]] = float(price["seconds_a_megapixel"]), float(row["psnr"])
    if not points:
        return ""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", xlabel="seconds per megapixel, 2 cores", ylabel="PSNR (dB)",
        title=f"{rows[0]['set']}, {said(rows[0]['damage'])}",
    )  # fmt: skip
    axes.plot(*zip(*pareto(points.values()), strict=True), color="0.7", zorder=1, label="Pareto front")
    labelled: list[tuple[float, float]] = []
    for name, (seconds, psnr) in sorted(points.items(), key=lambda point: -point[1][1]):
        axes.scatter(seconds, psnr, zorder=2)
        crowd = sum(abs(psnr - other[1]) < 0.2 and 0.2 < seconds / other[0] < 5 for other in labelled)
        axes.annotate(name, (seconds, psnr), textcoords="offset points", xytext=(5, 4 - 11 * crowd))
        labelled.append((seconds, psnr))
    axes.margins(x=0.25)
    axes.grid(alpha=0.3)
    axes.legend()
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def _crops(rows: Rows, subject: Subject) -> Iterable[str]:
    """Clean, damaged and restored crops of a few pictures, for each measured set and damage."""
    for name, index, corner in subject.shown:
        for damage in sorted({row["damage"] for row in rows if row["set"] == name}):
            here = sorted(
                (
                    row
                    for row in rows
                    if (row["set"], row["damage"]) == (name, damage)
                    and row["method"] != NOTHING
                    and row["engine"] != "per-image"  # takes minutes per picture
                ),
                key=lambda row: -float(row["psnr"]),
            )
            paths = test_set(name).paths
            shrink = shrink_in(parse(damage)) or Shrink(1)
            x = shrink.cut(read(paths[min(index, len(paths) - 1)]).pixels)
            y = parse(damage).apply(x, np.random.default_rng(0))
            top, left = (max(0, min(at, side - CROP)) for at, side in zip(corner, x.shape[:2], strict=True))
            window = np.s_[top : top + CROP, left : left + CROP]
            as_large = y.repeat(shrink.scale, 0).repeat(shrink.scale, 1)
            before = measure(as_large, x, subject.protocol, shrink.scale).psnr
            figures = [_figure("clean", x[window], ""), _figure("damaged", as_large[window], f", {before:.2f} dB")]
            for row in here:
                entry = Entry(name, damage, row["method"], row["weights"])
                x_hat = restore(Image(y), plan_for(entry, "f32", Image(y)))[0].pixels
                psnr = measure(x_hat, x, subject.protocol, shrink.scale).psnr
                figures.append(_figure(row["weights"] or row["method"], x_hat[window], f", {psnr:.2f} dB"))
            title = f"{name}, {said(damage)}, picture {index + 1}"
            yield f"<h2>{escape(title)}</h2><div class=crops>{''.join(figures)}</div>"


def _figure(label: str, pixels: np.ndarray, note: str) -> str:
    eight_bit = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)[:, :, ::-1]  # OpenCV's order is blue, green, red
    data = base64.b64encode(cv2.imencode(".png", eight_bit)[1].tobytes()).decode()
    caption = escape(label + note)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )
