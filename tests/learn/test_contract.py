"""What cards say of a net's inputs, outputs and task, and what older cards mean."""

import hashlib
import json
import re

import numpy as np
import onnx
import pytest

from restora.core.errors import NoWeights
from restora.learn.card import TASKS, contract, read_card
from restora.learn.weights import SHIPPED, find, listed, rescore, store, verify
from restora.methods.table import METHODS, task_of
from restora.methods.table import TASKS as ROWS
from tests.cards import CARD

NAMED = ("inputs", "outputs", "task")
OWN = sorted(name for name, folder in listed().items() if folder == SHIPPED)


def older(card):
    """The card as it was before cards named inputs, outputs and task."""
    return {key: value for key, value in card.items() if key not in NAMED}


def read(tmp_path, card):
    (tmp_path / "net.json").write_text(json.dumps(card))
    return read_card(tmp_path / "net.json")


def test_every_task_of_the_table_may_be_on_a_card():
    assert {task for task, rows in ROWS.items() if any(row.learned for row in rows)} <= set(TASKS)
    assert {task_of(name) for name in METHODS} == set(ROWS)
    assert (task_of("restora"), task_of("edsr"), task_of("shifted-jpeg")) == ("denoise", "enlarge", "jpeg")


@pytest.mark.parametrize("name", OWN)
def test_a_shipped_card_names_the_tensors_of_its_models(name):
    weights = verify(name, SHIPPED)
    assert weights.task == task_of(weights.card["method"])
    for path in filter(None, (weights.onnx, weights.int8)):
        graph = onnx.load(path, load_external_data=False).graph
        for ends, tensors in ((graph.input, weights.inputs), (graph.output, weights.outputs)):
            planes = {end.name: end.type.tensor_type.shape.dim[1].dim_value for end in ends}
            assert planes == {name: sum(planes.values()) for name, planes in tensors.items()}


LATER = ("deblur", "fill", "find", "regions", "translate", "video")
"""Tasks that are younger than such cards."""


@pytest.mark.parametrize("name", [name for name in OWN if find(name).task not in LATER])  # younger
def test_an_older_card_means_what_the_table_says(tmp_path, name):
    card = verify(name, SHIPPED).card
    assert read(tmp_path, older(card)) == card


@pytest.mark.parametrize(
    ("entries", "told", "task"),
    [
        ({"channels": 3, "recipe": {"knobs": {"told": 1}}}, 1, "denoise"),
        ({"channels": 1, "recipe": {"knobs": {"told": 0}}}, 0, "denoise"),
        ({"channels": 3, "recipe": {}}, 0, "denoise"),
        ({"channels": 1, "scale": 1, "scales": [2, 3]}, 0, "enlarge"),
        ({"channels": 3, "method": "foreign", "bounded": True, "scale": 4, "scales": [4]}, 0, "enlarge"),
        ({"channels": 3, "method": "foreign", "bounded": True, "scale": 1, "scales": []}, 0, "denoise"),
    ],
)
def test_an_older_card_is_read(tmp_path, entries, told, task):
    card = read(tmp_path, older(CARD) | entries)
    assert {key: card[key] for key in NAMED} == contract(entries["channels"], {"sigma": 1} if told else {}, task)


@pytest.mark.parametrize("kept", NAMED)
def test_a_card_with_a_part_of_it_is_refused(tmp_path, kept):
    first = next(name for name in NAMED if name != kept)
    with pytest.raises(NoWeights, match=f"it lacks {first}"):
        read(tmp_path, older(CARD) | {kept: CARD[kept]})


@pytest.mark.parametrize(
    ("entry", "value"), [("channels", "3"), ("recipe", [5]), ("scale", "2"), ("scales", 2), ("recipe", {"knobs": 5})]
)
def test_an_older_card_that_is_wrong_is_refused_as_before(tmp_path, entry, value):
    with pytest.raises(NoWeights, match=rf"{entry}(\.knobs)? must be"):
        read(tmp_path, older(CARD) | {entry: value})
    for told in ("1", 7, None):
        with pytest.raises(NoWeights, match=r"recipe\.knobs\.told must be"):
            read(tmp_path, older(CARD) | {"recipe": {"knobs": {"told": told}}})


def test_an_older_card_is_whole_when_it_is_written_again(tmp_path):
    made = store("net", tmp_path, {"w": np.zeros(1, np.float32)}, b"model", CARD)
    text = json.dumps(older(CARD)).encode()
    made.folder.joinpath("net.json").write_bytes(text)
    listing = tmp_path / "index.toml"
    listing.write_text(
        re.sub('json = "[0-9a-f]+"', f'json = "{hashlib.sha256(text).hexdigest()}"', listing.read_text())
    )
    rescore(verify("net", tmp_path), [], None)
    assert json.loads((tmp_path / "net.json").read_text())["inputs"] == CARD["inputs"]


def test_weights_say_which_planes_they_take():
    assert verify("restora.noise", SHIPPED).takes("sigma") and verify("restora.noise", SHIPPED).takes("image")
    assert not verify("restora.blind-small", SHIPPED).takes("sigma") and not verify(
        "restora.blind-small", SHIPPED
    ).takes("y")
