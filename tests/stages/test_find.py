"""Damaged regions in pictures of any size, with a net in whose place a function finds what is white."""

import cv2
import numpy as np
import pytest

from restora.core.errors import NotFinite
from restora.stages.find import find_regions, views

SIDE = 128


def white_squares(y):
    """Boxes of what is white, of class 0, as a net would find them in a tile of SIDE."""
    assert y.shape == (1, 3, SIDE, SIDE) and y.dtype == np.float32
    white = (y[0].min(0) > 0.9).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(white)
    rows = [[stats[i, 1], stats[i, 0], stats[i, 3], stats[i, 2], 0, 0.9] for i in range(1, count)]
    return np.array(rows, np.float32).reshape(-1, 6)


@pytest.fixture(autouse=True)
def _small_overlap(monkeypatch):
    monkeypatch.setattr("restora.stages.find.OVERLAP", 48)


@pytest.mark.parametrize("size", [(1, 1), (SIDE, SIDE), (SIDE + 1, 40), (300, 500), (1000, 130)])
def test_views_cover_the_picture_at_every_scale_and_end_with_all_of_it(size):
    everything = list(views(size, SIDE))
    for shrink in {view.shrink for view in everything}:
        seen = np.zeros([max(1, length // shrink) for length in size], bool)
        for view in everything:
            if view.shrink == shrink:
                assert max(view.height, view.width) <= SIDE
                seen[view.top : view.top + view.height, view.left : view.left + view.width] = True
        assert seen.all()
    last = everything[-1]
    assert (last.top, last.left) == (0, 0) and max(last.height, last.width) * last.shrink > max(size) - last.shrink


@pytest.mark.parametrize("channels", [1, 3])
def test_regions_of_every_size_and_place_are_found_once(channels):
    y = np.zeros((420, 610, channels), np.float32)
    boxes = [(0, 0, 20, 20), (100, 110, 40, 40), (300, 580, 30, 30), (150, 250, 200, 260), (400, 5, 20, 100)]
    for top, left, height, width in boxes:
        y[top : top + height, left : left + width] = 1
    found = find_regions(y, white_squares, SIDE, 0.5)
    assert len(found) == len(boxes)
    for top, left, height, width in boxes:
        slack = 4 + 0.06 * max(height, width) + 8  # of a view shrunk by four
        close = np.abs(found[:, :4] - (top, left, height, width)).max(1) < slack
        assert close.sum() == 1
    assert (found[:, :4] == found[:, :4].round()).all() and (found[:, :2] >= 0).all()
    assert (found[:, :2] + found[:, 2:4] <= y.shape[:2]).all()


def test_a_mirror_image_beyond_the_border_is_not_a_region():
    y = np.zeros((80, 90, 3), np.float32)
    y[60:, 70:] = 1
    found = find_regions(y, white_squares, SIDE, 0.5)
    assert len(found) == 1 and (found[0, :2] + found[0, 2:4] == (80, 90)).all()


def test_uncertain_boxes_are_left_out_and_nan_is_refused():
    y = np.ones((64, 64, 3), np.float32)
    assert len(find_regions(y, white_squares, SIDE, 0.95)) == 0
    for value in (np.nan, np.inf):
        with pytest.raises(NotFinite, match="boxes"):
            find_regions(y, lambda tile, value=value: np.full((1, 6), value, np.float32), SIDE, 0.5)


def test_a_box_that_the_mirror_image_does_not_confirm_counts_half():
    """The place and score of one that is confirmed are means of both."""
    seen = iter([[[10, 20, 30, 40, 0, 0.9], [80, 80, 20, 20, 1, 0.8]], [[10, SIDE - 64, 30, 40, 0, 0.7]]])
    found = find_regions(np.zeros((SIDE, SIDE, 3), np.float32), lambda tile: np.array(next(seen)), SIDE, 0.1)
    assert found[:, 4:].tolist() == [[0, pytest.approx(0.8)], [1, 0.4]]
    assert found[0, :4].tolist() == [10, 21, 30, 41]  # left of 20 and 24, weighted by the scores, on whole pixels
