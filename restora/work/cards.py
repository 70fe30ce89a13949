"""Copy measured scores to the cards of the weights they belong to."""

import csv
from collections.abc import Iterator
from pathlib import Path

from restora.learn.weights import find, listed, rescore


def write_cards(results: Path) -> Iterator[str]:
    """Put the rows of a results file on the cards of the weights they are of; a line about each.

    What bf16 costs stays as it was on the card if the rows do not tell.
    """
    with results.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in listed():
        weights = find(name)
        mine = [  # not those of weights that had this name before
            {key: value for key, value in row.items() if key not in ("method", "weights")}
            for row in rows
            if row["weights"] == name and weights.checksum.startswith(row["weights_sha256"])
        ]
        if not mine:
            continue
        losses = [loss for row in mine if row["precision"] == "bf16" and (loss := bf16_loss(row, mine)) is not None]
        rescore(weights, mine, max(losses) if losses else weights.card.get("bf16_loss_db"))
        yield f"{name}: {len(mine)} scores, bf16 costs {losses} dB"


def bf16_loss(coarse: dict[str, str], rows: list[dict[str, str]]) -> float | None:
    """What a row in bf16 lost against that in f32 of the same pictures and damage, if there is one; engines agree."""
    same = ("set", "damage", "seed")
    for row in rows:
        if row["precision"] == "f32" and all(row[key] == coarse[key] for key in same):
            return round(float(row["psnr"]) - float(coarse["psnr"]), 3)
    return None
