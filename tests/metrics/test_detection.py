import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restora.metrics.detection import average_precision, mean_average_precision, overlaps

BOXES = st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2), min_size=1, max_size=6)


def picture(boxes, kind=0):
    return np.array([[*box, kind] for box in boxes], float).reshape(-1, 5)


def detected(boxes, scores, kind=0):
    return np.array([[*box, kind, score] for box, score in zip(boxes, scores, strict=True)], float).reshape(-1, 6)


@given(BOXES, BOXES)
def test_overlaps_are_those_of_painted_boxes(mine, theirs):
    def painted(box):
        plane = np.zeros((101, 101), bool)
        plane[box[0] : box[0] + box[2], box[1] : box[1] + box[3]] = True
        return plane

    wanted = [[(painted(a) & painted(b)).sum() / (painted(a) | painted(b)).sum() for b in theirs] for a in mine]
    assert np.allclose(overlaps(np.array(mine), np.array(theirs)), wanted)


def test_perfect_boxes_have_precision_one_and_none_at_all_zero():
    true = [picture([(0, 0, 10, 10), (50, 50, 9, 9)]), picture([(5, 5, 20, 20)])]
    found = [detected(each[:, :4], [0.5] * len(each)) for each in true]
    nothing = [np.zeros((0, 6))] * 2
    assert average_precision(found, true, 0) == 1 and average_precision(nothing, true, 0) == 0
    assert average_precision(found, true, 1) is None and mean_average_precision(found, true, 3) == 1
    assert np.isnan(mean_average_precision(nothing, [np.zeros((0, 5))] * 2, 3))


def test_a_box_counts_once_and_only_where_it_overlaps_by_half():
    true = [picture([(0, 0, 10, 10), (100, 100, 10, 10)])]
    twice = detected([(0, 0, 10, 10), (0, 0, 10, 10), (100, 100, 10, 10)], [0.9, 0.8, 0.7])
    assert average_precision([twice], true, 0) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    shifted = detected([(0, 4, 10, 10), (100, 100, 10, 10)], [0.9, 0.8])  # shares 60 of 140
    assert average_precision([shifted], true, 0) == pytest.approx(0.5 * 1 / 2)
    assert average_precision([shifted], true, 0, least=0.4) == 1


def test_a_false_box_costs_more_the_surer_it_is():
    true = [picture([(0, 0, 10, 10)])]
    scores = [
        average_precision([detected([(0, 0, 10, 10), (50, 50, 5, 5)], [0.5, sure])], true, 0) for sure in (0.1, 0.9)
    ]
    assert scores == [1, 0.5]
