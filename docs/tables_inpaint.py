"""The tables of inpainting in docs/results.md and docs/inpaint.md."""

from collections.abc import Callable, Collection

from tables import rows

from restora.methods.table import METHODS
from restora.work.inpaint_suite import HOLES, SIZES, WIDE

CLASSICAL = ("biharmonic", "frequency-selective")
"""The better of these, picture by picture, is what a trained net must beat."""


def inpaint_table() -> str:
    """For each set and hole, the PSNR of the missing pixels by every method."""
    return _table(lambda row: (row["set"], _words(row["damage"])), "set | hole", _f32(HOLES))


def inpaint_sizes_table() -> str:
    """The same for pictures of three sizes, with strokes that grow with them."""
    here = sorted(_f32(SIZES.values()), key=lambda row: float(row["times"]))
    return _table(lambda row: (f"{float(row['times']):g}", _words(row["damage"])), "times | hole", here)


def inpaint_wide_table() -> str:
    """The same for squares of growing size, by the methods that `remove` uses and the default of `inpaint`."""
    sides = {words: str(side) for side, words in WIDE.items()}
    here = sorted(_f32(sides), key=lambda row: int(sides[row["damage"]]))
    return _table(lambda row: (sides[row["damage"]],), "side (pixels)", here)


def inpaint_bar_table() -> str:
    """The PSNR of whole pictures: the better classical method, picture by picture, and the trained nets beside it."""
    here = _f32(HOLES)
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


def _table(key: Callable[[dict[str, str]], tuple[str, ...]], head: str, here: list[dict[str, str]]) -> str:
    """A line for each key of the rows; columns are the methods that were measured, and the PSNR of missing pixels."""
    methods = [name for name in METHODS if any(row["method"] == name for row in here)]
    lines = [f"| {head} | {' | '.join(methods)} |", "|---" * (head.count("|") + 1 + len(methods)) + "|"]
    for label in dict.fromkeys(map(key, here)):
        scores = {row["method"]: f"{float(row['psnr_in_hole']):.2f}" for row in here if key(row) == label}
        lines.append(f"| {' | '.join([*label, *(scores.get(method, '') for method in methods)])} |")
    return "\n".join(lines)


def _f32(damages: Collection[str]) -> list[dict[str, str]]:
    """The rows with one of the damages, in f32."""
    return [row for row in rows("inpaint.csv") if row["precision"] == "f32" and row["damage"] in damages]


def _words(damage: str) -> str:
    return f"`{damage}`".replace("|", r"\|")
