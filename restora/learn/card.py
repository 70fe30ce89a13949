"""The card of weights: a JSON file with the facts about them, always checked when it is read."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from restora.core.errors import NoWeights

Kind = tuple[str, Callable[[Any], bool]]
"""The type of an entry, in words, and a function that checks a value."""

Tensors = Mapping[str, Mapping[str, int]]
"""The input or output tensors of a net by name: the planes of each in order, by name, with numbers of channels."""

TASKS = ("denoise", "jpeg", "enlarge", "fill", "deblur", "find", "regions", "translate", "video")
"""The tasks of nets."""
MOST_TENSORS, MOST_CHANNELS = 16, 64
"""Limits: tensors of a net and planes of a tensor; channels of a plane."""


def _whole(least: int, most: int) -> Kind:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _or_null(kind: Kind) -> Kind:
    return f"{kind[0]}, or null", lambda value: value is None or kind[1](value)


def _list_of(kind: Kind) -> Kind:
    return f"a list, each {kind[0]}", lambda value: isinstance(value, list) and all(map(kind[1], value))


def _tensors(needed: str, or_boxes: bool = False) -> Kind:
    boxes = {"boxes": {"box": 4, "class": 1, "score": 1}}

    def short(value: Any) -> bool:
        return isinstance(value, dict) and 0 < len(value) <= MOST_TENSORS

    def holds(value: Any) -> bool:
        if or_boxes and value == boxes:
            return True
        if not short(value) or not all(map(short, value.values())) or "image" not in value.get(needed, {}):
            return False
        counts = [count for planes in value.values() for count in planes.values()]
        return all(type(count) is int and 1 <= count <= MOST_CHANNELS for count in counts)

    return f'tables of planes by tensor, as {{"{needed}": {{"image": 3}}}}, {needed} among them', holds


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
    "inputs": _tensors("y"),
    "outputs": _tensors("x_hat", or_boxes=True),
    "task": (f"one of {', '.join(TASKS)}", lambda value: isinstance(value, str) and value in TASKS),
}
"""Entries of every card."""
KNOWN: dict[str, Kind] = {
    "classes": _list_of(TEXT),
    "side": _whole(32, 4096),
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
"""Optional entries of a card; a dot separates a table and its entry. Other entries are only displayed."""


def contract(channels: int, extra: Mapping[str, int], task: str) -> dict[str, Any]:
    """The card entries of a net from one picture to one picture: its inputs, its outputs and its task.

    The input y is the picture with its channels, followed by other planes, as {"sigma": 1} or {"mask": 1}. The output
    x_hat is the restored picture; of the task "find" it is one plane, a mask.
    """
    return {
        "inputs": {"y": {"image": channels} | dict(extra)},
        "outputs": {"x_hat": {"image": 1 if task == "find" else channels}},
        "task": task,
    }


def region_contract(classes: Sequence[str], side: int) -> dict[str, Any]:
    """The card entries of a net from a picture, side x side, to boxes (N, 6) around its damaged regions.

    Each row is top, left, height and width in pixels, the index of the class, and the score.
    """
    return {
        "inputs": {"y": {"image": 3}},
        "outputs": {"boxes": {"box": 4, "class": 1, "score": 1}},
        "task": "regions",
        "classes": list(classes),
        "side": side,
        "int8": {"passed": False, "objections": ["the gate compares pictures, and this net returns boxes"]},
    }


def read_card(path: Path) -> dict[str, Any]:
    """The card in a file. Raises NoWeights, naming the wrong entry.

    Old cards do not have inputs, outputs and task; they are added here: such a net takes one picture, and sigma if its
    recipe says so, and returns one picture.
    """
    try:
        card = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NoWeights(f"{path} is not a card of weights: it is not JSON") from error
    if isinstance(card, dict) and card.keys().isdisjoint(("inputs", "outputs", "task")):
        card |= _older_contract(card)
    return check_card(card, str(path))


def _older_contract(card: dict[str, Any]) -> dict[str, Any]:
    """The contract of a card without one; its other entries are not checked yet."""
    recipe = card.get("recipe")
    knobs = recipe.get("knobs") if isinstance(recipe, dict) else None
    told = knobs.get("told", 0) if isinstance(knobs, dict) else 0
    enlarges = card.get("scale", 1) != 1 or card.get("scales")  # nets of scale 1 may sharpen enlarged pictures
    extra = {"sigma": told} if told else {}
    return contract(card.get("channels"), extra, "enlarge" if enlarges else "denoise")  # type: ignore[arg-type]


def check_card(card: Any, called: str) -> dict[str, Any]:
    """The card itself. called: its name in messages. Raises NoWeights, naming the wrong entry."""
    if not isinstance(card, dict):
        raise NoWeights(f"{called} is not a card of weights: it must be a table of entries")
    for key, (words, holds) in (KNOWN | NEEDED).items():
        *tables, last = key.split(".")
        table = card
        for name in tables:
            table = table.get(name, {})
        if last not in table and key in NEEDED:
            raise NoWeights(f"{called} is not a card of weights: it lacks {key}")
        if last in table and not holds(table[last]):
            raise NoWeights(f"{called}: {key} must be {words}, not {shortened(table[last])}")
    if (card["task"] == "regions") != ("boxes" in card["outputs"]) or (
        card["task"] == "regions" and not (card.get("classes") and card.get("side"))
    ):
        raise NoWeights(f"{called}: nets of the task regions, and only these, return boxes, and name classes and side")
    if card["method"] == "foreign" and "bounded" not in card:
        # The model of such weights includes the clamp to 0..1, which hides NaN.
        raise NoWeights(
            f"{called} is from an earlier version of Restora; add the weights again with restora weights add --force"
        )
    return card
