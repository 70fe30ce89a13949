"""Pruning: what remains of a net that is made narrower."""

import pytest
import torch

from restora.core.errors import BadRecipe
from restora.learn.prune import prune_into, wider
from restora.methods.edsr import EDSR
from restora.methods.restora import Restora


def restora(widths, blocks=(1, 1, 1)):
    torch.manual_seed(0)
    net = Restora(widths=widths, blocks=blocks)
    torch.nn.init.normal_(net.exit.weight, std=0.05)
    return net


INPUTS_AND_OUTPUTS = {
    "door": (None, 0), "half": (0, 0), "to_quarter": (0, 1), "quarter": (1, 1), "to_eighth": (1, 2),
    "eighth": (2, 2), "from_eighth": (2, 1), "from_quarter": (1, 0), "exit": (0, None),
}  # fmt: skip
"""The level, 0 to 2, of what each part of the net takes and gives."""


def test_channels_that_weigh_nothing_are_the_ones_that_go():
    wide, narrow, y = restora((12, 24, 48)), restora((8, 16, 32)), torch.rand(1, 3, 32, 32)
    idle = [torch.arange(width) % 3 == 1 for width in (12, 24, 48)]
    with torch.no_grad():
        for name, layer in wide.named_modules():
            if not isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                continue
            part = name.split(".")[0]
            taken, given = INPUTS_AND_OUTPUTS[part.removesuffix("_in").removesuffix("_out")]
            weight = layer.weight.transpose(0, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else layer.weight
            if taken is not None:
                weight[:, idle[taken]] = 0
            if given is not None:
                weight[idle[given]] = layer.bias[idle[given]] = 0
        before = wide(y)
    assert (before - y).abs().max() > 1e-3
    assert wider(wide, narrow) and not wider(narrow, wide)
    prune_into(narrow, wide, y)
    with torch.no_grad():
        assert (narrow(y) - before).abs().max() < 1e-5


def test_nets_that_differ_in_more_than_width_are_refused():
    wide, other = restora((12, 24, 48)), restora((8, 16, 32), (2, 1, 1))
    assert not wider(wide, other)
    with pytest.raises(BadRecipe, match="more than width"):
        prune_into(other, wide, torch.rand(1, 3, 32, 32))


def test_nets_for_another_scale_or_for_grey_pictures_are_not_taken_for_narrower_ones():
    assert not wider(EDSR(scale=3), EDSR(scale=2)) and not wider(EDSR(scale=2), EDSR(scale=3))
    assert not wider(Restora(channels=3), Restora(channels=1)) and not wider(Restora(), Restora())
