"""The table of JPEG artefact removal in docs/results.md."""

from tables import label, rows

from restora.data.sets import published
from restora.work.suite import COMPRESSED, JPEGS

QUOTED = {"arcnn": "ARCNN", "dncnn-3": "DnCNN-3", "fbcnn": "FBCNN"}
SETS = {"Classic5": "5 pictures, grey", "LIVE1": "10 of its 29 pictures, colour: not comparable with averages of all"}
KINDS = ("psnr", "ssim", "psnr_b")


def jpeg_table() -> str:
    """For each set and damage every measured method, best first, followed by the published numbers."""
    measured = [row for row in rows("jpeg.csv") if row["precision"] == "f32"] + rows("jpeg_rivals.csv")
    lines = []
    for name in COMPRESSED:
        lines += [f"**{name}** ({SETS[name]})", ""]
        lines += ["| JPEG | method | PSNR (dB) | SSIM | PSNR-B (dB) |", "|---|---|---|---|---|"]
        for damage in JPEGS:
            here = [row for row in measured if (row["set"], row["damage"]) == (name, damage)]
            for row in sorted(here, key=lambda row: -float(row["psnr"])):
                lines.append(f"| {_said(damage)} | {_called(row)} | {_cells(*(float(row[kind]) for kind in KINDS))} |")
            lines += [f"| {_said(damage)} | {line} |" for line in _quoted(name, damage)]
        lines.append("")
    return "\n".join(lines).strip()


def _said(damage: str) -> str:
    """Damage words of JPEG for a cell: 10, then 30, grid moved by 4 and 4."""
    words = damage.replace("jpeg(quality=", "").replace(", down=4, right=4", ", grid moved by 4 and 4")
    return words.replace(") | ", ", then ").rstrip(")")


def _called(row: dict[str, str]) -> str:
    return "DnCNN-3, its authors' weights" if row["method"] == "dncnn-3" else label(row)


def _quoted(name: str, damage: str) -> list[str]:
    """The cells of the published numbers."""
    found = [{key: value for key, value in published(kind).items() if key[:2] == (name, damage)} for kind in KINDS]
    return [
        f"*{QUOTED[method]}, published* | {_cells(*(each[name, damage, method] for each in found), digits=3)}"
        for _, _, method in found[0]
        if method in QUOTED
    ]


def _cells(psnr: float, ssim: float, psnr_b: float, digits: int = 4) -> str:
    return f"{psnr:.2f} | {ssim:.{digits}f} | {psnr_b:.2f}"
