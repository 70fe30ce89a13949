"""Copy measured scores to the cards of the weights they belong to."""

import csv
from collections.abc import Iterator
from pathlib import Path

from restora.learn.weights import find, listed, rescore


def write_cards(results: Path) -> Iterator[str]:
    """Put the rows of a results file on the cards of their weights; a line about each."""
    with results.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in listed():
        mine = [
            {k: v for k, v in row.items() if k not in ("method", "weights")} for row in rows if row["weights"] == name
        ]
        losses = [bf16_loss(row, mine) for row in mine if row["precision"] == "bf16"]
        rescore(find(name), mine, max(losses) if losses else None)
        yield f"{name}: {len(mine)} scores, bf16 costs {losses} dB"


def bf16_loss(coarse: dict[str, str], rows: list[dict[str, str]]) -> float:
    """What a row in bf16 lost against the row in f32 of the same pictures and damage; engines agree in f32."""
    same = ("set", "damage", "seed")
    exact = next(row for row in rows if row["precision"] == "f32" and all(row[key] == coarse[key] for key in same))
    return round(float(exact["psnr"]) - float(coarse["psnr"]), 3)
