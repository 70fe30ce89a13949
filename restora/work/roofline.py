"""The roofline: what each net reached, beneath what the machine can do (Williams, Waterman and Patterson, 2009)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

COLOURS = {"f32": "#4477aa", "bf16": "#228833", "int8": "#cc6677"}


def draw_roofline(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """A PNG of speed rows of one machine: operations a second over operations for each byte that layers move."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=120, layout="constrained")
    use = np.geomspace(1, 10 * max(float(row["gops_a_gigabyte"]) for row in rows), 200)
    for precision, colour in COLOURS.items():
        mine = [row for row in rows if row["precision"] == precision]
        if not mine:
            continue
        top = max(float(row["ceiling_gops"]) for row in mine)
        axes.plot(use, np.minimum(top, use * float(mine[0]["memory_gigabytes"])), color=colour)
        axes.text(use[-1], 1.05 * top, f"{precision}: {top:.0f} Gop/s", color=colour, ha="right", fontsize=9)
        best: dict[str, Mapping[str, str]] = {}
        for row in sorted(mine, key=lambda row: float(row["gops"])):
            best[row["weights"]] = row
        for name, row in best.items():
            place = float(row["gops_a_gigabyte"]), float(row["gops"])
            axes.plot(*place, "o", color=colour, markersize=5)
            axes.annotate(name, place, xytext=(5, -9), textcoords="offset points", fontsize=7, color="#444444")
    axes.set(xscale="log", yscale="log", xlabel="operations a byte moved by its layers", ylabel="Gop/s, fastest engine")
    axes.set_title(rows[0]["machine"], fontsize=9)
    axes.grid(True, which="major", alpha=0.25)
    figure.savefig(path)
    pyplot.close(figure)
