"""The roofline: the speed of each net below the limits of the machine (Williams, Waterman and Patterson, 2009)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

COLOURS = {"f32": "#4477aa", "bf16": "#228833", "int8": "#cc6677"}


def draw_roofline(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """A PNG of the speed rows of one machine: operations per second over operations per byte moved by layers."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=120, layout="constrained")
    use = np.geomspace(1, 10 * max(float(row["gops_a_gigabyte"]) for row in rows), 200)
    for precision, colour in COLOURS.items():
        mine = [row for row in rows if row["precision"] == precision]
        if not mine:
            continue
        top = max(float(row["ceiling_gops"]) for row in mine)
        roof = np.minimum(top, use * float(mine[0]["memory_gigabytes"]))
        axes.plot(use, roof, color=colour, label=f"{precision}: {top:.0f} Gop/s at most")
        best: dict[str, Mapping[str, str]] = {}
        for row in sorted(mine, key=lambda row: float(row["gops"])):
            best[row["weights"]] = row
        fastest = sorted(best.items(), key=lambda each: -float(each[1]["gops"]))
        for below, (name, row) in enumerate(fastest):  # one label under the other
            place = float(row["gops_a_gigabyte"]), float(row["gops"])
            axes.plot(*place, "o", color=colour, markersize=4)
            axes.annotate(
                f"{name} {place[1]:.0f}",
                place,
                xytext=(0.98 * place[0], 0.8 * top * 0.93**below),
                arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.3},
                ha="right" if precision == "f32" else "left",
                **{"va": "top", "color": colour, "fontsize": 7},
            )
    axes.set_yscale("log", base=2)
    axes.set_ylim(top=1.3 * max(float(row["ceiling_gops"]) for row in rows))
    axes.set(xscale="log", xlabel="operations per byte moved by its layers", ylabel="Gop/s, fastest engine")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.ScalarFormatter())
        axis.set_minor_formatter(ticker.NullFormatter())
    axes.set_title(rows[0]["machine"], fontsize=9)
    axes.legend(loc="lower right", fontsize=9)
    axes.grid(True, which="major", alpha=0.25)
    figure.savefig(path)
    pyplot.close(figure)
