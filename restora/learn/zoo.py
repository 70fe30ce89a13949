"""Nets from elsewhere: weights that others trained, in one of the architectures that spandrel knows.

`restora weights add` reads them, measures how far they look, and stores them as a model that runs without torch. Their
answer is what spandrel makes of a picture: its way of calling each net is part of the model. That the answer is kept
within 0..1 is not: it is clamped once it has been seen to be finite.
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
"""Bytes that reading a file and building its net may take, beside MEMORY_BY_SIZE times the file's own."""
MEMORY_BY_SIZE = 6
MOST_MULTIPLE, MOST_SIDE, MOST_SCALE = 256, 1024, 16
"""The largest grid, least side and scale of a net that is measured: pictures that it is shown grow with them."""


class Foreign(nn.Module):
    """A net from elsewhere, y (1, C, H, W) on the 0..1 scale -> (1, C, scale H, scale W), which nothing clamps."""

    def __init__(self, net: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.net, self.call = net, call

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """What the net makes of y."""
        return self.call(self.net, y.clone())  # some write into what they are given


@dataclass(frozen=True)
class Found:
    """A net and what is stated of it. Its sides must be multiples of `multiple`, and at least `least` pixels."""

    net: Foreign
    architecture: str
    purpose: str  # SR, Restoration or FaceSR
    tags: list[str]
    channels: int
    scale: int
    multiple: int
    least: int

    def answer(self, y: np.ndarray) -> np.ndarray:
        """What torch makes of y, (1, C, H, W) float32 -> (1, C, scale H, scale W)."""
        with torch.inference_mode():
            return self.net(torch.from_numpy(y)).numpy()


def read_net(path: Path) -> Found:
    """The net in a .safetensors or .pth file, of which nothing but arrays is read.

    Raises BadWeights for a file that holds anything else or numbers that are not finite, is not of an architecture that
    is known, whose net asks for more memory than its arrays account for, or does not take a picture and give one. Needs
    spandrel.
    """
    from spandrel import ImageModelDescriptor

    size = path.stat().st_size if path.is_file() else 0
    with more_memory(MEMORY + MEMORY_BY_SIZE * size):
        descriptor = _descriptor(path)
    name, wants = descriptor.architecture.name, descriptor.size_requirements
    if not isinstance(descriptor, ImageModelDescriptor):
        raise BadWeights(f"{path}: {name} takes a mask with the picture, and such nets are not run here")
    channels = descriptor.input_channels
    if channels != descriptor.output_channels or channels not in (1, 3):
        gives = f"{channels} channels and gives {descriptor.output_channels}"
        raise BadWeights(f"{path}: {name} takes {gives}; only nets of 1 or of 3 are run here")
    if wants.square:
        raise BadWeights(f"{path}: {name} takes square pictures only, and such nets are not run here")
    if wants.multiple_of > MOST_MULTIPLE or wants.minimum > MOST_SIDE or descriptor.scale > MOST_SCALE:
        asks = f"a grid of {wants.multiple_of}, sides of {wants.minimum} and scale {descriptor.scale}"
        most = f"{MOST_MULTIPLE}, {MOST_SIDE} and {MOST_SCALE}"
        raise BadWeights(f"{path}: {name} asks for {asks}; at most {most} are run here")
    for module in descriptor.model.modules():
        if hasattr(module, "update_params"):  # SPAN folds its weights anew in each run, which ends the exporter
            module.update_params()
            module.update_params = _nothing
    # The public way to call a descriptor is in inference mode, which cannot be exported.
    net = Foreign(descriptor.model.float(), descriptor._call_fn).eval().requires_grad_(False)
    stated = (channels, descriptor.scale, wants.multiple_of, wants.minimum)
    return Found(net, name, descriptor.purpose, list(descriptor.tags), *stated)


def _descriptor(path: Path) -> Any:
    """What spandrel makes of a file."""
    from spandrel import ModelLoader, UnsupportedModelError, canonicalize_state_dict

    state = read_arrays(path)
    try:
        state = canonicalize_state_dict(state)
    except Exception as error:  # of names that are not strings, or no dictionary inside
        raise BadWeights(f"{path} holds no arrays by name") from error
    check_arrays(path, state)
    try:
        return ModelLoader().load_from_state_dict(state)
    except UnsupportedModelError as error:
        first = next(iter(state), "nothing")
        raise BadWeights(
            f"{path} is of no architecture that spandrel knows; its first array is {first[:80]}"
        ) from error
    except Exception as error:  # whatever comes of arrays that look like an architecture's and are not
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            raise BadWeights(
                f"{path}: its {len(state)} arrays are far fewer than the net has that they name"
            ) from error
        raise BadWeights(
            f"{path} looks like an architecture that spandrel knows, but its {len(state)} arrays make no such net"
        ) from error


def _nothing() -> None:
    """In place of what has been done once and for all."""
