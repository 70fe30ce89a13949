import json

import numpy as np
import pytest
import torch

from restora.core.errors import NoWeights
from restora.engines.openvino_ import openvino_engine
from restora.learn.export import linked, to_onnx
from restora.learn.weights import SHIPPED, find, listed, packed, store, verify
from restora.methods.dncnn import DnCNN
from restora.methods.table import METHODS
from tests.cards import CARD, ends


@pytest.fixture
def folder(tmp_path, monkeypatch):
    store("net.a", tmp_path, {"w": np.ones(3, np.float32)}, b"model", CARD | {"name": "net.a"})
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    return tmp_path


def test_stored_weights_are_found_by_name_and_by_path(folder):
    for name in ("net.a", str(folder / "net.a.onnx")):
        weights = find(name)
        assert weights.card["name"] == "net.a" and weights.arrays()["w"].dtype == np.float16
    store("net.b", folder, {"w": np.ones(3)}, b"other", CARD)
    assert {"net.a", "net.b"} <= set(listed())


@pytest.mark.parametrize("ending", ["safetensors", "onnx", "json"])
def test_a_changed_or_missing_file_is_refused(folder, ending):
    path = folder / f"net.a.{ending}"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(NoWeights, match="checksum differs"):
        find("net.a")
    path.unlink()
    with pytest.raises(NoWeights, match="missing"):
        verify("net.a", folder)


def test_unknown_weights_are_named():
    with pytest.raises(NoWeights, match="no weights are called 'restora.blnd'"):
        find("restora.blnd")


@pytest.mark.parametrize("method", [m for m in METHODS.values() if m.weights], ids=lambda method: method.name)
def test_shipped_weights_have_a_whole_card_that_agrees_with_the_table(method):
    for name in method.weights:
        card = verify(name, SHIPPED).card
        assert (card["method"], card["multiple"], card["halo"]) == (method.name, method.multiple, method.halo)
        assert card["channels"] == method.channels
        assert card["terms"] and card["commit"] and card["trained"]["seconds"] > 0 and card["recipe"]["seed"] >= 0
        assert all(photo["licence"] and len(photo["sha256"]) == 64 for photo in card["photographs"])
        if card["task"] == "regions":  # which always runs in f32, and has no PSNR
            assert {score["class"] for score in card["scores"]} == {*card["classes"], "all"}, (
                "run benchmarks/regions.py"
            )
        else:
            assert card["scores"], "run restora bench denoise --cards, or benchmarks/marks.py"
            assert method.stage == "find" or card["bf16_loss_db"] is not None  # what finds always runs in f32


@pytest.mark.parametrize("name", sorted(name for name, folder in listed().items() if folder == SHIPPED))
def test_parameters_are_stored_once(name):
    """The model points into the safetensors file; engines agree on what they read (tests/work/test_restore.py)."""
    weights = find(name)
    stored = (weights.folder / f"{name}.safetensors").stat().st_size
    assert weights.onnx.stat().st_size < min(200_000, stored / 4) and stored > 1.9 * weights.card["parameters"]


def test_a_linked_model_gives_what_the_whole_one_gives(tmp_path):
    net = DnCNN(depth=4, width=8)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
        parameter.data = parameter.data.half().float()
    arrays, whole = {name: value.numpy() for name, value in net.state_dict().items()}, to_onnx(net, *ends(), 1)
    model = linked(whole, packed(arrays), "net.b.safetensors")
    assert len(model) < len(whole) - 1000 and linked(model, packed(arrays), "net.b.safetensors") == model
    (tmp_path / "whole.onnx").write_bytes(whole)
    stored = store("net.b", tmp_path, arrays, model, CARD)
    y = np.random.default_rng(0).random((1, 1, 20, 30), dtype=np.float32)
    results = [openvino_engine(path, "f32")({"y": y})["x_hat"] for path in (stored.onnx, tmp_path / "whole.onnx")]
    assert np.array_equal(*results) and not np.array_equal(results[0], y)


def test_noise2noise_comes_within_a_tenth_of_a_decibel_of_clean_targets():
    """The same net, photographs and steps; noisy targets and the loss that goes with them are the difference."""
    cards = [find(f"{method}.gray-s25").card for method in ("unet", "noise2noise")]
    assert len({card["trained"]["steps"] for card in cards}) == len({card["parameters"] for card in cards}) == 1
    clean, noisy = (next(float(row["psnr"]) for row in card["scores"] if row["set"] == "BSD68") for card in cards)
    assert noisy > clean - 0.1


def test_shipped_weights_are_small():
    total = sum(path.stat().st_size for path in SHIPPED.iterdir())
    assert total < 90e6 and json.loads((SHIPPED / "restora.noise.json").read_text())["parameters"] < 5e6
