"""Nets of other authors: trained weights in one of the architectures that spandrel supports.

`restora weights add` reads them, measures their halo, and stores them as a model that runs without torch. The model
includes spandrel's way of calling each net, so its result equals spandrel's. The clamp to 0..1 is not part of it: the
result is clamped after the check for NaN and infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from restora.core.errors import BadWeights
from restora.learn.foreign_file import check_arrays, read_arrays
from restora.learn.limit import more_memory

MEMORY = 1_000_000_000
"""Bytes that reading a file and building its net may take, besides MEMORY_BY_SIZE times the file size."""
MEMORY_BY_SIZE = 6
MOST_MULTIPLE, MOST_SIDE, MOST_SCALE = 256, 1024, 16
"""Limits on the grid, the least side and the scale of a net: the pictures for measuring it grow with them."""


class Foreign(nn.Module):
    """A net of other authors, y (1, C, H, W) on the 0..1 scale -> (1, C, scale H, scale W), not clamped."""

    def __init__(self, net: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.net, self.call = net, call

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """The output of the net for y."""
        return self.call(self.net, y.clone())  # some nets write into their input


@dataclass(frozen=True)
class Found:
    """A net and its facts. Sides of pictures must be multiples of `multiple`, and at least `least` pixels."""

    net: Foreign
    architecture: str
    purpose: str  # SR, Restoration or FaceSR
    tags: list[str]
    channels: int
    scale: int
    multiple: int
    least: int

    def answer(self, y: np.ndarray) -> np.ndarray:
        """The output of torch for y, (1, C, H, W) float32 -> (1, C, scale H, scale W)."""
        with torch.inference_mode():
            return self.net(torch.from_numpy(y)).numpy()


def read_net(path: Path) -> Found:
    """The net in a .safetensors or .pth file; only arrays are read.

    Raises BadWeights for a file with anything else, with NaN or infinity, or of an unknown architecture; and for a net
    that needs more memory than its arrays explain, or that is not from one picture to one picture. Needs spandrel.
    """
    from spandrel import ImageModelDescriptor

    size = path.stat().st_size if path.is_file() else 0
    with more_memory(MEMORY + MEMORY_BY_SIZE * size):
        descriptor = _descriptor(path)
    name, wants = descriptor.architecture.name, descriptor.size_requirements
    if not isinstance(descriptor, ImageModelDescriptor):
        raise BadWeights(f"{path}: {name} needs a mask with the picture, and such nets are not supported")
    channels = descriptor.input_channels
    if channels != descriptor.output_channels or channels not in (1, 3):
        gives = f"{channels} channels and returns {descriptor.output_channels}"
        raise BadWeights(f"{path}: {name} takes {gives}; only nets with 1 or with 3 are supported")
    if wants.square:
        raise BadWeights(f"{path}: {name} takes only square pictures, and such nets are not supported")
    if wants.multiple_of > MOST_MULTIPLE or wants.minimum > MOST_SIDE or descriptor.scale > MOST_SCALE:
        asks = f"a grid of {wants.multiple_of}, sides of {wants.minimum} and scale {descriptor.scale}"
        most = f"{MOST_MULTIPLE}, {MOST_SIDE} and {MOST_SCALE}"
        raise BadWeights(f"{path}: {name} needs {asks}; the limits are {most}")
    for module in descriptor.model.modules():
        if hasattr(module, "update_params"):  # SPAN folds its weights again in each run, which makes the exporter fail
            module.update_params()
            module.update_params = _nothing
    # The public call of a descriptor uses inference mode, which cannot be exported.
    net = Foreign(descriptor.model.float(), descriptor._call_fn).eval().requires_grad_(False)
    stated = (channels, descriptor.scale, wants.multiple_of, wants.minimum)
    return Found(net, name, descriptor.purpose, list(descriptor.tags), *stated)


def _descriptor(path: Path) -> Any:
    """The net of a file, built by spandrel."""
    from spandrel import ModelLoader, UnsupportedModelError, canonicalize_state_dict

    state = read_arrays(path)
    try:
        state = canonicalize_state_dict(state)
    except Exception as error:  # for names that are not strings, or no dictionary inside
        raise BadWeights(f"{path} holds no arrays by name") from error
    check_arrays(path, state)
    try:
        return ModelLoader().load_from_state_dict(state)
    except UnsupportedModelError as error:
        first = next(iter(state), "nothing")
        raise BadWeights(
            f"spandrel does not support the architecture of {path}, whose first array is {first[:80]}"
        ) from error
    except Exception as error:  # any error for arrays that only look like an architecture's
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            raise BadWeights(
                f"{path}: its {len(state)} arrays are far fewer than those of the net that they name"
            ) from error
        raise BadWeights(
            f"{path} looks like an architecture of spandrel, but its {len(state)} arrays do not fit it"
        ) from error


def _nothing() -> None:
    """A replacement that does nothing, as the work is already done."""
