"""The tables of inpainting in docs/results.md."""

from tables import rows

from restora.methods.table import METHODS

CLASSICAL = ("biharmonic", "frequency-selective")
"""The better of these, picture by picture, is what a trained net must beat."""


def inpaint_table() -> str:
    """For each set and hole, the PSNR of the missing pixels by every method."""
    here = [row for row in _f32() if row["times"] == "1.0"]
    methods = [name for name in METHODS if any(row["method"] == name for row in here)]
    lines = [f"| set | hole | {' | '.join(methods)} |", "|---" * (len(methods) + 2) + "|"]
    for name, damage in dict.fromkeys((row["set"], row["damage"]) for row in here):
        mine = {row["method"]: row for row in here if (row["set"], row["damage"]) == (name, damage)}
        cells = [f"{float(mine[method]['psnr_in_hole']):.2f}" if method in mine else "" for method in methods]
        lines.append(f"| {name} | {_words(damage)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def inpaint_bar_table() -> str:
    """The PSNR of whole pictures: the better classical method, picture by picture, and the trained nets beside it."""
    here = [row for row in _f32() if row["times"] == "1.0"]
    nets = [name for name, row in METHODS.items() if row.learned and any(each["method"] == name for each in here)]
    head = ["set", "hole", f"better of {' and '.join(CLASSICAL)} (dB)", *nets]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, damage in dict.fromkeys((row["set"], row["damage"]) for row in here):
        mine = {row["method"]: row for row in here if (row["set"], row["damage"]) == (name, damage)}
        if not mine.keys() >= set(CLASSICAL):
            continue
        each = [list(map(float, mine[method]["each"].split())) for method in CLASSICAL]
        bar = sum(map(max, zip(*each, strict=True))) / len(each[0])
        gains = [f"{float(mine[net]['psnr']) - bar:+.2f}" if net in mine else "" for net in nets]
        lines.append(f"| {name} | {_words(damage)} | {bar:.2f} | {' | '.join(gains)} |")
    return "\n".join(lines)


def _f32() -> list[dict[str, str]]:
    return [row for row in rows("inpaint.csv") if row["precision"] == "f32"]


def _words(damage: str) -> str:
    return f"`{damage}`".replace("|", r"\|")
