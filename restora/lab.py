"""The laboratory in Python: nets as torch modules. It needs `pip install 'restora[lab]'`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def module(name: str) -> "torch.nn.Module":
    """The net of some weights as a torch module (B, C, H, W) -> (B, C, s H, s W), float32, on the CPU, in eval mode.

    It takes values on the 0..1 scale; C and the scale s are those of the card. Nets that can be told the noise level
    take it as one more plane, zero where it is unknown. Sides must be multiples of the card's `multiple`. The module is
    the caller's own. Raises MissingExtra without torch, NoWeights for an unknown name, BadPlan for weights that came
    from elsewhere and are known as an ONNX model only.
    """
    from restora.learn.weights import find
    from restora.methods.table import method_named
    from restora.stages.load import load_module

    weights = find(name)
    return load_module(weights, method_named(weights.card["method"]))
