"""The disk is asked for room before a clip is restored."""

from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.core.plan import Plan, Step
from restora.work.clips import ClipOptions, restore_clip
from restora.work.restore import Options
from tests.clips import write_frames

UNCHANGED = Plan((Step("gaussian", "a test", strength=0.0),), "a test")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def noisy(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.uniform(0.3, 0.7, (48, 64, 3)).astype(np.float32) for _ in range(30)]
    write_frames(tmp_path / "y.mkv", frames)
    return tmp_path / "y.mkv"


def used(path):
    return sum(each.stat().st_size for each in path.glob("*")) if path.is_dir() else 2 * path.stat().st_size


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "frames"])
def test_a_clip_that_does_not_fit_is_refused_before_it_is_restored(noisy, tmp_path, monkeypatch, name):
    """What is estimated is neither much more nor much less than what it takes."""
    how = ClipOptions(Options(force=True), codec="ffv1" if name == "x.mkv" else "h264")
    restore_clip(noisy, tmp_path / f"as it is {name}", UNCHANGED, how)
    needed, told = used(tmp_path / f"as it is {name}"), []
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(10**9, 0, needed // 2))
    with pytest.raises(BadImage, match=rf"{name} with its segments may need \d+ MB of temporary space on the disk of"):
        restore_clip(noisy, tmp_path / name, UNCHANGED, how, tell=lambda done, total: told.append(done))
    assert not told and sorted(path.name for path in tmp_path.iterdir()) == before
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(10**9, 0, 2 * needed))
    restore_clip(noisy, tmp_path / name, UNCHANGED, how)


def test_frames_of_one_colour_need_no_room(tmp_path, monkeypatch):
    """Although they would not fit without compression."""
    write_frames(tmp_path / "y.mkv", [np.full((48, 64, 3), number / 60, np.float32) for number in range(30)])
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(10**9, 0, 48 * 64 * 3 * 30))
    report = restore_clip(tmp_path / "y.mkv", tmp_path / "x.mp4", UNCHANGED)
    assert report.clip["frames"] == 30 and report.clip["frames_a_second"] == str(Fraction(25))
