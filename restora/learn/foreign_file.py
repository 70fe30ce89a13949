"""Weight files of other authors: their claims are checked before memory is allocated, and no code in them runs.

Such a file states the number and sizes of its arrays and, by their names, the depth of the net to build.
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
"""Size limit of a file, unpacked."""
MOST_HEADER = 16_000_000
"""Limit on the bytes of a file that are not arrays: names, sizes, a pickle."""
MOST_ARRAYS = 20_000
MOST_NUMBERS = 250_000_000
"""Limit on the numbers in all arrays. The largest nets of spandrel have half as many."""
LEAST_DEEP = 64
"""Limit on an index in the name of an array; four times the number of arrays is also allowed."""

STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
KNOWN = {f"torch.{kind}Storage" for kind in STORAGES} | {
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
    "collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device",
    "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16",
}  # fmt: skip
"""Names that a pickle may import. torch allows more, such as bytearray, which allocates any amount of memory."""
OTHER_WAYS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
"""Opcodes by which a pickle may import something else; torch never writes them."""
PICKLES = 5
"""Pickles at the start of a file of torch before 1.6: its type, then its contents; the numbers follow."""


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
    with warnings.catch_warnings():  # about pickles not written by torch: they fail, or have only arrays
        warnings.simplefilter("ignore")
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)  # builds only arrays


def _copy_zip(path: Path, copy: IO[bytes]) -> None:
    """Copy what zipfile reads from an archive, so that torch, with its own reader, gets what was checked."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        entries = old.infolist()
        if len(entries) > MOST_ARRAYS or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise BadWeights(f"{path} unpacks to more than {MOST_BYTES // 10**9} GB or {MOST_ARRAYS} arrays")
        if len({entry.filename for entry in entries}) < len(entries):
            raise zipfile.BadZipFile("names are not unique")
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED:
                raise BadWeights(f"{path} is compressed, which torch files never are; ask its author for another file")
            if entry.filename.endswith(".pkl"):
                with old.open(entry) as stream:
                    _check_pickle(path, stream)
            with old.open(entry) as source, new.open(entry.filename, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _check_pickle(path: Path, stream: Any) -> None:
    """Scan one pickle without running it. Raises BadWeights if it needs more than arrays."""
    start = stream.tell()
    for step, argument, place in pickletools.genops(stream):
        if (place or 0) - start > MOST_HEADER:
            raise BadWeights(f"{path} holds a pickle of more than {MOST_HEADER // 10**6} MB")
        asked = str(argument).replace(" ", ".") if step.name == "GLOBAL" else ""
        if (asked and asked not in KNOWN) or step.name in OTHER_WAYS:
            what = f"imports {asked}" if asked else "holds more than arrays"
            raise BadWeights(f"{path} was not read, because it {what}; ask its author for a .safetensors file")


READERS: dict[str, Callable[[Path], Any]] = {".safetensors": _read_safetensors, ".pth": _read_pth}


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of a file by name, perhaps inside another dictionary. Raises BadWeights; no code in it runs."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise BadWeights(f"weights must be {' or '.join(READERS)} files, not {path.name}")
    if not path.is_file():
        raise BadWeights(f"{path} is not a file")
    if path.stat().st_size > MOST_BYTES:
        raise BadWeights(f"{path} is larger than {MOST_BYTES // 10**9} GB, the limit for weights")
    try:
        state = reader(path)
    except BadWeights:
        raise
    except pickle.UnpicklingError as error:
        what = f"{path} was not read, because it holds more than arrays, or none"
        raise BadWeights(f"{what}; ask its author for a .safetensors file") from error
    except Exception as error:  # each format has its own errors for invalid files
        raise BadWeights(f"{path} is not a {path.suffix} file of weights, or is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise BadWeights(f"{path} holds no arrays by name")
    return state


def check_arrays(path: Path, state: dict[str, Any]) -> None:
    """Raise BadWeights, naming an array, if there is too much, too deep names, or NaN or infinity."""
    for name, array in state.items():
        if not isinstance(array, torch.Tensor) or array.is_complex():
            raise BadWeights(f"{path}: {name[:80]} is not an array of real numbers")
    numbers = sum(array.numel() for array in state.values())  # an array may repeat a few stored numbers
    if len(state) > MOST_ARRAYS or numbers > MOST_NUMBERS:
        most = f"{MOST_ARRAYS} arrays or {MOST_NUMBERS // 10**6} million numbers"
        raise BadWeights(f"{path} holds {len(state)} arrays and {numbers} numbers; more than {most} are not read")
    deepest = max(LEAST_DEEP, 4 * len(state))
    for name, array in state.items():
        if any(len(index) > 9 or int(index) > deepest for index in re.findall(r"[0-9]+", name)):
            raise BadWeights(f"{path} holds {len(state)} arrays, and {name[:80]} belongs to a net with far more")
        if array.is_floating_point() and not bool(array.float().isfinite().all()):
            raise BadWeights(f"{path}: {name[:80]} holds NaN or infinity")
