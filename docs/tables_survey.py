"""The tables of docs/survey.md and docs/protocols.md, and the survey as HTML and CSV."""

import csv
from functools import partial

from tables import NAMES, ROOT, rows

from restora.metrics.protocol import PROTOCOLS
from restora.work.benchmark_page import said
from restora.work.survey import written
from restora.work.survey.html import as_html
from restora.work.survey.table import survey

LINES = survey(ROOT / "results")
SUITES = (
    ("denoise", "denoise.csv", "restora bench denoise", "denoise"),
    ("enlarging", "superres.csv", "restora bench superres", "sr-y"),
    ("JPEG", "jpeg.csv", "restora bench jpeg", "jpeg-y"),
    ("deblurring", "deblur.csv", "restora bench deblur", "denoise of grey, deblur of colour"),
    ("filling holes", "inpaint.csv", "restora bench inpaint", "denoise; and PSNR in the hole"),
    ("translation", "translate.csv", "restora bench translate", "denoise; L1, kernel distance of features"),
    ("clips", "video.csv", "restora bench video", "denoise, frame by frame; flicker"),
    ("untrained nets", "deep_prior.csv", "python benchmarks/deep_prior.py", "float"),
    ("regions", "regions.csv", "python benchmarks/regions.py", "average precision; denoise"),
    ("time and memory", "cost.csv", "restora bench cost", "seconds and peak of a fresh process"),
    ("speed of engines", "speed.csv", "restora bench speed", "median of rounds, engines in turn"),
    ("parameters", "parameters.csv", "python benchmarks/parameters.py", "counted"),
)
"""What is measured, its results file, its command and its protocol."""
PUBLISHED = NAMES | {
    "srcnn": "SRCNN", "vdsr": "VDSR", "edsr": "EDSR", "nothing": "JPEG itself", "arcnn": "ARCNN", "dncnn-3": "DnCNN-3",
    "fbcnn": "FBCNN",
}  # fmt: skip


def survey_files() -> dict[str, str]:
    """The survey without pictures, by the name of the file in docs/."""
    return {"survey.html": as_html(LINES) + "\n", "survey.csv": written.as_csv(LINES) + "\n"}


def insights_link() -> str:
    """A link to the experiments behind the survey, once they are there."""
    if (ROOT / "docs" / "insights.md").exists():
        return "What follows from this, each with the experiment behind it: [insights](insights.md)."
    return ""


def protocols_table() -> str:
    """The protocols of `restora measure`."""
    lines = ["| protocol | compared | cropped | rounded to 8 bits | SSIM | for |", "|---" * 6 + "|"]
    for each in PROTOCOLS.values():
        about = each.about.partition(" (")[2].rstrip(")") or "RGB tables of super-resolution"
        channel = "luma" if each.channel == "y" else "grey or RGB, as in the file"
        crop = "a border as wide as the scale" if each.crop_scale else "nothing"
        cells = [f"`{each.name}`", channel, crop, "yes" if each.rounding else "no", each.ssim, about]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def suites_table() -> str:
    """What is measured by which command, and the sets of its results."""
    lines = ["| what | results | command | protocol | sets |", "|---" * 5 + "|"]
    for what, file, command, protocol in SUITES:
        found = rows(file) if (ROOT / "results" / file).exists() else []
        sets = ", ".join(dict.fromkeys(row["set"].removeprefix("eval/") for row in found if row.get("set"))) or "none"
        lines.append(f"| {what} | `results/{file}` | `{command}` | {protocol} | {sets} |")
    return "\n".join(lines)


def published_table() -> str:
    """The published numbers that stand beside ours, with their source."""
    lines = ["| set | damage | method | PSNR (dB) | SSIM | source |", "|---" * 6 + "|"]
    with (ROOT / "restora" / "data" / "published.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            damage = said(row["damage"]).replace("|", "\\|")
            cells = [
                row["set"],
                damage,
                PUBLISHED.get(row["method"], row["method"]),
                row["psnr"],
                row["ssim"] or "not quoted",
            ]
            lines.append(f"| {' | '.join([*cells, row['source']])} |")
    return "\n".join(lines)


SURVEY = {
    "protocols": protocols_table,
    "suites": suites_table,
    "published": published_table,
    "insights_link": insights_link,
} | {
    f"survey_{name.removesuffix('_table')}": partial(make, LINES)
    for name, make in vars(written).items()
    if name.endswith("_table") and not name.startswith("_")
}
"""The function that makes each table, by name."""
