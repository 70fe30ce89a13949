"""Add: weights of other authors, measured, and stored as a model that runs without torch."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.checksum import sha256
from restora.core.errors import BadWeights, MissingExtra, NotFinite, RestoraError
from restora.engines.channels import from_y, within_bounds
from restora.engines.choice import Engine
from restora.engines.openvino_ import openvino_engine
from restora.learn.card import TASKS, contract
from restora.learn.limit import more_memory
from restora.learn.weights import Weights, free_name, own_folder, packed, store
from restora.work.gate import EXACT, TILE, tiles_apart
from restora.work.restore import peak_memory

if TYPE_CHECKING:
    from restora.learn.zoo import Found

SAME = 1e-4
"""Limit on the difference between the stored model and spandrel, on the 0..1 scale."""
LEAST_MEMORY = 200
"""Least bytes assumed for each pixel of a result, as the measurement is rough for small nets."""

SAYS_TASK = {
    "jpeg": ("jpeg", "jpg", "artifact", "fbcnn", "bcie"),
    "deblur": ("deblur", "gopro", "fftformer"),
    "fill": ("inpaint",),
}
"""Words in the names of an architecture, its tags or a file that tell the task of a net that does not enlarge."""


@dataclass(frozen=True)
class Sight:
    """The halo of a net in pixels (None: the whole picture, or too large for tiles), its grid, and the reason."""

    halo: int | None
    multiple: int
    says: str


def add(
    path: Path, name: str, licence: str, tell: Callable[[str], None], *, task: str | None = None, force: bool = False
) -> Weights:
    """Add weights `name` to the user's folder, of the net in a .safetensors or .pth file.

    licence: of its author, for the card. task: see task_for. Raises MissingExtra without spandrel, BadWeights for a
    net that cannot be read or run, NotFinite, OutputExists, or RestoraError for an invalid name or task.
    """
    free_name(name, "mine.nafnet", force)
    check_task(task)
    try:
        import onnxscript  # noqa: F401
        import spandrel  # noqa: F401

        from restora.learn.zoo import read_net
    except ModuleNotFoundError as error:
        raise MissingExtra(f"adding weights needs {error.name}; install it with: pip install 'restora[zoo]'") from error
    with warnings.catch_warnings(), more_memory(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # users can do nothing about the code of other authors' nets
        found = read_net(path)
        task = task_for(task, found.scale, [found.architecture, *found.tags, path.stem, name])
        tell(f"{found.architecture}: measuring its halo")
        sight = _measured(found)
        tell(f"{sight.says}; exporting it")
        arrays = {key: value.numpy() for key, value in found.net.state_dict().items() if value.is_floating_point()}
        parameters = packed(arrays, "float32")
        model = _exported(found, sight.multiple, parameters, f"{name}.safetensors")
        onnx = Path(folder) / "net.onnx"  # refers to the parameters beside it
        onnx.write_bytes(model)
        (onnx.parent / f"{name}.safetensors").write_bytes(parameters)
        try:
            engine = openvino_engine(onnx, "f32")
            apart = _from_torch(found, engine, sight.multiple)
        except NotFinite:
            raise
        except RestoraError as error:
            raise BadWeights(f"{path}: OpenVINO cannot run the exported {found.architecture}") from error
        if not apart <= SAME:
            raise BadWeights(f"{path}: OpenVINO and torch differ by {apart:.1e}, more than {SAME:g}; not stored")
        sight, tiled = _proved(within_bounds(engine), found, sight)
        memory = _bytes_a_pixel(onnx, found, sight.multiple)
    card = {
        **{"name": name, "method": "foreign", "terms": licence or "not stated"},
        **_facts_of(found, sight),
        **contract(found.channels, {}, task),
        **{"origin": {"file": path.name, "sha256": sha256(path)}, "memory": memory, "stored_as": "float32"},
        **{"from_torch": apart, "tiled": tiled, "bf16_loss_db": None, "scores": []},
        "int8": {"passed": False, "objections": ["not tested: the training pictures of the net are unknown"]},
    }
    return store(name, own_folder(), arrays, model, card)


def check_task(wished: str | None) -> None:
    """Raise RestoraError for a task that is not known."""
    if wished is not None and wished not in TASKS:
        raise RestoraError(f"no task is called {wished!r}; known: {', '.join(TASKS)}")


def task_for(wished: str | None, scale: int, names: Sequence[str]) -> str:
    """The task of a net that makes pictures `scale` times larger: the given one, or that of the names, or denoise.

    Raises RestoraError for a task that the scale contradicts.
    """
    check_task(wished)
    if wished and (wished == "enlarge") != (scale > 1):
        does = f"makes pictures {scale} times larger" if scale > 1 else "does not make pictures larger"
        raise RestoraError(f"the net {does}, so its task cannot be {wished}")
    if wished or scale > 1:
        return wished or "enlarge"
    words = " ".join(names).lower()
    return next((task for task, signs in SAYS_TASK.items() if any(sign in words for sign in signs)), "denoise")


def _measured(found: "Found") -> Sight:
    """The halo and the grid of the net, measured from its results."""
    from restora.learn.probe import FARTHEST, probed_multiple, probed_reach

    stated = found.multiple, found.least
    try:
        side = -(-max(16, found.least) // found.multiple) * found.multiple
        first = found.answer(np.random.default_rng(0).random((1, found.channels, side, side), dtype=np.float32))
        if not np.isfinite(first).all():
            raise NotFinite(f"what {found.architecture} makes of a picture holds NaN or infinity")
        reach = probed_reach(found.net, found.channels, found.scale, *stated)
        grid = None if reach is None else probed_multiple(found.net, found.channels, found.scale, *stated, reach)
        block = grid or found.multiple
        multiple = -(-max(1, found.least) // block) * block
        if reach is None or grid is None:
            halo = None
        elif grid == found.multiple:
            halo = -(-reach // multiple) * multiple
        else:  # on a coarser grid blocks start at other pixels
            halo = probed_reach(found.net, found.channels, found.scale, multiple, found.least)
    except NotFinite:
        raise
    except Exception as error:  # any error of the architecture
        raise BadWeights(
            f"{found.architecture} could not be measured: it failed on a picture, or needs too much memory"
        ) from error
    if halo is not None:
        return Sight(halo, multiple, f"has a halo of {halo} pixels, on a grid of {multiple}")
    if reach is None:
        return Sight(None, multiple, f"sees the whole picture, or farther than {FARTHEST // 2} pixels")
    return Sight(None, multiple, "gives different results if the picture is shifted, for every shift")


def _facts_of(found: "Found", sight: Sight) -> dict[str, Any]:
    """The entries of the card about the net itself."""
    return {
        "paper": f"{found.architecture}, of other authors",
        "channels": found.channels,
        "multiple": sight.multiple,
        "scale": found.scale,
        "scales": [found.scale] if found.scale > 1 else [],
        "bounded": True,
        "halo": sight.halo,
        "sees": sight.says,
        "parameters": sum(parameter.numel() for parameter in found.net.parameters()),
        "architecture": found.architecture,
        "purpose": found.purpose,
        "tags": found.tags,
    }


def _exported(found: "Found", multiple: int, parameters: bytes, location: str) -> bytes:
    from restora.learn.export import linked, to_onnx

    try:
        named = contract(found.channels, {}, "")
        model = to_onnx(found.net, named["inputs"], list(named["outputs"]), multiple, as_is=True)
        return linked(model, parameters, location)
    except Exception as error:  # the exporter has many errors, with long messages
        raise BadWeights(f"{found.architecture} cannot be exported for pictures of any size") from error


def _from_torch(found: "Found", engine: Engine, multiple: int) -> float:
    """The largest difference from torch, for pictures of other sizes than that of the export.

    Both are clamped to 0..1, as in use. Raises NotFinite for NaN or infinity, which clamping would hide.
    """
    apart, rng = [], np.random.default_rng(0)
    for rows, columns in ((3, 5), (9, 4)):
        times = max(1, 16 // multiple)
        y = rng.random((1, found.channels, rows * times * multiple, columns * times * multiple), dtype=np.float32)
        wanted, x_hat = found.answer(y), from_y(engine)(y)
        if not (np.isfinite(wanted).all() and np.isfinite(x_hat).all()):
            raise NotFinite(f"what {found.architecture} makes of a picture holds NaN or infinity")
        same = x_hat.shape == wanted.shape == (*y.shape[:2], y.shape[2] * found.scale, y.shape[3] * found.scale)
        apart.append(float(np.abs(x_hat.clip(0, 1) - wanted.clip(0, 1)).max()) if same else np.inf)
    return float(np.max(apart))


def _proved(engine: Engine, found: "Found", sight: Sight) -> tuple[Sight, float | None]:
    """The sight, and the difference between tiles and the whole; if it is too large, the net is never tiled."""
    if sight.halo is None:
        return sight, None
    step = lcm(sight.multiple, 16)
    length = -(-(TILE + sight.halo + 64) // step) * step
    rng = np.random.default_rng(0)
    strips = [
        rng.random((found.channels, *size), dtype=np.float32) for size in ((length, 2 * step), (2 * step, length))
    ]
    apart = float(np.max([tiles_apart(engine, strip, sight.halo, sight.multiple) for strip in strips]))
    if apart <= EXACT:
        return sight, apart
    says = f"{sight.says}, but tiles differ from the whole by {apart:.1e}: not tiled"
    return Sight(None, sight.multiple, says), apart


def _bytes_a_pixel(onnx: Path, found: "Found", multiple: int) -> int:
    """Memory for each pixel of a result: the growth of a process for a picture four times as large."""
    peaks, sides = [], [-(-128 // multiple) * multiple, 2 * -(-128 // multiple) * multiple]
    for side in sides:
        words = [sys.executable, "-m", "restora.work.add", str(onnx), str(found.channels), str(side)]
        done = subprocess.run(words, capture_output=True, text=True, env=dict(os.environ), check=False)
        if done.returncode:
            raise RestoraError(
                f"the process that measured memory failed: {(done.stderr.splitlines() or ['killed'])[-1]}"
            )
        peaks.append(int(done.stdout))
    grown = (peaks[1] - peaks[0]) / ((sides[1] ** 2 - sides[0] ** 2) * found.scale**2)
    return max(LEAST_MEMORY, round(1.2 * grown))


def _peak(onnx: str, channels: str, side: str) -> int:
    openvino_engine(Path(onnx), "f32")({"y": np.zeros((1, int(channels), int(side), int(side)), np.float32)})
    return peak_memory()


def facts(card: dict[str, Any]) -> str:
    """The facts about added weights, in one line."""
    size = f"x{card['scale']}" if card["scale"] > 1 else "same size"
    colour = "colour" if card["channels"] == 3 else "grey"
    net = f"{card['architecture']} for {card['task']}"
    return f"{net}, {size}, {colour}, {card['parameters'] / 1e6:.2f} M parameters; {card['sees']}"


if __name__ == "__main__":
    sys.stdout.write(str(_peak(*sys.argv[1:])))
