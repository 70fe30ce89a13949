"""Repair of regions only, with a function in place of the net that finds them."""

import itertools
import json

import numpy as np
import pytest

from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.damage.regions import CLASSES, Regions
from restora.learn.card import region_contract
from restora.learn.weights import store
from restora.work.decide import to_repair
from restora.work.restore import restore
from tests.cards import CARD

CARDED = {"method": "faster-rcnn", "channels": 3, "multiple": 32, "halo": None} | region_contract(CLASSES, 512)


@pytest.fixture
def finds(tmp_path, monkeypatch):
    """A function that sets which regions (n, 5) are found, each with a score of 0.95."""
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "weights"))
    store("faster-rcnn.regions", tmp_path / "weights", {"a": np.zeros(1, np.float32)}, b"", CARD | CARDED)

    def chosen(regions):
        boxes = np.array([[*region, 0.95] for region in regions], np.float32).reshape(-1, 6)
        mirrored = boxes.copy()
        mirrored[:, 1] = 512 - boxes[:, 1] - boxes[:, 3]
        calls = itertools.cycle([boxes, mirrored])  # each view is shown as it is, then mirrored
        monkeypatch.setattr("restora.stages.detect.load_net", lambda *facts: lambda given: {"boxes": next(calls)})

    return chosen


@pytest.fixture
def damaged(photo):
    """A photograph with one region of each class, and the regions (5, 5)."""
    y, found = photo, []
    for kind, (top, left) in zip(CLASSES, [(5, 5), (5, 160), (130, 5), (130, 110), (130, 210)], strict=True):
        for seed in range(100):
            part = photo[top : top + 120, left : left + 90]
            made, regions = Regions(1, 1, kind).marked(part, np.random.default_rng(seed))
            if len(regions):
                break
        y = y.copy()
        y[top : top + 120, left : left + 90] = made
        found.append(regions[0] + (top, left, 0, 0, 0))
    return y, np.array(found)


def repaired(y, boxes=None):
    kept = {}
    plan = to_repair({} if boxes is None else {"boxes": json.dumps(boxes)}, {})
    made, report = restore(Image(y), plan, keep=lambda name, value: kept.update({name: value}))
    return made.pixels, kept["boxes"], report


@pytest.mark.parametrize("channels", [1, 3])
def test_each_region_is_repaired_and_no_bit_changes_outside(finds, damaged, photo, channels):
    y, regions = damaged[0][:, :, :channels], damaged[1]
    finds(regions)
    x_hat, boxes, report = repaired(y)
    outside = np.ones(y.shape[:2], bool)
    for top, left, height, width in boxes:
        place = slice(top, top + height), slice(left, left + width)
        outside[place] = False
        assert not np.array_equal(x_hat[place], y[place])
    assert np.array_equal(x_hat[outside], y[outside]) and len(boxes) == len(CLASSES)
    said = " ".join(report.warnings)
    assert all(f"faster-rcnn: {kind} at " in said for kind in CLASSES) and "score 0.95" in said
    assert set(report.weights) == {"faster-rcnn.regions", "restora.photo", "restora.sharp"}
    for top, left, height, width, kind in regions:
        if CLASSES[kind] in ("overlay", "blocks"):
            place = slice(top, top + height), slice(left, left + width)
            x = photo[:, :, :channels]
            assert np.mean((x_hat[place] - x[place]) ** 2) < np.mean((y[place] - x[place]) ** 2)


def test_boxes_that_were_kept_give_the_same_bits_when_they_are_given(finds, damaged):
    finds(damaged[1])
    x_hat, boxes, _ = repaired(damaged[0])
    again, kept, _ = repaired(damaged[0], boxes)
    assert kept == boxes and np.array_equal(again, x_hat)


def test_a_given_box_in_which_nothing_is_found_is_restored_as_a_whole(finds, photo):
    finds([])
    y = photo + 0.1 * np.random.default_rng(0).standard_normal(photo.shape, np.float32)
    x_hat, boxes, report = repaired(y, [[60, 50, 100, 120]])
    place = slice(60, 160), slice(50, 170)
    assert np.mean((x_hat[place] - photo[place]) ** 2) < 0.5 * np.mean((y[place] - photo[place]) ** 2)
    assert boxes == [[60, 50, 100, 120]] and "damage of an unknown kind at 50,60,120,100" in report.warnings[0]


def test_without_a_region_nothing_changes_and_the_report_says_so(finds, photo):
    finds([])
    x_hat, boxes, report = repaired(photo)
    assert np.array_equal(x_hat, photo) and boxes == []
    assert report.warnings == ["faster-rcnn: no damaged region was found; nothing was changed"]


def test_wrong_boxes_and_weights_of_other_methods_are_refused(finds, photo):
    finds([])
    with pytest.raises(BadImage, match="the box 300,0,20,20 .* reaches beyond the picture, which has 304x256 pixels"):
        repaired(photo, [[0, 300, 20, 20]])
    plan = to_repair({}, {})
    step = plan.steps[0].__class__("faster-rcnn", "", "restora.photo", plan.steps[0].knobs)
    with pytest.raises(BadPlan, match="restora.photo are for restora, not for faster-rcnn"):
        restore(Image(photo), plan.__class__((step,), ""))
