"""Frames are restored as they come: none is lost if there is time, else some are dropped and counted."""

import time
import tracemalloc
from contextlib import closing
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from restora.core.errors import BadImage, BadKnob, OutputExists
from restora.core.plan import Plan, Step
from restora.files.clip import open_clip
from restora.files.live_sink import place_for
from restora.files.live_source import LiveSource, Raw
from restora.files.yuv import codes_of
from restora.work import live
from restora.work.clips import ClipOptions, FrameRestorer, restore_clip
from restora.work.live import CLOSED, OVER, STOPPED, LiveOptions, restore_live
from restora.work.plan import plan_of_method
from tests.clips import Spec, drawn, facts, make, number_in

PAL = Fraction(1, 25)
SOFTENED = Plan((Step("gaussian", "a test", knobs={"width": 0.5}),), "a test")


def played(source, target, plan=SOFTENED, tell=None, form=None, raw=None):
    opened = LiveSource(str(source), raw, 10**9)
    return restore_live(opened, place_for(str(target), form, force=True), plan, LiveOptions(), tell)


def codes(path, options=None):
    """The codes of all frames of a clip."""
    with closing(av.open(str(path), **(options or {}))) as file:
        return [np.concatenate([plane.ravel() for plane in codes_of(frame)]) for frame in file.decode(video=0)]


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "y.mp4", Spec(list(range(12)), PAL, sound=(("aac", 0, "eng"),)))


class Slow(FrameRestorer):
    """Takes a sixth of a second for each frame."""

    def __call__(self, piece):
        time.sleep(1 / 6)
        return super().__call__(piece)


def test_a_clip_plays_at_its_own_rate(tmp_path):
    source = make(tmp_path / "y.mp4", Spec([0, 600, 1200, 1800, 2400], Fraction(1, 1000)))
    assert played(source, tmp_path / "x.mkv").seconds > 2.4


def test_nothing_is_dropped_when_there_is_time(clip, tmp_path):
    report = played(clip, tmp_path / "x.mkv")
    after = facts(tmp_path / "x.mkv")
    assert after["numbers"] == list(range(12)) and after["others"] == []
    assert after["times"] == [Fraction(40 * number, 1000) for number in range(12)]
    assert report.clip["frames"] == report.clip["of"] == 12 and report.clip["dropped"] == 0
    assert (
        report.clip["ended"] == OVER and 0 < report.clip["latency_ms"]["mean"] <= report.clip["latency_ms"]["longest"]
    )
    assert "sound is not kept" in report.warnings[0] and not (tmp_path / "x.partial.mkv").exists()


@pytest.mark.parametrize("method", ["gaussian", "mctf"])
def test_frames_are_those_of_a_restored_clip(clip, tmp_path, method):
    """Also of a method that sees the frames around each."""
    plan = SOFTENED if method == "gaussian" else plan_of_method("mctf", {"sigma": 0.03}, None)
    restore_clip(clip, tmp_path / "x.mkv", plan, ClipOptions(codec="ffv1"))
    for name in ("x.y4m", "x.yuv"):
        played(clip, tmp_path / name, plan)
    raw = {"format": "rawvideo", "options": {"video_size": "64x48", "pixel_format": "yuv420p"}}
    wanted = codes(tmp_path / "x.mkv")
    for made in (codes(tmp_path / "x.y4m"), codes(tmp_path / "x.yuv", raw)):
        assert len(made) == 12 and all(map(np.array_equal, made, wanted))


def test_dropped_frames_are_counted_and_the_others_keep_their_times(tmp_path, monkeypatch):
    source = make(tmp_path / "y.mp4", Spec([2 * i + i // 3 for i in range(36)], Fraction(1, 60)))
    restore_clip(source, tmp_path / "all.mkv", SOFTENED, ClipOptions(codec="ffv1"))
    monkeypatch.setattr(live, "FrameRestorer", Slow)
    report = played(source, tmp_path / "x.ts")
    after, times = facts(tmp_path / "x.ts"), facts(source)["times"]
    numbers = after["numbers"]
    assert report.clip["of"] == 36 and report.clip["dropped"] > 10
    assert len(numbers) == report.clip["frames"] == 36 - report.clip["dropped"]
    assert numbers == sorted(set(numbers)) and numbers[0] == 0 and np.diff(numbers).max() > 1
    assert [at - after["times"][0] for at in after["times"]] == [times[number] for number in numbers]


def test_without_times_a_frame_stands_for_the_dropped_ones_before_it(tmp_path, monkeypatch):
    source = make(tmp_path / "y.mp4", Spec(list(range(30)), PAL))
    restore_clip(source, tmp_path / "all.mkv", SOFTENED, ClipOptions(codec="ffv1"))
    monkeypatch.setattr(live, "FrameRestorer", Slow)
    report = played(source, tmp_path / "x.y4m")
    with closing(av.open(str(tmp_path / "x.y4m"))) as file:
        numbers = [number_in(frame.to_ndarray(format="rgb24") / np.float32(255)) for frame in file.decode(video=0)]
    kept = sorted(set(numbers))
    assert report.clip["dropped"] > 5 and len(kept) == report.clip["frames"] and len(numbers) == kept[-1] + 1
    assert all(number >= index for index, number in enumerate(numbers)) and numbers == sorted(numbers)
    made, wanted = codes(tmp_path / "x.y4m"), codes(tmp_path / "all.mkv")
    assert all(map(np.array_equal, made, (wanted[number] for number in numbers)))


def test_raw_frames_in_and_out(tmp_path):
    frames = np.stack([drawn(number) for number in range(8)])
    (tmp_path / "y.raw").write_bytes(frames.tobytes())
    unchanged = Plan((Step("gaussian", "a test", strength=0.0),), "a test")
    played(tmp_path / "y.raw", tmp_path / "x.rgb", unchanged, raw=Raw("rgb24", (48, 64), Fraction(50)))
    assert np.array_equal(np.fromfile(tmp_path / "x.rgb", np.uint8).reshape(frames.shape), frames)


def test_ctrl_c_leaves_a_file_that_plays(tmp_path):
    source = make(tmp_path / "y.mp4", Spec(list(range(100)), PAL))

    def stop(counts):
        if counts.written >= 5:
            raise KeyboardInterrupt

    report = played(source, tmp_path / "x.mkv", tell=stop)
    numbers = facts(tmp_path / "x.mkv")["numbers"]
    assert report.clip["ended"] == STOPPED and 5 <= len(numbers) < 30 and numbers == list(range(len(numbers)))


def test_an_error_leaves_what_was_recorded(tmp_path, monkeypatch):
    source = make(tmp_path / "y.mp4", Spec(list(range(20)), PAL))

    def fails(counts):
        if counts.written >= 5:
            raise BadImage("broken")

    with pytest.raises(BadImage, match="broken"):
        played(source, tmp_path / "x.mkv", tell=fails)
    assert not (tmp_path / "x.mkv").exists() and len(facts(tmp_path / "x.partial.mkv")["numbers"]) >= 5
    with pytest.raises(OutputExists, match=r"x.partial.mkv exists; overwrite it with --force"):
        place_for(str(tmp_path / "x.mkv"), None, force=False)


def test_a_reader_that_leaves_ends_it(clip, tmp_path, monkeypatch):
    def leaves(self, number, at, pixels):
        raise BrokenPipeError

    monkeypatch.setattr("restora.files.live_sink.LiveSink.put", leaves)
    assert played(clip, tmp_path / "x.mkv").clip["ended"] == CLOSED


def test_a_damaged_stream_goes_on(tmp_path):
    """Bytes in the middle of a transport stream are lost."""
    source = make(tmp_path / "y.ts", Spec(list(range(40)), PAL, ".ts", options={"g": "5", "crf": "5"}))
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    source.write_bytes(data)
    report = played(source, tmp_path / "x.mkv")
    assert 25 <= report.clip["frames"] <= 40 and facts(tmp_path / "x.mkv")["numbers"][-1] == 39


def test_times_that_begin_anew_go_on(tmp_path):
    """Two streams, one after the other, as from a sender that was started again."""
    parts = [make(tmp_path / f"{first}.ts", Spec([first + i for i in range(6)], PAL, ".ts")) for first in (500, 0)]
    source = tmp_path / "y.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    with closing(LiveSource(str(source), None, 10**9)) as opened:
        times = [at for at, _ in opened.frames()]
    assert len(times) == 12 and all(after - before == PAL for before, after in pairwise(times))


def test_memory_does_not_grow_with_the_length(tmp_path, monkeypatch):
    """Even if nothing waits for the frames to be restored."""
    monkeypatch.setattr(live.time, "sleep", lambda seconds: None)
    peaks = []
    for count in (40, 160):
        source = make(tmp_path / f"{count}.mp4", Spec(list(range(count)), PAL))
        tracemalloc.start()
        played(source, tmp_path / f"x{count}.mkv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    frame = 4 * 3 * 48 * 64
    assert 10 * frame < peaks[1] < peaks[0] + 10 * frame, peaks


@pytest.mark.parametrize(
    ("output", "form", "error", "says"),
    [
        ("x.mp4", None, BadKnob, "must end in .mkv, .ts, .y4m, .yuv, .rgb; or say what to write with --format"),
        ("x.mkv", "avi", BadKnob, "must be one of mkv, ts, y4m, yuv420p, rgb24, not 'avi'"),
        ("absent/x.mkv", None, BadImage, "absent does not exist"),
        ("there.mkv", None, OutputExists, "there.mkv exists; overwrite it with --force"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, output, form, error, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.mkv").write_bytes(b"mine")
    with pytest.raises(error, match=says):
        place_for(output, form, force=False)


def test_what_cannot_be_read_is_one_sentence(tmp_path, clip):
    (tmp_path / "text.mkv").write_text("no clip")
    for place, says in {
        "/dev/video93": "there is no camera /dev/video93; this computer has",
        str(tmp_path / "text.mkv"): "cannot be read as a clip",
        str(tmp_path / "absent.mkv"): "cannot be read as a clip: no such file",
    }.items():
        with pytest.raises(BadImage, match=says):
            LiveSource(place, None, 10**9)
    with pytest.raises(BadImage, match="more than the limit"):
        LiveSource(str(clip), None, 1000)


def test_a_camera_is_not_held_back(clip, tmp_path, monkeypatch):
    """FFmpeg's own test picture stands for a camera, which gives frames as fast as they are taken."""
    monkeypatch.setattr("restora.files.live_source.CAMERAS", str(tmp_path / "video"))
    (tmp_path / "video0").touch()
    real = av.open

    def opened(place, *args, **options):
        if options.get("format") == "v4l2":
            return real("testsrc=size=64x48:rate=25:duration=2", format="lavfi")
        return real(place, *args, **options)

    monkeypatch.setattr(av, "open", opened)
    source = LiveSource("camera", None, 10**9)
    assert source.kind == "camera"
    started = time.monotonic()
    report = restore_live(source, place_for(str(tmp_path / "x.ts"), None, force=False), SOFTENED, LiveOptions())
    assert time.monotonic() - started < 2 and report.clip["of"] == 50
    assert report.clip["frames"] + report.clip["dropped"] == 50
    assert open_clip(tmp_path / "x.ts", 10**9).times.frames == report.clip["frames"]
