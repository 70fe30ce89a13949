"""How far nets look, found by what is no number, and on which grid, by shifting."""

import pytest
import torch
from torch import nn

from restora.learn.probe import probed_multiple, probed_reach
from restora.methods.table import METHODS


class Windows(nn.Module):
    """Each pixel becomes the mean of its window, whose sides differ."""

    def forward(self, y):
        return y + nn.functional.avg_pool2d(y, (4, 6)).repeat_interleave(4, 2).repeat_interleave(6, 3)


class Global(nn.Module):
    """The mean of the whole picture weighs each pixel."""

    def forward(self, y):
        return y * y.mean((2, 3), keepdim=True)


class Drifting(nn.Module):
    """Each pixel is changed by where it is."""

    def forward(self, y):
        return y + 1e-3 * torch.arange(y.shape[3])


@pytest.mark.parametrize(("name", "far"), [("dncnn", 17), ("srcnn", 8), ("vdsr", 20), ("edsr", 36), ("unet", 46)])
def test_nan_reaches_as_far_as_the_layers_say(name, far):
    """Counted by hand from the layers; in multiples of what sides must be divisible by."""
    method = METHODS[name]
    torch.manual_seed(0)
    net = method.load()(channels=method.channels).eval()
    probed = probed_reach(net, method.channels, method.scale, method.multiple, 0)
    assert probed == -(-far // method.multiple) * method.multiple


def net_with(norm):
    layers = [nn.Conv2d(3, 8, 3, padding=1), norm, nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1)]
    return nn.Sequential(*layers).eval()


def test_normalisation_is_seen_for_what_it_is():
    """Statistics that were learned are a number each; those of the picture itself make all of it matter."""
    assert probed_reach(net_with(nn.BatchNorm2d(8)), 3, 1, 1, 0) == 2
    assert probed_reach(net_with(nn.GroupNorm(2, 8)), 3, 1, 1, 0) is None
    assert probed_reach(net_with(nn.InstanceNorm2d(8)), 3, 1, 1, 0) is None


def test_a_plain_net_may_be_shifted_by_one_pixel_and_one_with_windows_by_a_window():
    net = nn.Conv2d(3, 3, 5, padding=2)
    assert probed_reach(net, 3, 1, 1, 0) == 2 and probed_multiple(net, 3, 1, 1, 0, 2) == 1
    assert probed_multiple(Windows(), 3, 1, 12, 0, 12) == 12
    larger = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 16, 3, padding=1), nn.PixelShuffle(4))
    assert probed_reach(larger, 1, 2, 2, 0) == 2 and probed_multiple(larger, 1, 2, 2, 0, 2) == 2


def test_a_net_that_sees_the_whole_picture_or_knows_places_is_not_for_tiles():
    assert probed_reach(Global(), 1, 1, 1, 0) is None
    assert probed_reach(Drifting(), 1, 1, 1, 0) == 0 and probed_multiple(Drifting(), 1, 1, 1, 0, 0) is None


def test_what_is_not_finite_is_on_no_grid():
    """A difference that is NaN is not taken for none."""
    assert probed_multiple(lambda y: y * torch.nan, 3, 1, 1, 0, 8) is None
