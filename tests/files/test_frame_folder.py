"""A folder of pictures is a clip."""

from fractions import Fraction

import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.files.clip import open_clip
from restora.files.container import container_of
from restora.files.save import write
from restora.work.clips import ClipOptions, restore_clip, target_for
from restora.work.interpolate import More, interpolate_clip
from restora.work.restore import Options
from tests.clips import Spec, drawn, facts, make, number_in

SOFTENED = Plan((Step("gaussian", "a test", knobs={"width": 0.5}),), "a test")
UNCHANGED = Plan((Step("gaussian", "a test", strength=0.0),), "a test")


def pictures(folder, count=12, ending="png", bits=8, **names):
    """A folder of numbered frames, whose names have no leading zeros."""
    folder.mkdir()
    for number in range(count):
        x = drawn(number).astype(np.float32) / 255
        write(Image(x, meta=Meta(bits=bits)), folder / f"frame {number}.{ending}")
    return folder


def frames(path):
    return [(frame.pts, frame.pixels) for frame in open_clip(path, 10**9).frames()]


def test_frames_are_in_natural_order_and_evenly_timed(tmp_path):
    folder = pictures(tmp_path / "frames")
    assert container_of(folder) == "folder"
    seen = frames(folder)
    assert [number_in(pixels) for _, pixels in seen] == list(range(12))
    assert [at for at, _ in seen] == [Fraction(number, 25) for number in range(12)]
    clip = open_clip(folder, 10**9, rate=Fraction(30000, 1001))
    assert [frame.pts for frame in clip.frames(10, 1)] == [Fraction(10010, 30000)] and clip.rate == Fraction(
        30000, 1001
    )
    assert number_in(clip.near(0.5)) == 6


def test_a_folder_becomes_a_clip(tmp_path):
    folder = pictures(tmp_path / "my.frames")
    target = target_for(folder, None, ClipOptions())
    assert target.name == "my.frames.restored.mp4"
    report = restore_clip(folder, target, SOFTENED, ClipOptions(rate=Fraction(50)))
    after = facts(target)
    assert after["numbers"] == list(range(12)) and after["times"] == [Fraction(number, 50) for number in range(12)]
    assert report.clip["frames"] == 12 and report.input_sha256 and report.output_sha256


@pytest.mark.parametrize("bits", [8, 16])
def test_no_bit_changes(tmp_path, bits):
    folder = pictures(tmp_path / "frames", bits=bits)
    restore_clip(folder, tmp_path / "x.mkv", UNCHANGED, ClipOptions(codec="ffv1"))
    restore_clip(folder, tmp_path / "again", UNCHANGED)
    made, white = [folder, tmp_path / "x.mkv", tmp_path / "again"], 2**bits - 1
    codes = [np.stack([np.rint(white * pixels) for _, pixels in frames(each)]) for each in made]
    assert np.array_equal(codes[0], codes[1]) and np.array_equal(codes[0], codes[2])


def test_times_of_a_folder_that_was_written_are_read_again(tmp_path):
    source = make(tmp_path / "y.mp4", Spec([0, 33, 83, 99, 132, 182, 182, 231], Fraction(1, 1000)))
    restore_clip(source, tmp_path / "frames", SOFTENED)
    restore_clip(tmp_path / "frames", tmp_path / "x.mp4", UNCHANGED)
    assert facts(tmp_path / "x.mp4")["times"] == facts(source)["times"]
    clip = open_clip(tmp_path / "frames", 10**9, rate=Fraction(30))
    assert "not of --fps" in clip.notes[0] and clip.times.alike == 2


def test_frames_are_made_between_those_of_a_folder(tmp_path):
    folder = pictures(tmp_path / "frames")
    interpolate_clip(folder, tmp_path / "x.mp4", ClipOptions(), More(2, None, "blend"))
    assert facts(tmp_path / "x.mp4")["times"] == [Fraction(number, 50) for number in range(23)]


def test_an_empty_plan_copies_no_folder(tmp_path):
    folder = pictures(tmp_path / "frames")
    assert restore_clip(folder, tmp_path / "x", Plan((), ""), ClipOptions(Options(keep_unchanged=False))).output == ""
    restore_clip(folder, tmp_path / "x", Plan((), ""))
    assert len(list((tmp_path / "x").glob("*.png"))) == 12


def test_the_checksum_sees_every_file_and_every_time(tmp_path):
    folder = pictures(tmp_path / "frames", 3)
    first = open_clip(folder, 10**9).checksum()
    assert open_clip(folder, 10**9, rate=Fraction(30)).checksum() != first == open_clip(folder, 10**9).checksum()
    write(Image(drawn(9).astype(np.float32) / 255), folder / "frame 1.png", force=True)
    assert open_clip(folder, 10**9).checksum() != first


def test_grey_and_jpeg_and_transparent_frames(tmp_path):
    grey = tmp_path / "grey"
    grey.mkdir()
    for number in range(2):
        write(Image(drawn(number)[:, :, :1].astype(np.float32) / 255), grey / f"{number}.png")
    assert open_clip(grey, 10**9).shape == (48, 64, 1)
    write(Image(drawn(2).astype(np.float32) / 255), grey / "2.jpg")
    mixed = open_clip(grey, 10**9)
    assert mixed.shape == (48, 64, 3) and all(frame.pixels.shape == (48, 64, 3) for frame in mixed.frames())
    write(Image(drawn(3).astype(np.float32) / 255, np.ones((48, 64), np.float32)), grey / "3.png")
    assert open_clip(grey, 10**9).notes == ("transparency was not kept",)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ("frame,seconds\n1,0\n2,1/25", "has 2 times, but the folder has 3 frames"),
        ("frame,seconds\n1,0\n2,2/25\n3,1/25", "must not go back in time"),
        ("frame,seconds\n1,0\n2,x\n3,1", "must have a header and lines NUMBER,SECONDS"),
        ("frame,seconds\n1,0\n2\n3,1", "must have a header and lines NUMBER,SECONDS"),
        ("frame,seconds\n1,0\n2,1/2147483647\n3,1/3", "have no common unit"),
    ],
)
def test_bad_times_are_one_sentence(tmp_path, times, says):
    folder = pictures(tmp_path / "frames", 3)
    (folder / "times.csv").write_text(times)
    with pytest.raises(BadImage, match=says):
        open_clip(folder, 10**9)


def test_bad_folders_are_one_sentence(tmp_path):
    folder = pictures(tmp_path / "frames", 3)
    with pytest.raises(BadImage, match="more than the limit"):
        open_clip(folder, 1000)
    write(Image(np.zeros((40, 64, 3), np.float32)), folder / "frame 1b.png")
    with pytest.raises(BadImage, match=r"frame 0.png has 64x48 pixels, but .*frame 1b.png has 64x40"):
        open_clip(folder, 10**9)
    (folder / "frame 1b.png").write_text("no picture")
    with pytest.raises(BadImage, match=r"frame 1b.png cannot be read as a picture"):
        open_clip(folder, 10**9)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadImage, match="is a folder without pictures"):
        open_clip(tmp_path / "empty", 10**9)
