"""The game of finding damaged regions; the net itself needs torchvision, which is an extra."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from restora.core.errors import BadRecipe, MissingExtra
from restora.damage.regions import CLASSES
from restora.learn.device import device_named
from restora.learn.games.detection import detection
from restora.learn.loop import Schedule, descend
from restora.learn.marked import NONE, Marked
from restora.learn.recipe import recipe_from
from restora.methods.faster_rcnn import FasterRCNN

RECIPE = {
    "method": "faster-rcnn", "tag": "test", "terms": "free", "steps": 2, "batch": 2, "patch": 128, "detection": {},
    "data": {"folders": ["photos"], "damage": ["regions(most=4)", "regions(most=4) | noise(sigma=0..0.1)"]},
}  # fmt: skip


@pytest.fixture
def batches(photo):
    return Marked([np.rint(255 * photo).astype(np.uint8)], recipe_from(RECIPE, "test"))


def test_a_batch_is_a_function_of_the_step_and_holds_pictures_and_boxes(batches):
    made = [batches.batch(step) for step in (0, 0, 1)]
    assert all(np.array_equal(made[0][key], made[1][key]) for key in made[0])
    assert not np.array_equal(made[0]["y"], made[2]["y"])
    assert made[0]["y"].shape == (2, 3, 128, 128) and made[0]["y"].dtype == np.float32
    boxes = np.concatenate([batches.batch(step)["regions"].reshape(-1, 5) for step in range(20)])
    used = boxes[boxes[:, 4] != NONE]
    assert set(used[:, 4]) == set(range(len(CLASSES)))
    assert (used[:, :2] >= 0).all() and (used[:, 2:4] >= 1).all() and (used[:, :2] + used[:, 2:4] <= 128).all()


def test_two_processes_share_a_batch(batches):
    whole, parts = batches.batch(3), [batches.batch(3, rank, 2) for rank in range(2)]
    for key, value in whole.items():
        assert np.array_equal(value, np.concatenate([part[key] for part in parts]))


def test_damage_that_does_not_begin_with_regions_is_refused(photo):
    recipe = recipe_from(RECIPE | {"data": RECIPE["data"] | {"damage": "noise(sigma=0.1)"}}, "test")
    with pytest.raises(BadRecipe, match="must begin with regions"):
        Marked([np.rint(255 * photo).astype(np.uint8)], recipe).batch(0)
    with pytest.raises(BadRecipe, match="detection needs channels = 3"):
        recipe_from(RECIPE | {"channels": 1}, "test")


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_the_missing_package_is_named():
    with pytest.raises(MissingExtra, match=r"restora\[regions\]"):
        FasterRCNN(3)


def test_the_net_learns_and_its_model_finds_the_same_boxes(batches, tmp_path):
    pytest.importorskip("torchvision")
    from restora.engines.onnxruntime_ import onnxruntime_engine
    from restora.engines.openvino_ import openvino_engine
    from restora.learn.export_boxes import boxes_to_onnx

    torch.manual_seed(0)
    net = FasterRCNN(3, width=0.5, pyramid=16, head=16)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    game = detection(net, recipe_from(RECIPE, "test"))
    average, progress = descend(game, batches, Schedule(2), device_named("cpu"))
    assert np.isfinite(progress.loss_sum) and progress.step == 2
    changed = [not torch.equal(*pair) for pair in zip(before, net.parameters(), strict=True)]
    assert np.mean(changed) > 0.9
    average = average.eval()
    average.net.roi_heads.score_thresh = 0.0  # of such a net all scores are low
    y = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        boxes = average(y).numpy()
    assert boxes.shape[1] == 6 and len(boxes) > 10 and (boxes[:, 2:4] >= 0).all()
    assert set(boxes[:, 4]) <= set(range(len(CLASSES))) and (np.diff(boxes[:, 5]) <= 0).all()
    (tmp_path / "net.onnx").write_bytes(boxes_to_onnx(average, 128))
    for engine in (openvino_engine(tmp_path / "net.onnx", "f32"), onnxruntime_engine(tmp_path / "net.onnx")):
        assert np.abs(engine({"y": y.numpy()})["boxes"] - boxes).max() < 0.05  # pixels; nearly equal scores may swap
