"""No engine hides NaN or infinity, and what a library says when it fails does not reach the user."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from restora.core.errors import NotFinite, RestoraError
from restora.core.image import Image
from restora.core.method import Made
from restora.core.plan import Plan, Step
from restora.engines.channels import within_bounds
from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine
from restora.engines.torch_ import torch_engine
from restora.learn.weights import SHIPPED, find, store
from restora.methods.dncnn import DnCNN
from restora.stages.local import Local
from restora.work.restore import restore
from tests.cards import CARD

GREY = np.full((24, 32, 1), 0.5, np.float32)


def overflowing(kind):
    """A model whose parameters are finite, and whose answer is infinity, or the difference of two, which is NaN."""
    last = np.array([1, -1 if kind == "nan" else 1], np.float32).reshape(1, 2, 1, 1)
    arrays = {"up": np.full((2, 1, 3, 3), 3e38, np.float32), "down": last}
    nodes = [
        helper.make_node("Conv", ["y", "up"], ["inner"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["inner", "down"], ["x_hat"]),
    ]
    ends = [helper.make_tensor_value_info(name, 1, ["batch", 1, "height", "width"]) for name in ("y", "x_hat")]
    held = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return arrays, model.SerializeToString()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights from elsewhere and of our own whose answers overflow."""
    folder = tmp_path_factory.mktemp("overflowing")
    for kind in ("nan", "inf"):
        card = CARD | {"method": "foreign", "bounded": True, "stored_as": "float32", "memory": 300}
        store(kind, folder, *overflowing(kind), card)
    net = DnCNN(depth=9, width=8)
    arrays = {name: np.full(value.shape, 6e4, np.float32) for name, value in net.state_dict().items()}
    store("own", folder, arrays, overflowing("inf")[1], CARD | {"recipe": {"knobs": {"depth": 9, "width": 8}}})
    return folder


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "torch"])
@pytest.mark.parametrize("name", ["nan", "inf", "own"])
def test_an_answer_that_is_not_finite_is_refused(weights, monkeypatch, name, engine, precision):
    if engine == "torch" and name != "own":
        pytest.skip("nets from elsewhere do not run on torch")
    monkeypatch.setenv("RESTORA_WEIGHTS", str(weights))
    step = Step("dncnn" if name == "own" else "foreign", "", name)
    with pytest.raises(NotFinite):
        restore(Image(GREY), Plan((step,), "", precision=precision), engine=engine)


PICTURES = [
    path
    for path in sorted(SHIPPED.glob("*.onnx"))
    if "x_hat" in find(path.name.split(".onnx")[0].removesuffix(".int8")).outputs
]
"""Models that return pictures; of boxes, NaN is refused where they are read (tests/stages/test_find.py)."""


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_no_shipped_model_ends_in_what_hides_nan(path):
    graph = onnx.load(path, load_external_data=False).graph
    last = next(node for node in graph.node if graph.output[0].name in node.output)
    assert last.op_type in {"Add", "Sub", "Conv", "DepthToSpace", "Sigmoid"}


def test_an_answer_is_kept_within_bounds_unless_it_is_not_finite():
    y = np.array([-1, 0.5, 2], np.float32)
    engine = within_bounds(lambda given: {"x_hat": given["y"], "level": given["y"]})
    made = engine({"y": y})
    assert made["x_hat"].tolist() == [0, 0.5, 1] and made["level"].tolist() == [-1, 0.5, 2]
    for value in (np.nan, np.inf, -np.inf):
        y[0] = value
        assert np.array_equal(engine({"y": y})["x_hat"], y, equal_nan=True)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_model_that_cannot_be_loaded_or_run_is_told_in_our_words(tmp_path, engine):
    load = {"openvino": lambda path: openvino_engine(path, "f32"), "onnxruntime": onnxruntime_engine}[engine]
    for number, text in enumerate((b"", b"not a model", find("srcnn.x2").onnx.read_bytes()[:-500])):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(text)
        with pytest.raises(RestoraError, match=r"cannot load .*\.onnx.*: it is damaged, or of an unsup") as caught:
            load(path)
        assert "Exception" not in str(caught.value) and len(str(caught.value).splitlines()) == 1
    with pytest.raises(
        RestoraError, match="failed on srcnn.x2.onnx and 20x16 pixels of 3 planes: the net does not fit"
    ):
        load(find("srcnn.x2").onnx)({"y": np.zeros((1, 3, 16, 20), np.float32)})


def test_torch_tells_what_does_not_fit_in_our_words():
    state = {name: value.numpy() for name, value in DnCNN(depth=4, width=8).state_dict().items()}
    for knobs in ({"depth": 5, "width": 8}, {"deepth": 4}, {"depth": -4, "width": 8}):
        with pytest.raises(RestoraError, match="^the arrays of these weights do not fit the net DnCNN of their card"):
            torch_engine(DnCNN, knobs, state, "f32")
    with pytest.raises(RestoraError, match="torch failed on DnCNN and 20x16 pixels of 3 planes"):
        torch_engine(DnCNN, {"depth": 4, "width": 8}, state, "f32")({"y": np.zeros((1, 3, 16, 20), np.float32)})


@pytest.mark.parametrize("wrong", [lambda y: y[:4], lambda y: np.repeat(y, 3, 2)])
def test_an_answer_of_another_size_than_the_card_says_is_refused(wrong):
    net = Local("small", (24, 32), lambda y, planes: Made(wrong(y)), strength=0.5)
    with pytest.raises(RestoraError, match=r"small returned an array of shape .*, not \(24, 32, 1\)"):
        net.run(Image(GREY).window, (0, 0, 24, 32))
