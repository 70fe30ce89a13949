"""What counts as a mark among probabilities, and that tiles do not show."""

import numpy as np

from restora.core.image import Image
from restora.engines import marks
from restora.engines.marks import FEW, LEAST, LIKELY, candidates, certain, drawn, marks_of, sure_of


def bright(tensors):
    """A made-up net: what is bright is probably a mark."""
    return {"x_hat": tensors["y"].mean(1, keepdims=True).clip(0, 1)}


def test_connected_pixels_are_a_mark_if_they_are_probable_in_the_mean():
    likely = np.zeros((40, 60), np.uint8)
    likely[10, 5:40] = round(255 * LIKELY) + 1
    assert not candidates(likely).any()
    likely[10, 5:40] = 250
    likely[10, 40:42] = round(255 * LIKELY) + 1
    assert candidates(likely).sum() == 37 and candidates(likely)[10, 5:42].all()


def test_a_mark_that_is_too_small_does_not_count():
    likely = np.zeros((20, 20), np.uint8)
    likely[5, 5 : 5 + int(LEAST)] = 250
    assert not candidates(likely).any()
    likely[5, 5 : 7 + int(LEAST)] = 250
    assert candidates(likely).any()


def test_a_picture_in_which_most_is_doubtful_has_no_marks():
    likely = several()
    found = sure_of(likely)
    assert found[30:32, 10:40].all() and found[28, 20] and not found[26, 20]
    doubtful = likely.copy()
    doubtful[100:, :] = 60
    assert candidates(doubtful).any() and not sure_of(doubtful).any()


def test_one_mark_alone_may_be_a_thing_of_the_scene():
    likely = several()
    likely[:80] = 0
    assert candidates(likely).any() and not sure_of(likely).any()


def test_nothing_marks_nothing():
    assert not sure_of(np.zeros((7, 9), np.uint8)).any() and not certain([], [])


def several():
    """The probabilities of FEW marks, (120, 60)."""
    likely = np.zeros((120, 60), np.uint8)
    for number in range(FEW):
        likely[90 - 15 * number : 92 - 15 * number, 10:40] = 255
    return likely


def test_pages_and_drawings_are_told_from_photographs(photo, grey_photo):
    page = np.ones((100, 200, 3), np.float32)
    page[20:80:10, 20:180] = 0
    assert drawn([page]) and not drawn([photo, grey_photo]) and not drawn([])


def textured(height, width):
    """A noisy dark picture with bright lines, (height, width, 1)."""
    x = 0.05 * np.random.default_rng(0).random((height, width, 1), np.float32)
    for top in range(20, height - 10, height // (FEW + 1)):
        x[top : top + 3, 20 : width - 30] = 1
    return x


def test_tiles_do_not_show(monkeypatch):
    x = textured(300, 470)

    def blurred(tensors):
        return bright({"y": sum(np.roll(tensors["y"], shift, 3) for shift in (-8, 0, 8)) / 3})

    large = marks_of(Image(x).window, (300, 470), blurred, 16, 16)
    monkeypatch.setattr(marks, "TILE", 64)
    assert 0 < large.mean() < 0.5
    assert np.array_equal(large[:, 16:-16], marks_of(Image(x).window, (300, 470), blurred, 16, 16)[:, 16:-16])


def test_wide_marks_are_found_in_the_shrunk_picture(monkeypatch):
    """Here by a net that takes only lines of two pixels for marks."""

    def thin(tensors):
        y = tensors["y"].mean(1, keepdims=True)
        beside = np.minimum(np.roll(y, 3, 2), np.roll(y, -1, 2))
        return {"x_hat": np.clip(np.where(y - beside > 0.5, y, 0), 0, 1)}

    monkeypatch.setattr(marks, "COARSE", 100)
    x = 0.05 * np.random.default_rng(0).random((480, 400, 3), np.float32)
    for top in range(20, 480, 80):
        x[top : top + 8, 40:360] = 1
    mask = marks_of(Image(x).window, (480, 400), thin, 16, 16)
    assert mask[100:108, 60:340].mean() > 0.9 and not mask[60:90].any()
