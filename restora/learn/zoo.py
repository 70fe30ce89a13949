"""Nets from elsewhere: weights that others trained, in one of the architectures that spandrel knows.

`restora weights add` reads them, measures how far they look, and stores them as a model that runs without torch. Their
answer is what spandrel makes of a picture: its way of calling each net is part of the model, and so is that the answer
is kept within 0..1.
"""

import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from restora.core.errors import BadWeights

ENDINGS = (".safetensors", ".pth")


class Foreign(nn.Module):
    """A net from elsewhere, y (1, C, H, W) on the 0..1 scale -> (1, C, scale H, scale W), within 0..1 if bounded."""

    def __init__(self, net: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.net, self.call, self.bounded = net, call, True

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """What the net makes of y."""
        x_hat = self.call(self.net, y.clone())  # some write into what they are given
        return x_hat.clamp(0, 1) if self.bounded else x_hat


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

    Raises BadWeights for a file that holds anything else, is not of an architecture that is known, or whose net does
    not take a picture and give one. Needs spandrel.
    """
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError, canonicalize_state_dict

    state = canonicalize_state_dict(read_arrays(path))
    try:
        descriptor = ModelLoader().load_from_state_dict(state)
    except UnsupportedModelError as error:
        first = next(iter(state), "nothing")
        raise BadWeights(f"{path} is of no architecture that spandrel knows; its first array is {first}") from error
    except Exception as error:  # whatever comes of arrays that look like an architecture's and are not
        reason = f"{type(error).__name__}: {_first_line(error)}"
        raise BadWeights(f"{path} looks like an architecture that spandrel knows, but is not: {reason}") from error
    name, wants = descriptor.architecture.name, descriptor.size_requirements
    if not isinstance(descriptor, ImageModelDescriptor):
        raise BadWeights(f"{path}: {name} takes a mask with the picture, and such nets are not run here")
    channels = descriptor.input_channels
    if channels != descriptor.output_channels or channels not in (1, 3):
        gives = f"{channels} channels and gives {descriptor.output_channels}"
        raise BadWeights(f"{path}: {name} takes {gives}; only nets of 1 or of 3 are run here")
    if wants.square:
        raise BadWeights(f"{path}: {name} takes square pictures only, and such nets are not run here")
    for module in descriptor.model.modules():
        if hasattr(module, "update_params"):  # SPAN folds its weights anew in each run, which ends the exporter
            module.update_params()
            module.update_params = _nothing
    # The public way to call a descriptor is in inference mode, which cannot be exported.
    net = Foreign(descriptor.model.float(), descriptor._call_fn).eval().requires_grad_(False)
    stated = (channels, descriptor.scale, wants.multiple_of, wants.minimum)
    return Found(net, name, descriptor.purpose, list(descriptor.tags), *stated)


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of a file by name, perhaps inside another dictionary. Raises BadWeights; nothing in it is run."""
    if path.suffix.lower() not in ENDINGS:
        raise BadWeights(f"weights are read from {' and '.join(ENDINGS)} files, not from {path.name}")
    if not path.is_file():
        raise BadWeights(f"{path} is no file")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():  # of pickles that are not as torch writes them: they fail, or hold only arrays
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)  # builds arrays and calls nothing else
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"asks for {asked[1]}" if asked else "holds more than arrays, or none"
        raise BadWeights(f"{path} was not read, as it {what}; ask its author for a .safetensors file") from error
    except Exception as error:  # each format has errors of its own for what is not of it
        raise BadWeights(f"{path} is not a {path.suffix} file of weights: {_first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise BadWeights(f"{path} holds no arrays by name")
    return state


def _nothing() -> None:
    """In place of what has been done once and for all."""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
