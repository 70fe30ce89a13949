"""Where nets run: names of devices, what is said where one is absent, and the same pixels on each."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from restora.core.errors import BadDevice, BadPlan, RestoraError
from restora.engines.choice import Backend, backend_named
from restora.engines.openvino_ import _engine, device_precisions, openvino_engine
from restora.engines.torch_ import exact, torch_engine
from restora.learn.weights import find
from restora.methods.table import method_named
from restora.stages.load import load_net

NAME = "srcnn.x2"
Y = np.random.default_rng(0).random((1, 1, 40, 56), np.float32)
ABSENT = (
    f"torch {torch.__version__} finds no CUDA device on this computer; install the driver of the GPU"
    " and a torch built for CUDA, or use --device cpu"
)
no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def settings():
    """The values of what decides whether CUDA computes in TF32."""
    backends = torch.backends
    if hasattr(backends.cudnn, "conv"):
        return backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision
    return backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32


def give(monkeypatch, devices, capabilities=()):
    """OpenVINO with these devices, as a computer that has them would list them."""
    core = SimpleNamespace(available_devices=devices, get_property=lambda device, name: list(capabilities))
    fake = SimpleNamespace(Core=lambda: core)
    monkeypatch.setattr("restora.engines.openvino_.openvino", lambda: fake)


class Doubling(torch.nn.Module):
    """Doubles its input, and notes the settings under which it ran."""

    seen = ()

    def forward(self, y):
        Doubling.seen = settings()
        return 2 * y


@pytest.mark.parametrize(
    "name", ["gpus", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1", "GPU.", "", "cpu:0", "AUTO", "NPU,CPU"]
)
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_an_unknown_device_is_named(engine, name):
    with pytest.raises(BadDevice, match=r"no device is called '.*'; known: cpu, cuda, cuda:1, GPU, GPU.1, NPU"):
        backend_named(engine, name)


def test_the_processor_is_the_default():
    assert backend_named() == backend_named("auto", "CPU") == Backend("openvino", "cpu")
    assert backend_named("torch", "cpu") == Backend("torch")
    with pytest.raises(BadPlan, match="no engine is called 'tensorrt'"):
        backend_named("tensorrt", "cuda")


@pytest.mark.parametrize(
    ("engine", "device", "needed"),
    [("openvino", "cuda", "torch"), ("onnxruntime", "cuda:1", "torch"), ("torch", "GPU", "openvino")],
)
def test_an_engine_of_another_device_is_refused(engine, device, needed):
    with pytest.raises(BadPlan) as caught:
        backend_named(engine, device)
    assert str(caught.value) == f"{engine} does not run on {device}; give --engine {needed}, or omit --engine"


@no_cuda
@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "CUDA"])
def test_where_there_is_no_cuda_device_it_says_what_to_do(engine, device):
    with pytest.raises(BadDevice) as caught:
        backend_named(engine, device)
    assert str(caught.value) == ABSENT


def test_cuda_means_torch_and_the_first_device(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert backend_named("auto", "cuda") == backend_named("torch", "CUDA:0") == Backend("torch", "cuda:0")
    assert backend_named("auto", "cuda:1").precisions() == ("f32", "bf16")
    with pytest.raises(BadDevice, match="no device cuda:2 on this computer; torch finds cuda:0, cuda:1"):
        backend_named("auto", "cuda:2")


def test_devices_of_openvino_are_those_that_it_lists(monkeypatch):
    give(monkeypatch, ["CPU"])
    for name in ("GPU", "gpu.1", "NPU"):
        with pytest.raises(BadDevice) as caught:
            backend_named("auto", name)
        assert str(caught.value) == (
            f"OpenVINO finds no device {name.upper()} on this computer, only CPU; for an NVIDIA GPU use --device cuda"
        )
    give(monkeypatch, ["CPU", "GPU.0", "GPU.1", "NPU"])
    for name, found in {"gpu": "GPU", "GPU.0": "GPU", "GPU.1": "GPU.1", "NPU": "NPU"}.items():
        assert backend_named("auto", name) == backend_named("openvino", name) == Backend("openvino", found)
    give(monkeypatch, ["CPU", "GPU"])
    assert backend_named("auto", "GPU.0").device == "GPU"


def test_precisions_are_those_that_a_device_lists(monkeypatch):
    give(monkeypatch, [], ["BIN", "FP16", "INT8", "FP32"])
    assert device_precisions("GPU") == Backend("openvino", "GPU").precisions() == ("f32", "f16", "int8")
    give(monkeypatch, [], ["FP16", "INT8", "EXPORT_IMPORT"])
    assert Backend("openvino", "NPU").precisions() == ("f16", "int8")


def test_a_device_of_one_size_gets_a_model_for_each_size(monkeypatch):
    whole = openvino_engine(find(NAME).onnx, "f32")({"y": Y})["x_hat"]
    monkeypatch.setattr("restora.engines.openvino_.ONE_SIZE", ("CPU",))
    engine = _engine.__wrapped__(find(NAME).onnx, "f32", "CPU", 0)  # not the engine from above, which is cached
    for columns in (56, 48, 56):
        x_hat = engine({"y": Y[:, :, :, :columns]})["x_hat"]
        assert np.abs(x_hat[..., :40] - whole[..., :40]).max() <= 1e-5 and x_hat.shape[3] == columns


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_torch_on_a_device_that_is_named_gives_what_openvino_does(precision):
    weights = find(NAME)
    ours = load_net(weights, method_named("srcnn"), Backend("torch", "cpu"), precision)({"y": Y})["x_hat"]
    assert ours.dtype == np.float32
    theirs = load_net(weights, method_named("srcnn"), Backend("openvino"), "f32")({"y": Y})["x_hat"]
    assert np.abs(ours - theirs).max() <= (1e-4 if precision == "f32" else 0.02)


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_off_while_a_net_runs(allowed):
    """Also where other code allowed it through the older settings."""
    backends = torch.backends
    before = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    backends.cudnn.allow_tf32 = backends.cuda.matmul.allow_tf32 = allowed
    try:
        now = settings()
        assert np.array_equal(torch_engine(Doubling, {}, {}, "f32", "cpu")({"y": Y})["x_hat"], 2 * Y)
        assert set(Doubling.seen) <= {"ieee", False}
        assert settings() == now
        assert backends.cudnn.allow_tf32 == backends.cuda.matmul.allow_tf32 == allowed
    finally:
        backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32 = before


def test_tf32_is_off_in_torch_before_2_9_too(monkeypatch):
    convolutions, matrices = (SimpleNamespace(allow_tf32=each) for each in (True, False))
    monkeypatch.setattr("torch.backends.cudnn", convolutions)
    monkeypatch.setattr("torch.backends.cuda.matmul", matrices)
    with pytest.raises(ZeroDivisionError), exact():
        assert not convolutions.allow_tf32 and not matrices.allow_tf32
        raise ZeroDivisionError
    assert convolutions.allow_tf32 and not matrices.allow_tf32


def test_too_little_memory_on_a_device_is_told_in_a_sentence():
    class Large(torch.nn.Module):
        def forward(self, y):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(RestoraError, match="cpu has too little free memory for a tile; .* --max-memory"):
        torch_engine(Large, {}, {}, "f32", "cpu")({"y": Y})


@with_cuda
@pytest.mark.parametrize("name", ["restora.noise", "dncnn.gray-s25", "edsr.x2"])
def test_cuda_gives_the_pixels_of_the_cpu(name):
    weights = find(name)
    method = method_named(weights.card["method"])
    y = np.random.default_rng(0).random((1, sum(weights.inputs["y"].values()), 96, 128), np.float32)
    there, on_torch, on_openvino, coarse = (
        load_net(weights, method, backend, precision)({"y": y})["x_hat"]
        for backend, precision in (
            (backend_named("auto", "cuda"), "f32"),
            (Backend("torch"), "f32"),
            (Backend("openvino"), "f32"),
            (backend_named("auto", "cuda"), "bf16"),
        )
    )
    assert np.abs(there - on_torch).max() <= 1e-4
    assert np.abs(there - on_openvino).max() <= 1e-4
    assert 0 < np.abs(coarse - there).max() < 0.1
