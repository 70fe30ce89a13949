"""Copy measured scores to the cards of the weights they belong to."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from restora.learn.weights import Weights, find, listed, rescore


def write_cards(results: Path) -> Iterator[str]:
    """Put the rows of a results file on the cards of their weights; yields a line about each.

    Scores by other protocols stay on the card, as they are from other files. The cost of bf16 stays if the rows do not
    have it.
    """
    with results.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in listed():
        weights = find(name)
        mine = [  # not those of earlier weights with this name
            {key: value for key, value in row.items() if key not in ("method", "weights")}
            for row in rows
            if row["weights"] == name and weights.checksum.startswith(row["weights_sha256"])
        ]
        if not mine:
            continue
        scores = sorted([*_by_others(weights, mine), *mine], key=_protocol)
        losses = [loss for row in scores if row["precision"] == "bf16" and (loss := bf16_loss(row, scores)) is not None]
        known = all(map(math.isfinite, losses))  # max() of numbers and NaN depends on their order
        loss = max(losses, default=weights.card.get("bf16_loss_db")) if known else None
        rescore(weights, scores, loss)
        yield f"{name}: {len(mine)} scores, bf16 costs {losses} dB"


def _by_others(weights: Weights, mine: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The scores on a card that belong to exactly these weights, by protocols without new scores."""
    new = {_protocol(score) for score in mine}
    return [
        score
        for score in weights.card.get("scores", [])
        if _protocol(score) not in new and weights.checksum.startswith(score["weights_sha256"])
    ]


def _protocol(score: Mapping[str, str]) -> str:
    return score.get("protocol", "")


def bf16_loss(coarse: dict[str, str], rows: list[dict[str, str]]) -> float | None:
    """The loss of a bf16 row against the f32 row of the same pictures and damage, if any; the engine may differ."""
    same = ("set", "damage", "seed")
    for row in rows:
        if row["precision"] == "f32" and all(row[key] == coarse[key] for key in same):
            return round(float(row["psnr"]) - float(coarse["psnr"]), 3)
    return None
