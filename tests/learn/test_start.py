import numpy as np
import pytest
import torch

from restora.learn.start import begin_from, revive
from restora.methods.dncnn import DnCNN
from restora.methods.motion import Motion
from restora.methods.restora import Restora

SMALL = {"widths": (8, 8, 8), "blocks": (1, 1, 1)}


def arrays_of(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def test_a_net_told_the_level_begins_as_the_one_that_is_not():
    torch.manual_seed(0)
    old, new = Restora(**SMALL), Restora(**SMALL, told=1)
    torch.nn.init.normal_(old.exit.weight)
    assert begin_from(new, arrays_of(old)) == len(list(new.parameters()))
    y = torch.rand(2, 4, 16, 24)
    with torch.no_grad():
        assert torch.allclose(new(y), old(y[:, :3]), atol=1e-6) and not torch.equal(new(y), y[:, :3])


def test_a_multi_scale_net_begins_as_the_flagship_without_the_plane_of_the_level():
    torch.manual_seed(0)
    old, new = Restora(**SMALL, told=1), Motion(widths=(8, 8, 8, 4), blocks=(1, 1, 1, 1)).eval()
    torch.nn.init.normal_(old.exit.weight)
    assert begin_from(new, arrays_of(old)) == len(arrays_of(old))
    y = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(new(y), old(torch.cat([y, torch.zeros(2, 1, 32, 48)], 1))) and not torch.equal(new(y), y)


@pytest.mark.parametrize("widths", [(16, 8, 8)])
def test_what_does_not_fit_stays_as_it_was(widths):
    old, new = Restora(**SMALL), Restora(widths=widths, blocks=SMALL["blocks"])
    door = new.door.weight.clone()
    assert 0 < begin_from(new, arrays_of(old)) < len(list(new.parameters()))
    assert torch.equal(new.door.weight, door)
    assert np.array_equal(new.eighth[0].first.weight.detach(), old.eighth[0].first.weight.detach())


def test_channels_that_never_fire_are_begun_anew_and_little_changes():
    torch.manual_seed(0)
    net, y = DnCNN(depth=4, width=8), torch.rand(2, 1, 24, 24)
    torch.nn.init.normal_(net.noise[-1].weight)
    with torch.no_grad():
        net.noise[2].bias[:3] = -100
        before = net(y)
        assert revive(net, y) >= 3
        fires = net.noise[:4](y).amax((0, 2, 3)) > 0
        assert fires[:3].all() and torch.allclose(net(y), before, atol=1e-5)
        assert revive(net, y) == 0
