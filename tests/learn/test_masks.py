"""Training of nets that give a mask: pairs, loss, score and rules of the recipe."""

import numpy as np
import pytest
import torch

from restora.core.errors import BadRecipe
from restora.learn.device import device_named
from restora.learn.game import dice
from restora.learn.held_out import OVERLAP, judged_by
from restora.learn.pairs import Pairs
from restora.learn.recipe import recipe_from
from restora.learn.validate import overlap, scorer
from restora.methods.attention_unet import MarkFinder

VALUES = {
    "method": "mark-finder",
    "tag": "test",
    "terms": "free",
    "steps": 3,
    "patch": 64,
    "batch": 4,
    "loss": "dice",
    "data": {"folders": ["x"], "damage": ["marks(letters, size=20)", "noise(sigma=0.1)"], "targets": "mask"},
}


@pytest.fixture
def recipe():
    return recipe_from(VALUES, "test")


def test_the_target_of_a_pair_is_the_mask_of_its_marks(recipe):
    photographs = [np.full((80, 90, 3), 90, np.uint8)]
    batch = Pairs(photographs, recipe).batch(0)
    assert batch["y"].shape == (4, 3, 64, 64) and batch["x"].shape == (4, 1, 64, 64)
    changed = np.abs(batch["y"] - np.float32(90 / 255)).max(1, keepdims=True) > 1e-6
    marked = set()
    for step in range(4):
        batch = Pairs(photographs, recipe).batch(step)
        assert set(np.unique(batch["x"])) <= {0.0, 1.0}
        for y, x in zip(batch["y"], batch["x"], strict=True):
            changed = np.abs(y - np.float32(90 / 255)).max(0) > 1e-6
            marked.add(bool(x.any()))
            assert not x.any() or np.array_equal(changed, x[0] > 0)
    assert marked == {True, False}


def test_dice_is_least_for_the_mask_itself_and_falls_with_the_overlap():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 4:8] = 1
    right, half, wrong = mask.clone(), mask.clone(), 1 - mask
    half[..., 4:6, 4:8] = 0
    values = [float(dice(each.clamp(1e-4, 1 - 1e-4), mask)) for each in (right, half, wrong)]
    assert (
        0 <= values[0] < 0.01 < values[1] < values[2]
        and float(dice(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))) == 0
    )


def test_the_score_is_that_of_found_pixels(recipe):
    device = device_named("cpu")
    x = np.zeros((16, 16, 1), np.float32)
    x[:4] = 1
    y = np.zeros((3, 16, 16), np.float32)
    y[:, :8] = 1
    net = torch.nn.Conv2d(3, 1, 1, bias=False)
    torch.nn.init.constant_(net.weight, 1.0)
    assert overlap(net, [(y, x)], device) == pytest.approx(2 * 64 / (64 + 128))
    assert judged_by(recipe) == OVERLAP and scorer(recipe, [(y, x)], device)(net) == overlap(net, [(y, x)], device)


def test_the_net_gives_a_probability_for_each_pixel():
    net = MarkFinder(widths=(4, 8, 16, 16)).eval()
    with torch.no_grad():
        found = net(torch.rand(2, 3, 32, 48))
    assert found.shape == (2, 1, 32, 48) and 0 < float(found.min()) <= float(found.max()) < 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": "l1"}, "go together"),
        ({"data": VALUES["data"] | {"targets": "clean"}}, "go together"),
        ({"data": VALUES["data"] | {"damage": "shrink(scale=2)"}}, "masks need"),
        ({"adversarial": {"weight": 1.0}}, "masks need"),
    ],
)
def test_what_does_not_go_with_masks_is_named(changes, says):
    with pytest.raises(BadRecipe, match=says):
        recipe_from(VALUES | changes, "test")
