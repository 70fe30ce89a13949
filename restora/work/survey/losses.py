"""The losses of a training, as its card has them, in words."""

from collections.abc import Mapping
from typing import Any

NAMES = {"l1": "L1", "l2": "MSE", "dice": "Dice"}


def losses_of(card: Mapping[str, Any]) -> str:
    """The losses of all runs in order, those of the start weights first; equal ones that follow each other once."""
    found: list[str] = []
    while card and "recipe" in card:
        found.insert(0, _of_recipe(card["recipe"]))
        card = card.get("start") or {}
    return ", then ".join(dict.fromkeys(found))


def _of_recipe(recipe: Mapping[str, Any]) -> str:
    if recipe.get("detection"):
        return "classes and boxes"
    if recipe.get("cycle"):
        return "critics + cycle"
    words = [NAMES[recipe["loss"]]]
    if recipe.get("distillation"):
        words[0] += f" to {recipe['distillation']['teacher']}"
    if game := recipe.get("adversarial"):
        words += ["features"] * bool(game.get("content")) + ["critic"]
    return " + ".join(words)
