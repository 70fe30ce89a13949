"""Nets of several inputs and outputs: the same arrays by the same names on every engine."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from restora.core.errors import RestoraError
from restora.engines import openvino_
from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine
from restora.engines.torch_ import torch_engine
from restora.learn.export import to_onnx

INPUTS = {"y": {"image": 3, "sigma": 1}, "m": {"mask": 1}}
OUTPUTS = ["x_hat", "level"]
RNG = np.random.default_rng(0)
GIVEN = {"m": RNG.random((2, 1, 24, 32), np.float32), "y": RNG.random((2, 4, 24, 32), np.float32)}


class Two(torch.nn.Module):
    """Fills what a mask marks, and says how sure it is; it gives its outputs in another order than the card."""

    def __init__(self):
        super().__init__()
        self.fill = torch.nn.Conv2d(5, 3, 3, padding=1)
        self.sure = torch.nn.Conv2d(4, 2, 3, padding=1, stride=2)

    def forward(self, y, m):
        filled = y[:, :3] * m + self.fill(torch.cat([y, m], 1)) * (1 - m)
        return {"level": torch.sigmoid(self.sure(y)), "x_hat": filled}


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Two().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def model(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("named") / "two.onnx"
    path.write_bytes(to_onnx(net, INPUTS, OUTPUTS, 8))
    return path


def on_torch(net):
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    return torch_engine(Two, {}, state, "f32", inputs=list(INPUTS), outputs=OUTPUTS)


@pytest.mark.parametrize("engine", ["openvino", "one size", "onnxruntime", "torch"])
def test_all_inputs_and_outputs_go_by_their_names(net, model, engine, monkeypatch):
    monkeypatch.setattr(openvino_, "ONE_SIZE", ("CPU",) if engine == "one size" else ())
    run = {
        "openvino": lambda: openvino_engine(model, "f32"),
        "one size": lambda: openvino_._engine.__wrapped__(model, "f32", "CPU", 0),
        "onnxruntime": lambda: onnxruntime_engine(model),
        "torch": lambda: on_torch(net),
    }[engine]()
    for rows in (24, 16, 24):
        given = {name: value[:, :, :rows] for name, value in GIVEN.items()}
        wanted = {name: value.numpy() for name, value in net(*(torch.from_numpy(given[key]) for key in "ym")).items()}
        made = run(given)
        assert made.keys() == wanted.keys() == set(OUTPUTS)
        assert made["level"].shape == (2, 2, rows // 2, 16)
        for name in OUTPUTS:
            assert made[name].dtype == np.float32 and np.abs(made[name] - wanted[name]).max() <= 1e-5


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "torch"])
@pytest.mark.parametrize("given", [{}, {"y": GIVEN["y"]}, {**GIVEN, "k": GIVEN["y"]}, {"y": GIVEN["y"], "mask": None}])
def test_inputs_of_other_names_are_refused(net, model, engine, given):
    run = {
        "openvino": lambda: openvino_engine(model, "f32"),
        "onnxruntime": lambda: onnxruntime_engine(model),
        "torch": lambda: on_torch(net),
    }[engine]()
    with pytest.raises(RestoraError, match=r"^(two.onnx|Two) takes the inputs y, m, not "):
        run(given)


def test_inputs_of_other_names_are_refused_before_a_model_of_one_size_is_made(model, monkeypatch):
    monkeypatch.setattr(openvino_, "ONE_SIZE", ("CPU",))
    with pytest.raises(RestoraError, match=r"^two.onnx takes the inputs y, m, not y"):
        openvino_._engine.__wrapped__(model, "f32", "CPU", 0)({"y": GIVEN["y"]})


@pytest.mark.parametrize("load", [lambda path: openvino_engine(path, "f32"), onnxruntime_engine])
def test_what_does_not_fit_is_told_with_all_sizes(model, load):
    with pytest.raises(RestoraError, match=r"failed on two.onnx and 32x24 pixels of 4 planes and 8x8 pixels of 1 pl"):
        load(model)({"y": GIVEN["y"], "m": GIVEN["m"][:, :, :8, :8]})


def test_a_net_that_gives_other_outputs_is_refused(net):
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    run = torch_engine(Two, {}, state, "f32", inputs=["y", "m"])
    with pytest.raises(RestoraError, match="^Two returns the outputs level, x_hat, not x_hat$"):
        run(GIVEN)


@pytest.mark.parametrize("load", [lambda path: openvino_engine(path, "f32"), onnxruntime_engine])
def test_arrays_that_are_no_pictures_keep_their_shape(tmp_path, load):
    """A picture, and a vector for each picture of the batch: one is laid out by pixels, the other is not."""
    ends = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in {
            "y": ["b", 3, "h", "w"], "gain": ["b", 3], "x_hat": ["b", 3, "h", "w"], "mean": ["b", 3],
        }.items()
    }  # fmt: skip
    nodes = [
        helper.make_node("Unsqueeze", ["gain", "axes"], ["wide"]),
        helper.make_node("Mul", ["y", "wide"], ["x_hat"]),
        helper.make_node("ReduceMean", ["x_hat"], ["mean"], axes=[2, 3], keepdims=0),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    graph = helper.make_graph(nodes, "gain", [ends["y"], ends["gain"]], [ends["x_hat"], ends["mean"]], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "gain.onnx").write_bytes(model.SerializeToString())
    y, gain = RNG.random((2, 3, 5, 7), np.float32), RNG.random((2, 3), np.float32)
    made = load(tmp_path / "gain.onnx")({"y": y, "gain": gain})
    assert np.allclose(made["x_hat"], y * gain[:, :, None, None], atol=1e-6)
    assert np.allclose(made["mean"], (y * gain[:, :, None, None]).mean((2, 3)), atol=1e-6)
