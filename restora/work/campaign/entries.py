"""The file of a campaign: recipes, each with its share of the time and its changes for a larger device."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restora.core.errors import BadRecipe
from restora.core.names import nearest
from restora.learn.recipe import Recipe, read_recipe
from restora.learn.weights import listed
from restora.work.train import by_the_clock

KEYS = ("recipe", "share", "batch", "lr", "changes")


@dataclass(frozen=True)
class Entry:
    """One recipe of a campaign."""

    path: Path
    share: float  # of the time, relative to the other shares
    changes: dict[str, Any]  # keys that differ from the recipe's file: batch and learning rate of a larger device

    @property
    def recipe(self) -> Recipe:
        """The recipe with its changes, as one run with a time limit."""
        return by_the_clock(read_recipe(self.path), self.changes)

    @property
    def needs(self) -> set[str]:
        """Its start weights and its teacher."""
        recipe = self.recipe
        return {recipe.start, recipe.distillation.teacher if recipe.distillation else ""} - {""}

    @property
    def name(self) -> str:
        """The name of its weights."""
        return self.path.stem


def read_campaign(path: Path) -> list[Entry]:
    """The entries of a campaign file; recipes are in its folder. Raises BadRecipe, which names the wrong entry."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadRecipe(f"cannot read the campaign {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}") from error
    runs = values.get("runs")
    if not isinstance(runs, list) or not runs or set(values) != {"runs"}:
        raise BadRecipe(f"{path} must contain only [[runs]], each with a recipe and a share")
    entries = [_entry(path, number, run) for number, run in enumerate(runs, 1)]
    _check_order(path, entries)
    return entries


def _entry(path: Path, number: int, run: object) -> Entry:
    where = f"{path}, run {number}"
    if not isinstance(run, dict):
        raise BadRecipe(f"{where} must be a table")
    for key in run:
        if key not in KEYS:
            raise BadRecipe(f"{where} has an unknown key {key!r}; {nearest(key, KEYS)}")
    name, share, changes = run.get("recipe"), run.get("share"), dict(run.get("changes", {}))
    if not isinstance(name, str) or not isinstance(share, int | float) or isinstance(share, bool) or share <= 0:
        raise BadRecipe(f"{where} needs the name of a recipe and a share above 0")
    file = path.parent / f"{name}.toml"
    entry = Entry(file, float(share), changes | {key: run[key] for key in ("batch", "lr") if key in run})
    if entry.recipe.name != name:
        raise BadRecipe(f"{file} must be named after its weights, {entry.recipe.name}")
    return entry


def _check_order(path: Path, entries: Sequence[Entry]) -> None:
    """Raise BadRecipe if a recipe comes before its start weights or its teacher, or comes twice."""
    made: set[str] = set()
    names = {entry.name for entry in entries}
    for entry in entries:
        for other in sorted(entry.needs - made):
            if other in names:
                raise BadRecipe(f"{path}: {entry.name} needs {other}, which must be trained before it")
            if other not in listed():
                raise BadRecipe(f"{path}: {entry.name} needs the weights {other}, which are not installed")
        if entry.name in made:
            raise BadRecipe(f"{path} lists {entry.name} twice")
        made.add(entry.name)
