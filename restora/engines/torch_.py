"""The torch engine: the same weights in the net's own class; for the laboratory and as a second opinion."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch


def torch_engine(
    net_class: Callable[..., torch.nn.Module], knobs: Mapping[str, Any], state: Mapping[str, np.ndarray], precision: str
) -> Callable[[np.ndarray], np.ndarray]:
    """A function (B, C, H, W) float32 -> (B, C, H, W) float32 that runs a net with the given arrays as weights.

    precision: "f32" or "bf16" (autocast).
    """
    net = net_class(**knobs).eval()
    net.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in state.items()})
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(y: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            batch = torch.from_numpy(np.array(y, np.float32)).contiguous(memory_format=torch.channels_last)
            return net(batch).float().contiguous().numpy()

    return run
