"""Weights on disk: NAME.safetensors, NAME.onnx and NAME.json (the card), with checksums in the folder's index.toml.

Weights that passed the gate have NAME.int8.onnx too: the same parameters, computed in 8-bit integers. Reading weights
needs no torch, and unpickles nothing.

The index decides which weights a folder has. New files are written under temporary names, then the index is replaced,
then they are renamed; after a kill, `verify` renames the rest. So a kill leaves either the old or the new weights.
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
"""File endings of all weights, by their key in the index."""
INT8 = {"int8": ".int8.onnx"}
"""File endings of weights that passed the gate."""
OPTIONAL = ("onnx", "int8")
"""Optional files: weights in an unfinished campaign have no model yet."""


@dataclass(frozen=True)
class Weights:
    """Weights whose checksums have been verified.

    The card has method, channels, inputs, outputs, task, the recipe, the commit, the photographs with their licences,
    the seed, seconds, machine, scores with protocol, and terms of use.
    """

    name: str
    folder: Path
    card: dict[str, Any]
    sums: Mapping[str, str]  # checksums, by the keys of FILES and INT8; those of OPTIONAL may be absent

    @property
    def checksum(self) -> str:
        """The checksum of the .safetensors file with the parameters."""
        return self.sums["safetensors"]

    @property
    def onnx(self) -> Path:
        """The model that runs without torch; its parameters may be in the .safetensors file beside it.

        Raises NoWeights if it was not exported: such weights are only a start for training.
        """
        if "onnx" not in self.sums:
            raise NoWeights(f"{self.name} in {self.folder} was not exported; it can only be used to start training")
        return self.folder / f"{self.name}.onnx"

    @property
    def int8(self) -> Path | None:
        """The same model in 8-bit integers; None if there is none that passed the gate."""
        passed = self.card.get("int8", {}).get("passed") and "int8" in self.sums
        return self.folder / f"{self.name}{INT8['int8']}" if passed else None

    @property
    def inputs(self) -> Tensors:
        """The planes of each input tensor of the net."""
        return self.card["inputs"]

    @property
    def outputs(self) -> Tensors:
        """The planes of each output tensor of the net."""
        return self.card["outputs"]

    @property
    def task(self) -> str:
        """The task of the net, one of learn.card.TASKS."""
        return self.card["task"]

    def takes(self, plane: str) -> bool:
        """Whether a plane of this name is among the inputs, such as "sigma" of a net that accepts the noise level."""
        return any(plane in planes for planes in self.inputs.values())

    def needs(self, plane: str) -> bool:
        """Whether such a plane was always given in training, so that the net cannot do without it."""
        return self.takes(plane) and self.card.get("recipe", {}).get("data", {}).get("told_share") == 1

    @property
    def recipe(self) -> dict[str, Any]:
        """Their recipe as plain values. Raises RestoraError for weights of other authors."""
        if "recipe" not in self.card:
            raise RestoraError(f"{self.name} was added from a file and has no recipe; it can only restore pictures")
        return dict(self.card["recipe"])

    def arrays(self) -> dict[str, np.ndarray]:
        """The net's parameters by name, float16 unless the card says otherwise."""
        return read_parameters(self.folder / f"{self.name}.safetensors")


def read_parameters(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by name. Raises BadWeights if it is not one."""
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except Exception as error:  # of the format, of the system, or of a number type that numpy does not have
        raise BadWeights(f"{path} is not a .safetensors file of weights, or is damaged") from error


def own_folder() -> Path:
    """The folder of the user's own weights: $RESTORA_WEIGHTS, else ~/.local/share/restora/weights."""
    return Path(os.environ.get("RESTORA_WEIGHTS") or Path.home() / ".local" / "share" / "restora" / "weights")


def folders() -> list[Path]:
    """The folders searched for weights: the user's, then the package's."""
    return [own_folder(), SHIPPED]


def free_name(name: str, example: str, force: bool) -> None:
    """Raise RestoraError for an invalid name of own weights, OutputExists if it is taken; force: overwrite."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) or (name in listed() and listed()[name] != own_folder()):
        raise RestoraError(
            f"{name!r} cannot be the name of your weights; use letters, digits, -, _ and dots, for example {example}"
        )
    if name in listed() and not force:
        raise OutputExists(f"{own_folder() / name} exists; overwrite it with --force")


def listed() -> dict[str, Path]:
    """All weights by name, with their folder; the user's hide shipped ones of the same name."""
    return {name: folder for folder in reversed(folders()) for name in _index(folder)}


def find(name: str) -> Weights:
    """Weights by name, or by the path of one of their files. Raises NoWeights if absent or changed."""
    path = Path(name)
    if path.suffix in FILES.values() and path.exists():
        return verify(path.stem, path.parent)
    if path.suffix and path.is_file():
        raise NoWeights(f"{name} is not in Restora's format; add it first: restora weights add {name}")
    known = listed()
    if name not in known:
        raise NoWeights(f"no weights are called {name!r}; {nearest(name, known) if known else 'none are installed'}")
    return verify(name, known[name])


def verify(name: str, folder: Path) -> Weights:
    """Check the checksums of all files of some weights. Raises NoWeights, naming the file that differs."""
    index = _index(folder)
    if name not in index:
        raise NoWeights(
            f"{folder / 'index.toml'} does not list {name}; give weights by their name (restora weights list),"
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
            raise NoWeights(f"{path} is not the file in {folder / 'index.toml'}: its checksum differs")
    return Weights(name, folder, read_card(folder / f"{name}.json"), sums)


def packed(arrays: dict[str, np.ndarray], kind: str = "float16") -> bytes:
    """Arrays in the safetensors format: floats as float16, or another type; whole numbers unchanged.

    Raises BadWeights, naming an array with NaN or infinity, which engines may hide, as max(0, NaN) is 0.
    """
    from safetensors.numpy import save

    with np.errstate(over="ignore"):  # too large values become infinity, which is refused
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

    Arrays become float16, or the type `stored_as` of the card. A kill at any moment leaves either the old weights of
    this name or the new. Raises BadWeights for arrays with NaN or infinity, NoWeights for an incomplete card.
    """
    check_card(card, f"the card of {name}")
    folder.mkdir(parents=True, exist_ok=True)
    parameters = packed(arrays, card.get("stored_as", "float16"))
    contents = {"safetensors": parameters, "json": (json.dumps(card, separators=(",", ":")) + "\n").encode()}
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
    _aside(listing).replace(listing)  # from here on the name means the new weights
    made = verify(name, folder)
    for kind, path in paths.items():
        _aside(path).unlink(missing_ok=True)
        if kind not in contents:  # models of earlier parameters
            path.unlink(missing_ok=True)
    return made


def trainings(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The training of weights, then of the weights that they started from, and so on back."""
    start = card.get("start", {})
    return [card["trained"], *(trainings(start) if "trained" in start else [])]


def rescore(weights: Weights, scores: list[dict[str, Any]], bf16_loss: float | None) -> Weights:
    """The same weights with new scores on their card, and the loss from bf16 in dB (None: not measured)."""
    card = {**weights.card, "scores": scores, "bf16_loss_db": bf16_loss}
    int8 = weights.int8.read_bytes() if weights.int8 else None
    return store(weights.name, weights.folder, weights.arrays(), weights.onnx.read_bytes(), card, int8)


def with_int8(weights: Weights, model: bytes | None, facts: dict[str, Any]) -> Weights:
    """The same weights with another int8 model, or none, and the verdict of the gate on their card."""
    card = {**weights.card, "int8": facts}
    return store(weights.name, weights.folder, weights.arrays(), weights.onnx.read_bytes(), card, model)


def _checksum(path: Path) -> str:
    """The checksum of a file, cached until its facts on the disk change."""
    state = path.stat()
    return _checksum_of(path, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@lru_cache(maxsize=256)
def _checksum_of(path: Path, state: tuple[int, ...]) -> str:
    return sha256(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _write(path: Path, data: bytes) -> None:
    """Write a file and sync it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move_in(path: Path, checksum: str) -> None:
    """Rename the temporary files of a killed `store` for weights in the index."""
    aside = _aside(path)
    if aside.is_file() and not (path.is_file() and sha256(path) == checksum):
        with suppress(FileNotFoundError):  # another process has renamed it
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
            raise NoWeights(f"{path} does not list the checksums of {name} by kind of file")
    return dict(index)
