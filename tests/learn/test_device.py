import pytest
import torch

from restora.core.errors import BadDevice
from restora.learn.device import device_named


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device = device_named("auto")
    assert device.where == torch.device("cpu") and device.backend == "gloo" and not device.is_cuda


@pytest.mark.parametrize(
    ("name", "says"),
    [("cuda", "needs an NVIDIA GPU, and PyTorch sees none here; train with --device cpu"), ("cuda:1", "cuda:1 needs")],
)
def test_a_gpu_that_is_not_there_is_one_sentence(monkeypatch, name, says):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadDevice, match=says):
        device_named(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda:-1"])
def test_an_unknown_device_names_those_that_are_known(name):
    with pytest.raises(BadDevice, match="known: auto, cpu, cuda or cuda:N"):
        device_named(name)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_nets_train_and_keep_their_names():
    net = torch.nn.Conv2d(1, 1, 1)
    names = list(net.state_dict())
    device_named("cpu", compiled=True).compile([net])
    assert net._compiled_call_impl is not None and list(net.state_dict()) == names


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")
def test_a_step_on_the_gpu_is_a_step_on_the_cpu(tmp_path):
    from tests.learn.test_loop import run

    here, there = (run(tmp_path / name, [None], device=device_named(name))[1].cpu() for name in ("cpu", "cuda"))
    for one, other in zip(here.parameters(), there.parameters(), strict=True):
        assert torch.allclose(one, other, atol=0.02)
