"""Begin a net from the weights of a related one."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn


@torch.no_grad()
def begin_from(net: nn.Module, arrays: Mapping[str, np.ndarray]) -> int:
    """Copy into `net` every array that fits a parameter of its name; the number of parameters copied.

    A convolution that has gained inputs keeps the old ones, which come first, and is deaf to the new ones until it has
    learned. All else stays as it was initialised.
    """
    copied = 0
    for name, parameter in net.named_parameters():
        if name not in arrays:
            continue
        old = torch.from_numpy(arrays[name].astype(np.float32))
        if old.shape == parameter.shape:
            parameter.copy_(old)
        elif name.endswith("weight") and _gained_inputs(old.shape, parameter.shape):
            parameter.zero_()
            parameter[:, : old.shape[1]] = old
        else:
            continue
        copied += 1
    return copied


def _gained_inputs(old: torch.Size, new: torch.Size) -> bool:
    return len(old) == len(new) == 4 and old[0] == new[0] and old[2:] == new[2:] and old[1] < new[1]
