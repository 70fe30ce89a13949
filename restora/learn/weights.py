"""Weights on disk: NAME.safetensors, NAME.onnx and NAME.json (the card), with checksums in the folder's index.toml.

Weights that passed the gate have NAME.int8.onnx too: the same parameters, computed in 8-bit integers. Reading weights
needs no torch, and unpickles nothing.

The index decides which weights a folder holds. New files are written aside, then the index is replaced, then they are
moved to their places; `verify` moves those that a kill left aside. So a kill leaves the old weights or the new.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadWeights, NoWeights, OutputExists, RestoraError
from restora.core.names import nearest
from restora.learn.card import Tensors, check_card, read_card

SHIPPED = Path(__file__).parent.parent / "weights"
FILES = {"safetensors": ".safetensors", "onnx": ".onnx", "json": ".json"}
"""Of all weights, by their key in the index."""
INT8 = {"int8": ".int8.onnx"}
"""Of those that passed the gate."""
OPTIONAL = ("onnx", "int8")
"""What weights may lack: those in the midst of a campaign have no model yet."""


@dataclass(frozen=True)
class Weights:
    """Weights whose checksums have been verified.

    The card says method, channels, inputs, outputs, task, the recipe, the commit, the photographs with their licences,
    the seed, seconds, machine, scores with protocol, and terms of use.
    """

    name: str
    folder: Path
    card: dict[str, Any]
    sums: Mapping[str, str]  # checksums, by the keys of FILES and INT8; those of OPTIONAL may be absent

    @property
    def checksum(self) -> str:
        """Of the .safetensors file, which holds the parameters."""
        return self.sums["safetensors"]

    @property
    def onnx(self) -> Path:
        """The model that runs without torch; its parameters may be in the .safetensors file beside it.

        Raises NoWeights if it was not exported: such weights are only to begin training from.
        """
        if "onnx" not in self.sums:
            raise NoWeights(f"{self.name} in {self.folder} was not exported: it can only be trained on")
        return self.folder / f"{self.name}.onnx"

    @property
    def int8(self) -> Path | None:
        """The same model in 8-bit integers; None if there is none that passed the gate."""
        passed = self.card.get("int8", {}).get("passed") and "int8" in self.sums
        return self.folder / f"{self.name}{INT8['int8']}" if passed else None

    @property
    def inputs(self) -> Tensors:
        """The planes of each tensor that the net takes."""
        return self.card["inputs"]

    @property
    def outputs(self) -> Tensors:
        """The planes of each tensor that the net gives."""
        return self.card["outputs"]

    @property
    def task(self) -> str:
        """What the net is for, one of learn.card.TASKS."""
        return self.card["task"]

    def takes(self, plane: str) -> bool:
        """Whether a plane of this name is among the inputs, as "sigma" of a net that can be told the noise level."""
        return any(plane in planes for planes in self.inputs.values())

    @property
    def recipe(self) -> dict[str, Any]:
        """What they were trained by, as plain values. Raises RestoraError for weights that came from elsewhere."""
        if "recipe" not in self.card:
            raise RestoraError(f"{self.name} came from elsewhere and has no recipe: it can be used, and nothing else")
        return dict(self.card["recipe"])

    def arrays(self) -> dict[str, np.ndarray]:
        """The net's parameters by name, float16 unless the card says otherwise."""
        return read_parameters(self.folder / f"{self.name}.safetensors")


def read_parameters(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by name. Raises BadWeights if it is not one."""
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except Exception as error:  # of the format, of the system, or of a kind of number that numpy has not
        raise BadWeights(f"{path} is not a .safetensors file of weights, or is damaged") from error


def own_folder() -> Path:
    """Where the user's own weights are: $RESTORA_WEIGHTS, else ~/.local/share/restora/weights."""
    return Path(os.environ.get("RESTORA_WEIGHTS") or Path.home() / ".local" / "share" / "restora" / "weights")


def folders() -> list[Path]:
    """Where weights are looked for: the user's folder, then the package."""
    return [own_folder(), SHIPPED]


def free_name(name: str, example: str, force: bool) -> None:
    """Raise RestoraError if the user's own weights cannot be called so, OutputExists if some are; force: overwrite."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) or (name in listed() and listed()[name] != own_folder()):
        raise RestoraError(
            f"{name!r} cannot be the name of your weights; take letters, digits, -, _ and dots, as {example}"
        )
    if name in listed() and not force:
        raise OutputExists(f"{own_folder() / name} exists; overwrite it with --force")


def listed() -> dict[str, Path]:
    """All weights by name, with the folder they are in; the user's hide shipped ones of the same name."""
    return {name: folder for folder in reversed(folders()) for name in _index(folder)}


def find(name: str) -> Weights:
    """Weights by name, or by the path of one of their files. Raises NoWeights if absent or changed."""
    path = Path(name)
    if path.suffix in FILES.values() and path.exists():
        return verify(path.stem, path.parent)
    if path.suffix and path.is_file():
        raise NoWeights(f"{name} is not in Restora's form; add it first: restora weights add {name}")
    known = listed()
    if name not in known:
        raise NoWeights(f"no weights are called {name!r}; {nearest(name, known) if known else 'none are installed'}")
    return verify(name, known[name])


def verify(name: str, folder: Path) -> Weights:
    """Check the checksums of all files of some weights. Raises NoWeights, naming the file that is not as indexed."""
    index = _index(folder)
    if name not in index:
        raise NoWeights(
            f"{folder / 'index.toml'} does not list {name}: give weights by their name (restora weights list),"
            f" or add them first (restora weights add FILE)"
        )
    sums = index[name]
    for kind, ending in (FILES | INT8).items():
        path = folder / f"{name}{ending}"
        if kind in OPTIONAL and kind not in sums:
            continue
        _move_in(path, sums.get(kind, ""))
        if not path.is_file():
            raise NoWeights(f"{path} is missing")
        if _checksum(path) != sums.get(kind):
            raise NoWeights(f"{path} is not the file that {folder / 'index.toml'} lists: its checksum differs")
    return Weights(name, folder, read_card(folder / f"{name}.json"), sums)


def packed(arrays: dict[str, np.ndarray], kind: str = "float16") -> bytes:
    """Arrays in the safetensors format: floats as float16, or another kind; whole numbers, as counts, as they are.

    Raises BadWeights, naming an array that is not finite then: engines may hide what comes of it, as max(0, NaN) is 0.
    """
    from safetensors.numpy import save

    with np.errstate(over="ignore"):  # what is too large becomes infinity, which is refused
        kept = {key: value.astype(kind) if value.dtype.kind == "f" else value for key, value in arrays.items()}
    for key, value in kept.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise BadWeights(f"{key} holds NaN, infinity or a number too large for {kind}; such weights are not stored")
    return save(kept)


def store(
    name: str,
    folder: Path,
    arrays: dict[str, np.ndarray],
    onnx: bytes | None,
    card: dict[str, Any],
    int8: bytes | None = None,
) -> Weights:
    """Write weights and card to a folder and list them in its index. onnx, int8: models, if any.

    Arrays become float16, or what the card names with `stored_as`. A kill at any moment leaves the weights that had
    this name, or these. Raises BadWeights for arrays that are not finite, NoWeights for a card that lacks something.
    """
    check_card(card, f"the card of {name}")
    folder.mkdir(parents=True, exist_ok=True)
    parameters = packed(arrays, card.get("stored_as", "float16"))
    contents = {"safetensors": parameters, "json": (json.dumps(card, indent=1) + "\n").encode()}
    contents |= {kind: model for kind, model in (("onnx", onnx), ("int8", int8)) if model is not None}
    index = _index(folder)
    index[name] = {kind: hashlib.sha256(data).hexdigest() for kind, data in contents.items()}
    paths = {kind: folder / f"{name}{ending}" for kind, ending in (FILES | INT8).items()}
    for kind, data in contents.items():
        _write(_aside(paths[kind]), data)
    lines = [
        f'["{key}"]\n' + "".join(f'{kind} = "{value}"\n' for kind, value in sums.items())
        for key, sums in sorted(index.items())
    ]
    listing = folder / "index.toml"
    _write(_aside(listing), "\n".join(lines).encode())
    _aside(listing).replace(listing)  # from here on the new weights are those of the name
    made = verify(name, folder)
    for kind, path in paths.items():
        _aside(path).unlink(missing_ok=True)
        if kind not in contents:  # models of earlier parameters
            path.unlink(missing_ok=True)
    return made


def trainings(card: dict[str, Any]) -> list[dict[str, Any]]:
    """How weights were trained, then how those that they began from were, and so on back."""
    start = card.get("start", {})
    return [card["trained"], *(trainings(start) if "trained" in start else [])]


def rescore(weights: Weights, scores: list[dict[str, Any]], bf16_loss: float | None) -> Weights:
    """The same weights with new scores on their card, and what bf16 costs them in dB (None: not measured)."""
    card = {**weights.card, "scores": scores, "bf16_loss_db": bf16_loss}
    int8 = weights.int8.read_bytes() if weights.int8 else None
    return store(weights.name, weights.folder, weights.arrays(), weights.onnx.read_bytes(), card, int8)


def with_int8(weights: Weights, model: bytes | None, facts: dict[str, Any]) -> Weights:
    """The same weights with another int8 model, or none, and what the gate found on their card."""
    card = {**weights.card, "int8": facts}
    return store(weights.name, weights.folder, weights.arrays(), weights.onnx.read_bytes(), card, model)


def _checksum(path: Path) -> str:
    """The checksum of a file, which is not read again while the disk says that nothing has touched it."""
    state = path.stat()
    return _checksum_of(path, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@lru_cache(maxsize=256)
def _checksum_of(path: Path, state: tuple[int, ...]) -> str:
    return sha256(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _write(path: Path, data: bytes) -> None:
    """Write a file that is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move_in(path: Path, checksum: str) -> None:
    """Move what a killed `store` left aside of the weights that the index lists."""
    aside = _aside(path)
    if aside.is_file() and not (path.is_file() and sha256(path) == checksum):
        with suppress(FileNotFoundError):  # another process has moved it by now
            if sha256(aside) == checksum:
                aside.replace(path)


@lru_cache(maxsize=8)
def _parsed(text: bytes) -> dict[str, Any]:
    return tomllib.loads(text.decode())


def _index(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / "index.toml"
    try:
        index = _parsed(path.read_bytes()) if path.exists() else {}
    except (ValueError, RecursionError) as error:
        raise NoWeights(f"{path} is not TOML: {error}") from error
    for name, sums in index.items():
        if not isinstance(sums, dict) or not all(isinstance(value, str) for value in sums.values()):
            raise NoWeights(f"{path} must list checksums by the kinds of files, and for {name} it does not")
    return dict(index)
