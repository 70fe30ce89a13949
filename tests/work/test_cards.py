import json

import numpy as np
import pytest

from restora.learn.weights import find, store
from restora.work.bench import write_table
from restora.work.cards import write_cards
from tests.cards import CARD


def test_a_card_gets_the_scores_of_its_weights_and_not_of_earlier_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    weights = store("tiny.x", tmp_path, {"a": np.zeros(1, np.float32)}, b"", CARD | {"method": "tiny"})
    row = {"set": "Set5", "damage": "d", "seed": "0", "method": "tiny", "weights": "tiny.x", "psnr": "30.0"}
    now, before = weights.checksum[:16], "0" * 16
    rows = [
        row | {"weights_sha256": now, "precision": "f32"},
        row | {"weights_sha256": before, "precision": "bf16", "psnr": "29.0"},
        row | {"weights_sha256": now, "precision": "bf16", "psnr": "29.995"},
    ]
    write_table(tmp_path / "rows.csv", rows)
    assert list(write_cards(tmp_path / "rows.csv")) == ["tiny.x: 2 scores, bf16 costs [0.005] dB"]
    card = json.loads((tmp_path / "tiny.x.json").read_text())
    assert [score["psnr"] for score in card["scores"]] == ["30.0", "29.995"] and card["bf16_loss_db"] == 0.005
    assert find("tiny.x").checksum == weights.checksum


def test_scores_of_another_suite_stay_on_the_card(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    old = {"protocol": "denoise", "weights_sha256": "0" * 16, "psnr": "20.0", "precision": "f32"}
    card = CARD | {"method": "tiny", "scores": [old]}
    weights = store("tiny.x", tmp_path, {"a": np.zeros(1, np.float32)}, b"", card)
    row = {"set": "Classic5", "damage": "d", "seed": "0", "method": "tiny", "weights": "tiny.x", "precision": "f32"}
    row |= {"weights_sha256": weights.checksum[:16]}
    for name, protocol, psnr in [("jpeg", "jpeg-y", 30), ("noise", "denoise", 31), ("again", "jpeg-y", 32)]:
        write_table(tmp_path / f"{name}.csv", [row | {"protocol": protocol, "psnr": str(psnr)}])
        list(write_cards(tmp_path / f"{name}.csv"))
    scores = json.loads((tmp_path / "tiny.x.json").read_text())["scores"]
    assert [(score["protocol"], score["psnr"]) for score in scores] == [("denoise", "31"), ("jpeg-y", "32")]


@pytest.mark.parametrize("order", [1, -1])
def test_a_loss_that_is_not_a_number_is_not_taken_for_a_small_one(tmp_path, monkeypatch, order):
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    weights = store("tiny.x", tmp_path, {"a": np.zeros(1, np.float32)}, b"", CARD | {"bf16_loss_db": 0.001})
    row = {"damage": "d", "seed": "0", "method": "tiny", "weights": "tiny.x", "weights_sha256": weights.checksum[:16]}
    scores = {("a", "f32"): "30", ("a", "bf16"): "nan", ("b", "f32"): "30", ("b", "bf16"): "29.999"}
    rows = [row | {"set": s, "precision": p, "psnr": psnr} for (s, p), psnr in scores.items()]
    write_table(tmp_path / "rows.csv", rows[::order])
    list(write_cards(tmp_path / "rows.csv"))
    assert find("tiny.x").card["bf16_loss_db"] is None
