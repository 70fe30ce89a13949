"""From weights to an int8 model, through the gate."""

import json
import shutil
from collections import Counter

import numpy as np
import onnx
import pytest

import restora.learn.quantise
from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.engines.choice import ENGINES
from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine
from restora.files.save import write
from restora.learn.weights import SHIPPED, find, listed, rescore, store, verify
from restora.stages.load import beside_int8
from restora.work.export import export
from restora.work.restore import restore
from tests.cards import CARD

NAME = "srcnn.x2"


def _on(recipe, folder):
    """The recipe with its photographs in another folder."""
    return recipe | {"data": recipe["data"] | {"folders": [str(folder)], "hold_out": 2}}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, photo):
    """SRCNN among the user's own weights, its recipe naming a folder with a few pictures; (weights, verdict, lines)."""
    folder, pictures, said = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("pictures"), []
    for path in SHIPPED.glob(f"{NAME}.*"):
        shutil.copy(path, folder)
    for top in range(4):
        write(Image(np.roll(photo, 40 * top, (0, 1))), pictures / f"{top}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTORA_WEIGHTS", "")
        weights = find(NAME)
        card = weights.card | {"recipe": _on(weights.card["recipe"], pictures)}
        store(NAME, folder, weights.arrays(), weights.onnx.read_bytes(), card)
        patch.setenv("RESTORA_WEIGHTS", str(folder))
        return *export(NAME, said.append), said


@pytest.fixture
def own(exported, tmp_path, monkeypatch):
    """A copy of the exported weights, to be changed."""
    shutil.copytree(exported[0].folder, tmp_path / "own")
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "own"))
    return find(NAME)


def test_a_net_becomes_int8_with_the_same_parameters(exported, own):
    made, (_, verdict, said) = own, exported
    assert verdict.passed and verdict.pictures == 4 and "passed" in said[-1]
    assert made.card["int8"]["passed"] and made.int8 and made.int8.stat().st_size < made.onnx.stat().st_size + 20_000
    y = np.random.default_rng(0).random((1, 1, 48, 64), np.float32)
    fine, coarse = (openvino_engine(path, "f32")({"y": y})["x_hat"] for path in (made.onnx, made.int8))
    assert 0 < np.abs(fine - coarse).max() < 0.05
    kinds = {node.op_type for node in onnx.load(made.int8).graph.node}
    assert "QuantizeLinear" in kinds
    assert rescore(made, [], None).int8  # new scores leave it
    assert not store(NAME, made.folder, made.arrays(), b"", CARD).int8  # new parameters do not
    assert not (made.folder / f"{NAME}.int8.onnx").exists()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.int8.onnx")), ids=lambda path: path.name)
def test_what_is_rounded_has_no_other_use(path):
    graph = onnx.load(path, load_external_data=False).graph
    uses = Counter(name for node in graph.node for name in node.input)
    rounded = [node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert rounded and all(uses[name] == 1 for name in rounded)


def test_a_bad_quantisation_is_refused_and_a_model_from_before_removed(own, monkeypatch):
    assert own.int8
    honest = restora.learn.quantise.quantised
    monkeypatch.setattr(
        "restora.learn.quantise.quantised",
        lambda path, samples, *rest: honest(path, [{"y": 0.02 * each["y"]} for each in samples], *rest),
    )
    made, verdict = export(NAME, print)
    assert not verdict.passed and made.int8 is None and not (made.folder / f"{NAME}.int8.onnx").exists()
    assert made.card["int8"]["objections"]
    plan = Plan((Step("srcnn", "", NAME),), "", precision="int8")
    with pytest.raises(RestoraError, match="has no int8 model: .*dB|have no int8 model: .*dB"):
        restore(Image(np.zeros((32, 32, 3), np.float32)), plan)


def test_a_changed_int8_model_is_not_used(own):
    own.int8.write_bytes(b"else")
    with pytest.raises(RestoraError, match="int8.onnx is not the file"):
        verify(NAME, own.folder)


@pytest.mark.parametrize("name", sorted(listed()))
def test_shipped_weights_were_judged_and_the_card_says_how(name):
    facts = find(name).card["int8"]
    assert facts["passed"] == (find(name).int8 is not None) and facts["passed"] != bool(facts["objections"])
    if facts["passed"]:
        assert facts["mean_loss"] <= 0.05 and facts["worst_loss"] <= 0.5 and abs(facts["shift"]) <= 0.1
        assert facts["tiled"] <= 1e-5 and facts["pictures"] >= 8


@pytest.mark.parametrize("name", [name for name in sorted(listed()) if find(name).int8])
def test_int8_errs_alike_on_every_engine(name, grey_photo):
    """Of a model that OpenVINO computed wrongly, the error was twenty times that of ONNX Runtime."""
    weights = find(name)
    planes = onnx.load(weights.onnx, load_external_data=False).graph.input[0].type.tensor_type.shape.dim[1].dim_value
    y = np.repeat(grey_photo[:64, :64].transpose(2, 0, 1)[None], planes, 1)
    y[:, weights.card["channels"] :] = weights.takes("mask")  # everything is missing, or the noise is not told
    fine = openvino_engine(weights.onnx, "f32")({"y": y})["x_hat"]
    coarse = openvino_engine(weights.int8, "f32"), onnxruntime_engine(weights.int8)
    errors = [np.sqrt(np.mean((engine({"y": y})["x_hat"] - fine) ** 2)) for engine in coarse]
    assert 0 < max(errors) < 2 * min(errors)


@pytest.mark.parametrize("name", sorted(listed()))
def test_onnx_runtime_gives_the_same_pixels(name):
    weights = find(name)
    planes = onnx.load(weights.onnx, load_external_data=False).graph.input[0].type.tensor_type.shape.dim[1].dim_value
    side, low = weights.card.get("side"), max(48, weights.card["multiple"])
    given = {
        "y": np.random.default_rng(1).random(
            (1, planes, side or low, side or low + weights.card["multiple"]), np.float32
        )
    }
    ours, theirs = openvino_engine(weights.onnx, "f32")(given), onnxruntime_engine(weights.onnx)(given)
    assert ours.keys() == theirs.keys() == weights.outputs.keys()
    for output, values in ours.items():  # boxes are in pixels
        other = theirs[output]
        assert values.shape == other.shape and np.abs(values - other).max(initial=0) <= 1e-4 * (side or 1)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_int8_restores_as_f32_does(photo, engine):
    y = Image(parse("noise(sigma=0.1)").apply(photo, np.random.default_rng(0)))
    step = Step("restora", "", "restora.noise")
    fine, _ = restore(y, Plan((step,), ""), engine=engine)
    coarse, report = restore(y, Plan((step,), "", precision="int8"), engine=engine)
    assert (report.engine, report.precision) == (engine, "int8")
    error, apart = np.mean((fine.pixels - photo) ** 2), np.mean((coarse.pixels - fine.pixels) ** 2)
    assert 0 < apart < 0.03 * error


def test_an_engine_without_a_precision_falls_back_and_says_so(photo):
    plan = Plan((Step("restora", "", "restora.noise"),), "", precision="int8")
    _, report = restore(Image(photo[:64, :64]), plan, engine="torch")
    assert report.precision == "f32" and "torch does not compute in int8" in report.warnings[0]
    assert "int8" not in ENGINES["torch"]
    assert "does not compute" in json.dumps(report.as_dict())


def test_layers_beside_int8_compute_in_bf16_only_where_that_costs_little(monkeypatch):
    gentle = {"bf16_loss_db": 0.007, "int8": {"mean_loss": 0.036}}
    monkeypatch.setattr("restora.stages.load.computes_in_bf16", lambda: True)
    assert beside_int8(gentle) == "bf16"
    assert beside_int8(gentle | {"bf16_loss_db": 0.011}) == "f32"
    assert beside_int8(gentle | {"int8": {"mean_loss": 0.044}}) == "f32"
    assert beside_int8(gentle | {"bf16_loss_db": None}) == "f32"
    monkeypatch.setattr("restora.stages.load.computes_in_bf16", lambda: False)
    assert beside_int8(gentle) == "f32"
