"""What counts as a mark among probabilities, and that tiles do not show."""

import numpy as np

from restora.core.image import Image
from restora.engines import marks
from restora.engines.marks import LEAST, LIKELY, SURE, marks_of, sure_of


def bright(tensors):
    """A made-up net: white is a mark, grey is likely one."""
    return {"x_hat": tensors["y"].mean(1, keepdims=True).clip(0, 1)}


def test_what_is_sure_brings_what_is_likely_and_connected():
    likely = np.zeros((40, 60), np.uint8)
    likely[10, 5:40] = round(255 * LIKELY) + 1
    assert not sure_of(likely).any()
    likely[10, 20:22] = round(255 * SURE) + 1
    found = sure_of(likely)
    assert found[10, 5:40].all() and found[10, 4] and not found[10, 2] and not found[14].any()


def test_a_mark_that_is_too_small_does_not_count():
    likely = np.zeros((20, 20), np.uint8)
    likely[5, 5 : 5 + int(LEAST)] = 250
    assert not sure_of(likely).any()
    likely[5, 5 : 7 + int(LEAST)] = 250
    assert sure_of(likely).any()


def test_nothing_marks_nothing_and_all_marks_all():
    assert not sure_of(np.zeros((7, 9), np.uint8)).any() and sure_of(np.full((7, 9), 255, np.uint8)).all()


def test_tiles_do_not_show(monkeypatch):
    x = np.zeros((300, 470, 1), np.float32)
    x[100:103, 20:460] = x[30:280, 255:258] = 0.9
    x[290:, 465:] = 0.9

    def blurred(tensors):
        return bright({"y": sum(np.roll(tensors["y"], shift, 3) for shift in (-8, 0, 8)) / 3 + tensors["y"] / 2})

    large = marks_of(Image(x).window, (300, 470), blurred, 16, 16)
    monkeypatch.setattr(marks, "TILE", 64)
    assert large.any() and np.array_equal(large, marks_of(Image(x).window, (300, 470), blurred, 16, 16))


def test_wide_marks_are_found_in_the_shrunk_picture(monkeypatch):
    """Here by a net that takes only lines of two pixels for marks."""

    def thin(tensors):
        y = tensors["y"].mean(1, keepdims=True)
        wide = np.minimum(np.roll(y, 2, 3), np.roll(y, -2, 3))
        return {"x_hat": np.clip(y - wide, 0, 1)}

    monkeypatch.setattr(marks, "COARSE", 100)
    x = np.zeros((240, 400, 3), np.float32)
    x[:, 80:82], x[:, 200:208] = 1, 1
    mask = marks_of(Image(x).window, (240, 400), thin, 16, 16)
    assert mask[:232, 79:83].all() and mask[:232, 202:206].all() and not mask[:, 120:180].any()
