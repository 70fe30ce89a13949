import json

import numpy as np
import pytest

from restora.core.errors import NoWeights
from restora.learn.weights import SHIPPED, find, listed, store, verify
from restora.methods.table import METHODS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    store("net.a", tmp_path, {"w": np.ones(3, np.float32)}, b"model", {"name": "net.a"})
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    return tmp_path


def test_stored_weights_are_found_by_name_and_by_path(folder):
    for name in ("net.a", str(folder / "net.a.onnx")):
        weights = find(name)
        assert weights.card == {"name": "net.a"} and weights.arrays()["w"].dtype == np.float16
    store("net.b", folder, {"w": np.ones(3)}, b"other", {})
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
        assert card["scores"] and card["bf16_loss_db"] is not None, "run restora bench denoise --cards"


def test_shipped_weights_are_small():
    total = sum(path.stat().st_size for path in SHIPPED.iterdir())
    assert total < 60e6 and json.loads((SHIPPED / "restora.noise.json").read_text())["parameters"] < 5e6
