"""Frames of a clip one by one."""

from fractions import Fraction

import av
import numpy as np
import pytest

from restora.core.errors import BadImage, Truncated
from restora.files.clip import open_clip
from tests.clips import Spec, make, number_in

PAL = Fraction(1, 25)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    spec = Spec([1001 * i for i in range(40)], Fraction(1, 24000), options={"bf": "3", "g": "12"})
    return make(tmp_path_factory.mktemp("clip") / "y.mp4", spec)


def test_frames_have_number_time_and_pixels(path):
    clip = open_clip(path, 10**9)
    assert clip.shape == (48, 64, 3) and clip.rate == Fraction(24000, 1001) and clip.times.frames == 40
    assert clip.seconds == Fraction(40 * 1001, 24000)
    for expected, (number, pts, pixels) in enumerate(clip.frames()):
        assert (number, pts) == (expected, Fraction(1001 * expected, 24000))
        assert pixels.shape == (48, 64, 3) and pixels.dtype == np.float32 and number_in(pixels) == expected


@pytest.mark.parametrize(("first", "count"), [(0, 3), (17, 5), (38, 9), (40, 1)])
def test_a_part_has_the_frames_of_the_whole(path, first, count):
    clip = open_clip(path, 10**9)
    whole = list(clip.frames())[first : first + count]
    part = list(clip.frames(first, count))
    assert [frame[:2] for frame in part] == [frame[:2] for frame in whole]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(part, whole, strict=True))


def test_windows_of_frames_can_be_held(path):
    """As a method does that looks at the frames before and after."""
    frames = open_clip(path, 10**9).frames()
    window = [next(frames) for _ in range(5)]
    for frame in frames:
        window = [*window[1:], frame]
        assert [each.number for each in window] == list(range(window[0].number, window[0].number + 5))
    assert window[-1].number == 39


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_frame_near_a_place_is_found(path, share):
    number = number_in(open_clip(path, 10**9).near(share))
    assert abs(number - share * 39) <= 1


def test_a_clip_that_is_left_early_is_closed(path):
    for _ in range(300):  # more than the files that a process may have open, if they stayed so
        next(open_clip(path, 10**9).frames())


def test_too_many_pixels_are_refused_before_frames_are_read(path):
    with pytest.raises(BadImage, match=r"0.003072 megapixels \(64x48\), more than the limit"):
        open_clip(path, 3000)


def test_a_file_that_cannot_be_read_on_is_one_sentence(path, monkeypatch):
    def fails(container, stream):
        yield from ()
        raise av.error.MemoryError(12, "Cannot allocate memory", "y.mp4")

    monkeypatch.setattr("restora.files.clip.demuxed", fails)
    with pytest.raises(Truncated, match="cannot be read to its end: cannot allocate memory"):
        open_clip(path, 10**9)
