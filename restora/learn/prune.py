"""Structured pruning: a narrow net initialised from whole channels of a wider net of the same kind."""

import torch
from torch import nn

from restora.core.errors import BadRecipe

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def wider(wide: nn.Module, narrow: nn.Module) -> bool:
    """Whether two nets have the same layers, inputs and outputs, and the first has more inner channels."""
    mine, theirs = (
        {name: layer.in_channels for name, layer in net.named_modules() if isinstance(layer, CONVOLUTIONS)}
        for net in (wide, narrow)
    )
    if list(mine) != list(theirs):
        return False
    pairs = list(zip(mine.values(), theirs.values(), strict=True))
    return bool(pairs) and pairs[0][0] == pairs[0][1] and any(much > little for much, little in pairs)


def prune_into(narrow: nn.Module, wide: nn.Module, y: torch.Tensor) -> None:
    """Copy the channels of `wide` with the largest weights into `narrow`; changes `wide`. y (B, C, H, W): any picture.

    Channels that are added to each other are kept or removed together, by the norm of all their weights (Fang et al.,
    "DepGraph: Towards any structural pruning", CVPR 2023). Raises BadRecipe if the nets differ in more than width.
    """
    import torch_pruning

    kept = {name: layer.out_channels for name, layer in narrow.named_modules() if isinstance(layer, CONVOLUTIONS)}
    layers = {name: layer for name, layer in wide.named_modules() if isinstance(layer, CONVOLUTIONS)}
    whole = [layer for name, layer in layers.items() if kept.get(name) == layer.out_channels]
    # The library truncates the number of remaining channels: add half a channel against rounding errors.
    shares = {
        layer: 1 - (kept[name] + 0.5) / layer.out_channels
        for name, layer in layers.items()
        if name in kept and layer not in whole
    }
    pruner = torch_pruning.pruner.BasePruner(
        wide.requires_grad_(True),
        y,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=0,
        pruning_ratio_dict=shares,
        ignored_layers=whole,
    )
    pruner.step()
    try:
        narrow.load_state_dict(wide.state_dict())
    except RuntimeError as error:
        raise BadRecipe(
            "the start weights cannot be pruned to this net, because they differ in more than width"
        ) from error
