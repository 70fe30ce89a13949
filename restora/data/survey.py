"""The systems of a survey of the field: its claims, and which rows of results measure them (survey.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Range = tuple[float, float]
"""The lowest and the highest value of a claim."""
SOURCE = 'M. M. Bhonde, "Study and analysis of deep learning for image restoration", OAIJSE 7(8), 2024'


@dataclass(frozen=True)
class Claim:
    """What the survey says of a system. parameters in millions, psnr in dB, days of training, milliseconds a picture.

    None where it gives no figure; `words` has what it says instead.
    """

    loss: str
    data: str
    psnr: Range
    ssim: Range
    days: Range
    milliseconds: Range
    parameters: Range | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()  # its data sets, as they are called in results


@dataclass(frozen=True)
class Selection:
    """Rows of results/FILE.csv that have these values; their mean is a measured value. label: what was measured."""

    file: str
    label: str
    where: Mapping[str, str]
    weights: str = ""
    psnr: str = "psnr"  # the column
    protocol: str = ""  # where the rows do not name it


@dataclass(frozen=True)
class System:
    """A line of the table. explained: reasons for cells that stay empty; judged: (mark, reason), both by quantity."""

    name: str
    method: str
    task: str
    architecture: str
    measured: tuple[Selection, ...]
    weights: str = ""
    claimed: Claim | None = None
    seconds: Mapping[str, Any] = field(default_factory=dict)  # rows with its time, if not in a file of costs
    explained: Mapping[str, str] = field(default_factory=dict)
    judged: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@cache
def systems() -> tuple[System, ...]:
    """The fourteen systems of the survey, then classical methods."""
    with (Path(__file__).parent / "survey.toml").open("rb") as file:
        return tuple(_system(dict(table)) for table in tomllib.load(file)["systems"])


def _system(table: dict[str, Any]) -> System:
    claimed = dict(table.pop("claimed", {}))
    words = {key.removesuffix("_words"): claimed.pop(key) for key in list(claimed) if key.endswith("_words")}
    ranges = {key: tuple(value) for key, value in claimed.items() if isinstance(value, list)}
    table["claimed"] = Claim(**{**claimed, **ranges}, words=words) if claimed else None
    table["measured"] = tuple(Selection(**each) for each in table["measured"])
    table["judged"] = {key: tuple(value) for key, value in table.pop("judged", {}).items()}
    return System(**table)
