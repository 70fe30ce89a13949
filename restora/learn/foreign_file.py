"""Files of weights that others wrote: what they claim is checked before memory is taken for it, and nothing is run.

Such a file says how many arrays there are, how large, and by their names how deep the net is that is built for them.
"""

import mmap
import pickle
import pickletools
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from restora.core.errors import BadWeights

MOST_BYTES = 2_000_000_000
"""Of a file, unpacked."""
MOST_HEADER = 16_000_000
"""Bytes of a file that are not arrays: names, sizes, a pickle."""
MOST_ARRAYS = 20_000
MOST_NUMBERS = 250_000_000
"""In all arrays. The largest nets that spandrel knows have half of that."""
LEAST_DEEP = 64
"""An index in the name of an array may be as large as that, or four times the number of arrays."""

STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
KNOWN = {
    *(f"torch.{kind}Storage" for kind in STORAGES),
    *("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"),
    *("collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device"),
    *("torch.float64", "torch.float32", "torch.float16", "torch.bfloat16"),
}
"""What a pickle may ask for. torch allows more, among it bytearray, which takes as much memory as it is told to."""
OTHER_WAYS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
"""Instructions by which a pickle may ask for something else; torch writes none of them."""
PICKLES = 5
"""At the beginning of a file of torch before 1.6: what it is, and then what it holds; the numbers follow."""


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > MOST_HEADER:
            raise ValueError("the header is longer than any that lists MOST_ARRAYS")
    return load_file(path)


def _read_pth(path: Path) -> Any:
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            with tempfile.TemporaryFile() as copy:
                _copy_zip(path, copy)
                return _load(copy)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            for _ in range(PICKLES):
                _check_pickle(path, whole)
        file.seek(0)
        return _load(file)


def _load(file: IO[bytes]) -> Any:
    with warnings.catch_warnings():  # of pickles that are not as torch writes them: they fail, or hold only arrays
        warnings.simplefilter("ignore")
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)  # builds arrays and calls nothing else


def _copy_zip(path: Path, copy: IO[bytes]) -> None:
    """Copy what zipfile sees of an archive, so that torch, which has a reader of its own, sees what was checked."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        entries = old.infolist()
        if len(entries) > MOST_ARRAYS or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise BadWeights(f"{path} unpacks to more than {MOST_BYTES // 10**9} GB or {MOST_ARRAYS} arrays")
        if len({entry.filename for entry in entries}) < len(entries):
            raise zipfile.BadZipFile("names are there twice")
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED:
                raise BadWeights(f"{path} is compressed, which torch does not do; ask its author for another file")
            if entry.filename.endswith(".pkl"):
                with old.open(entry) as stream:
                    _check_pickle(path, stream)
            with old.open(entry) as source, new.open(entry.filename, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _check_pickle(path: Path, stream: Any) -> None:
    """Go through one pickle without doing what it says. Raises BadWeights if it asks for more than arrays."""
    start = stream.tell()
    for step, argument, place in pickletools.genops(stream):
        if (place or 0) - start > MOST_HEADER:
            raise BadWeights(f"{path} holds a pickle of more than {MOST_HEADER // 10**6} MB")
        asked = str(argument).replace(" ", ".") if step.name == "GLOBAL" else ""
        if (asked and asked not in KNOWN) or step.name in OTHER_WAYS:
            what = f"asks for {asked}" if asked else "holds more than arrays"
            raise BadWeights(f"{path} was not read, as it {what}; ask its author for a .safetensors file")


READERS: dict[str, Callable[[Path], Any]] = {".safetensors": _read_safetensors, ".pth": _read_pth}


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of a file by name, perhaps inside another dictionary. Raises BadWeights; nothing in it is run."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise BadWeights(f"weights are read from {' and '.join(READERS)} files, not from {path.name}")
    if not path.is_file():
        raise BadWeights(f"{path} is no file")
    if path.stat().st_size > MOST_BYTES:
        raise BadWeights(f"{path} has more than {MOST_BYTES // 10**9} GB, the most that weights are read from")
    try:
        state = reader(path)
    except BadWeights:
        raise
    except pickle.UnpicklingError as error:
        what = f"{path} was not read, as it holds more than arrays, or none"
        raise BadWeights(f"{what}; ask its author for a .safetensors file") from error
    except Exception as error:  # each format has errors of its own for what is not of it
        raise BadWeights(f"{path} is not a {path.suffix} file of weights, or is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise BadWeights(f"{path} holds no arrays by name")
    return state


def check_arrays(path: Path, state: dict[str, Any]) -> None:
    """Raise BadWeights, naming an array, for what no net has: too much, too deep, or numbers that are not finite."""
    for name, array in state.items():
        if not isinstance(array, torch.Tensor) or array.is_complex():
            raise BadWeights(f"{path}: {name[:80]} is no array of real numbers")
    numbers = sum(array.numel() for array in state.values())  # an array may repeat the few that a file holds
    if len(state) > MOST_ARRAYS or numbers > MOST_NUMBERS:
        most = f"{MOST_ARRAYS} arrays or {MOST_NUMBERS // 10**6} million numbers"
        raise BadWeights(f"{path} holds {len(state)} arrays and {numbers} numbers; more than {most} are not read")
    deepest = max(LEAST_DEEP, 4 * len(state))
    for name, array in state.items():
        if any(len(index) > 9 or int(index) > deepest for index in re.findall(r"[0-9]+", name)):
            raise BadWeights(f"{path} holds {len(state)} arrays, and {name[:80]} is of a net with far more")
        if array.is_floating_point() and not bool(array.float().isfinite().all()):
            raise BadWeights(f"{path}: {name[:80]} holds NaN or infinity")
