"""The output of a campaign: weights and cards in a few archives of limited size, and a picture of all curves."""

import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from restora.core.errors import NoWeights
from restora.learn.weights import FILES, verify

MOST_BYTES = 14_900_000
"""Size limit in bytes of an archive."""
MOST_FILES = 6
"""Maximum number of archives; with log and curves there are at most eight files."""
TRIES = 20
KINDS = ("safetensors", "json")
"""Files of each weights; models are made when they are collected."""


def parcels(weights: Path, out: Path) -> list[str]:
    """Write the weights of a folder to out/weights-1.zip and so on; returns a line for each that does not fit.

    Each archive is written aside and renamed. The largest are placed first, each in the first archive with room.
    """
    whole = {name: files for name in names_in(weights) if (files := _files(weights, name))}
    sizes = {name: sum(map(len, files.values())) for name, files in whole.items()}
    boxes: list[list[str]] = []
    filled: list[int] = []
    left_out = []
    for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
        box = next((index for index, bytes_ in enumerate(filled) if bytes_ + size <= MOST_BYTES), len(boxes))
        if size > MOST_BYTES or box == MOST_FILES:
            left_out.append(f"{name} needs {size} bytes and does not fit into the archives")
            continue
        if box == len(boxes):
            boxes.append([])
            filled.append(0)
        boxes[box].append(name)
        filled[box] += size
    for number, names in enumerate(boxes, 1):
        aside = out / f".weights-{number}.part"
        with zipfile.ZipFile(aside, "w") as archive:  # float16 weights hardly compress
            for name in sorted(names):
                for file, data in whole[name].items():
                    archive.writestr(file, data)
        aside.replace(out / f"weights-{number}.zip")
    return left_out


def names_in(weights: Path) -> list[str]:
    """The names of the weights in a folder."""
    return sorted(path.stem for path in weights.glob("*.safetensors"))


def _files(weights: Path, name: str) -> dict[str, bytes]:
    """Arrays and card of some weights, by file name; empty if they do not match the index for two seconds.

    They may be written at this moment, one file after the other.
    """
    for _ in range(TRIES):
        with suppress(NoWeights, OSError):
            verify(name, weights)
            files = {f"{name}{FILES[kind]}": (weights / f"{name}{FILES[kind]}").read_bytes() for kind in KINDS}
            verify(name, weights)  # they have not changed meanwhile
            return files
        time.sleep(0.1)
    return {}


def draw_curves(rows: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """A PNG with the held-out score of each run over its seconds, and its loss."""
    from matplotlib.figure import Figure

    drawn = {name: each for name, each in rows.items() if each}
    if not drawn:
        return
    figure = Figure(figsize=(8, 2.2 * len(drawn)), layout="constrained")
    places = figure.subplots(len(drawn), 2, squeeze=False)
    for (name, each), axes in zip(drawn.items(), places, strict=True):
        for place, key in zip(axes, ("score", "loss"), strict=True):
            place.plot([row["seconds"] for row in each], [row[key] for row in each], marker=".")
            place.set(title=f"{name}: {key}", xlabel="seconds")
            place.ticklabel_format(useOffset=False)
            place.grid(alpha=0.3)
    figure.savefig(path, dpi=60)
