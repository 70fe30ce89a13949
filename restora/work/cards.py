"""Copy measured scores to the cards of the weights they belong to."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from restora.learn.weights import Weights, find, listed, rescore


def write_cards(results: Path) -> Iterator[str]:
    """Put the rows of a results file on the cards of the weights they are of; a line about each.

    Scores by other protocols stay on the card, as they are from other files. What bf16 costs stays as it was there if
    the rows do not tell.
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
        scores = sorted([*_by_others(weights, mine), *mine], key=_protocol)
        losses = [loss for row in scores if row["precision"] == "bf16" and (loss := bf16_loss(row, scores)) is not None]
        known = all(map(math.isfinite, losses))  # the greatest of numbers and NaN may be any of them
        loss = max(losses, default=weights.card.get("bf16_loss_db")) if known else None
        rescore(weights, scores, loss)
        yield f"{name}: {len(mine)} scores, bf16 costs {losses} dB"


def _by_others(weights: Weights, mine: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The scores on a card that are of these very weights, by protocols that no new score has."""
    new = {_protocol(score) for score in mine}
    return [
        score
        for score in weights.card.get("scores", [])
        if _protocol(score) not in new and weights.checksum.startswith(score["weights_sha256"])
    ]


def _protocol(score: Mapping[str, str]) -> str:
    return score.get("protocol", "")


def bf16_loss(coarse: dict[str, str], rows: list[dict[str, str]]) -> float | None:
    """What a row in bf16 lost against that in f32 of the same pictures and damage, if there is one; engines agree."""
    same = ("set", "damage", "seed")
    for row in rows:
        if row["precision"] == "f32" and all(row[key] == coarse[key] for key in same):
            return round(float(row["psnr"]) - float(coarse["psnr"]), 3)
    return None
