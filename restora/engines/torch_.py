"""The torch engine: the same weights in the net's own class; for the laboratory, CUDA, and for comparison."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
import torch

from restora.core.errors import BadDevice, RestoraError
from restora.engines.choice import Engine, cannot_run, check_names
from restora.nets.blocks import in_layout

_TURN = Lock()
"""Held while a net runs, because the settings of `exact` affect all threads."""


def torch_engine(
    net_class: Callable[..., torch.nn.Module],
    knobs: Mapping[str, Any],
    state: Mapping[str, np.ndarray],
    precision: str,
    device: str = "cpu",
    inputs: Sequence[str] = ("y",),
    outputs: Sequence[str] = ("x_hat",),
) -> Engine:
    """A function that runs a net with the given arrays as weights: inputs by name -> outputs by name.

    precision: "f32" or "bf16" (autocast). inputs: the names of what the net's forward takes, in order. outputs: the
    names of its outputs; a single one is a tensor, several are a dictionary of tensors by name. In f32 the
    pixels of all devices are equal to within 1e-4. Raises RestoraError if arrays and net do not fit; the function,
    if the device has too little memory or the picture does not fit.
    """
    net = torch_net(net_class, knobs, state)
    net = in_layout(net.to(device), torch.channels_last)
    autocast = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")

    def run(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        called = type(net).__name__
        check_names(called, inputs, given)
        try:
            with _TURN, exact(), torch.inference_mode(), autocast:
                made = net(*[_placed(given[name], device) for name in inputs])
                made = made if isinstance(made, dict) else {outputs[0]: made}
                if set(made) != set(outputs):
                    raise RestoraError(f"{called} returns the outputs {', '.join(made)}, not {', '.join(outputs)}")
                return {name: value.float().contiguous().cpu().numpy() for name, value in made.items()}
        except torch.OutOfMemoryError as error:
            raise RestoraError(
                f"{device} has too little free memory for a tile; make tiles smaller with --max-memory,"
                " or use --device cpu"
            ) from error
        except RuntimeError as error:
            raise cannot_run("torch", called, given) from error

    return run


def _placed(value: np.ndarray, device: str) -> torch.Tensor:
    layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
    return torch.from_numpy(np.array(value, np.float32)).contiguous(memory_format=layout).to(device)


def torch_net(
    net_class: Callable[..., torch.nn.Module], knobs: Mapping[str, Any], state: Mapping[str, np.ndarray]
) -> torch.nn.Module:
    """A net with the given arrays as weights, in float32 and ready for use. Raises RestoraError if they do not fit."""
    try:
        net = net_class(**knobs).eval()
        net.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in state.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        raise RestoraError(
            f"the arrays of these weights do not fit the net {net_class.__name__} of their card"
        ) from error
    return net


@contextmanager
def exact() -> Iterator[None]:
    """Inside it CUDA multiplies float32 without TF32, whose 10 bits of mantissa cause errors of 1e-3.

    It is a setting of the whole process, and is restored afterwards.
    """
    # torch 2.9 gave each kind of operation its own setting. Where that exists, reading the old one may raise an error.
    convolutions = getattr(torch.backends.cudnn, "conv", None)
    places: tuple[Any, ...] = (convolutions or torch.backends.cudnn, torch.backends.cuda.matmul)
    name, off = ("fp32_precision", "ieee") if convolutions else ("allow_tf32", False)
    before = [getattr(place, name) for place in places]
    try:
        for place in places:
            setattr(place, name, off)
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            setattr(place, name, value)


def cuda_device(name: str) -> str:
    """A CUDA device by its name, "cuda" or "cuda:1", with its number. Raises BadDevice if torch does not find it."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    device = f"cuda:{int(name.partition(':')[2] or 0)}"
    if not found:
        raise BadDevice(
            f"torch {torch.__version__} finds no CUDA device on this computer; install the driver of the GPU"
            " and a torch built for CUDA, or use --device cpu"
        )
    if device not in found:
        raise BadDevice(f"there is no device {device} on this computer; torch finds {', '.join(found)}")
    return device
