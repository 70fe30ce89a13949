"""The card of weights: a JSON file that says what they are. Whoever wrote it, it is checked when it is read."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from restora.core.errors import NoWeights

Kind = tuple[str, Callable[[Any], bool]]
"""What an entry must be, in words, and whether a value is that."""


def _whole(least: int, most: int) -> Kind:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _or_null(kind: Kind) -> Kind:
    return f"{kind[0]}, or null", lambda value: value is None or kind[1](value)


def _list_of(kind: Kind) -> Kind:
    return f"a list, each {kind[0]}", lambda value: isinstance(value, list) and all(map(kind[1], value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


TEXT: Kind = ("text", lambda value: isinstance(value, str))
TABLE: Kind = ("a table", lambda value: isinstance(value, dict))
TRUTH: Kind = ("true or false", lambda value: isinstance(value, bool))
NUMBER: Kind = ("a number", _is_number)

NEEDED: dict[str, Kind] = {
    "name": TEXT,
    "method": TEXT,
    "channels": ("1 or 3", lambda value: type(value) is int and value in (1, 3)),
    "multiple": _whole(1, 1024),
    "halo": _or_null(_whole(0, 10**6)),
    "parameters": _whole(0, 10**12),
    "terms": TEXT,
}
"""What every card says."""
KNOWN: dict[str, Kind] = {
    "scale": _whole(1, 64),
    "scales": _list_of(_whole(1, 64)),
    "memory": _whole(1, 10**9),
    "bounded": TRUTH,
    "stored_as": ("float16 or float32", lambda value: value in ("float16", "float32")),
    "sees": TEXT,
    "architecture": TEXT,
    "bf16_loss_db": _or_null(NUMBER),
    "int8": TABLE,
    "int8.passed": TRUTH,
    "int8.mean_loss": _or_null(NUMBER),
    "int8.objections": _list_of(TEXT),
    "recipe": TABLE,
    "recipe.knobs": TABLE,
    "recipe.knobs.told": _whole(0, 1),
    "trained": TABLE,
    "start": TABLE,
    "scores": _list_of(TABLE),
}
"""What a card may say; a dot leads into a table. Entries that are not listed here are only shown."""


def read_card(path: Path) -> dict[str, Any]:
    """The card in a file. Raises NoWeights, naming the entry that is wrong."""
    try:
        card = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NoWeights(f"{path} is not a card of weights: it is not JSON") from error
    return check_card(card, str(path))


def check_card(card: Any, called: str) -> dict[str, Any]:
    """The card itself. called: what messages call it. Raises NoWeights, naming the entry that is wrong."""
    if not isinstance(card, dict):
        raise NoWeights(f"{called} is not a card of weights: it must be a table of entries")
    for key, (words, holds) in (NEEDED | KNOWN).items():
        *tables, last = key.split(".")
        table = card
        for name in tables:
            table = table.get(name, {})
        if last not in table and key in NEEDED:
            raise NoWeights(f"{called} is not a card of weights: it lacks {key}")
        if last in table and not holds(table[last]):
            raise NoWeights(f"{called}: {key} must be {words}, not {shortened(table[last])}")
    if card["method"] == "foreign" and "bounded" not in card:
        # The model of such weights holds the clamp to 0..1, which hides NaN.
        raise NoWeights(
            f"{called} is from an earlier version of Restora: add the weights again with restora weights add --force"
        )
    return card
