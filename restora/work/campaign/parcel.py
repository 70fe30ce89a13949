"""What a campaign leaves: weights and cards in a few archives of bounded size, and a picture of all curves."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from restora.learn.weights import FILES

MOST_BYTES = 15_000_000
"""Of one archive."""
MOST_FILES = 6
"""Archives; with the log and the curves there are at most eight files."""
KINDS = ("safetensors", "json")
"""Of each weight; models are made where it is collected."""


def parcels(weights: Path, out: Path) -> list[str]:
    """Put the weights of a folder into out/weights-1.zip and so on; a line for each that found no room.

    Each archive is written aside and renamed. The largest are placed first, each in the first archive with room.
    """
    sizes = {
        path.stem: sum((weights / f"{path.stem}{FILES[kind]}").stat().st_size for kind in KINDS)
        for path in weights.glob("*.safetensors")
        if (weights / f"{path.stem}.json").exists()
    }
    boxes: list[list[str]] = []
    filled: list[int] = []
    left_out = []
    for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
        box = next((index for index, bytes_ in enumerate(filled) if bytes_ + size <= MOST_BYTES), len(boxes))
        if size > MOST_BYTES or box == MOST_FILES:
            left_out.append(f"{name} takes {size} bytes and found no room in the archives")
            continue
        if box == len(boxes):
            boxes.append([])
            filled.append(0)
        boxes[box].append(name)
        filled[box] += size
    for number, names in enumerate(boxes, 1):
        aside, target = weights / f"weights-{number}.part", out / f"weights-{number}.zip"
        with zipfile.ZipFile(aside, "w") as archive:  # float16 weights hardly get smaller
            for name in sorted(names):
                for kind in KINDS:
                    archive.write(weights / f"{name}{FILES[kind]}", f"{name}{FILES[kind]}")
        target.write_bytes(aside.read_bytes())
        aside.unlink()
    return left_out


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
            place.grid(alpha=0.3)
    figure.savefig(path, dpi=60)
