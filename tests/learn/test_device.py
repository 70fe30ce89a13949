import shutil
from dataclasses import replace

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
    [("cuda", "needs an NVIDIA GPU, and PyTorch finds none; train with --device cpu"), ("cuda:1", "cuda:1 needs")],
)
def test_a_gpu_that_is_not_there_is_one_sentence(monkeypatch, name, says):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadDevice, match=says):
        device_named(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda:-1"])
def test_an_unknown_device_names_those_that_are_known(name):
    with pytest.raises(BadDevice, match="the device must be auto, cpu, cuda or cuda:N"):
        device_named(name)


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler here")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:The .grad attribute:UserWarning")
def test_a_compiled_game_moves_as_one_that_is_not(tmp_path):
    """Of two players, so that what asks for gradients changes within each step."""
    from tests.learn.test_adversary import play

    exact = replace(device_named("cpu"), precision=torch.float32)
    plain, compiled = (
        play(tmp_path / name, [3], device=device)[0]
        for name, device in (("plain", exact), ("compiled", replace(exact, compiled=True)))
    )
    assert compiled["f"]._compiled_call_impl is not None
    for name in plain:
        mine, theirs = plain[name].state_dict(), compiled[name].state_dict()
        assert list(mine) == list(theirs)
        for key, value in mine.items():
            # Before a normalisation of each channel a bias has no effect, and its gradient is rounding alone.
            idle = name == "d1" and key in ("layers.0.bias", "layers.3.bias")
            assert idle or (value - theirs[key]).abs().mean() < 5e-4, (name, key)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")
def test_a_step_on_the_gpu_is_a_step_on_the_cpu(tmp_path):
    from tests.learn.test_loop import run

    here, there = (run(tmp_path / name, [None], device=device_named(name))[1].cpu() for name in ("cpu", "cuda"))
    for one, other in zip(here.parameters(), there.parameters(), strict=True):
        assert torch.allclose(one, other, atol=0.02)
