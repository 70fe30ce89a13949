"""Frames between those of a clip: their times, their order, scene cuts, and what must stay."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from restora.core.errors import BadImage, BadKnob, BadPlan
from restora.core.image import Image
from restora.engines.choice import backend_named
from restora.files.clip import Frame, open_clip
from restora.files.cuts import Cuts
from restora.files.picture import read
from restora.nets.halfway import halfway
from restora.work.clips import ClipOptions, Stopped, restore_clip
from restora.work.interpolate import More, interpolate_clip, interpolate_pictures
from restora.work.neighbours import mirrored, surrounded
from restora.work.plan import plan_of_method
from restora.work.restore import Options, restore
from tests.clips import Spec, drawn, facts, make

PAL, MILLISECOND = Fraction(1, 25), Fraction(1, 1000)
UNEVEN = [0, 33, 83, 99, 132, 182, 198, 231]
FILM = Spec(
    [1001 * i for i in range(12)], Fraction(1, 24000), sound=(("aac", 0, "eng"),),
    chapters=((0, 0.2, "Eins"), (0.2, 0.5, "Zwei")),
)  # fmt: skip


def more(source, target, factor=2, rate=None, method="blend", **how):
    options = Options(force=how.pop("force", False), quality=how.pop("quality", 95))
    call = {name: how.pop(name) for name in ("tell", "resume") if name in how}
    return interpolate_clip(source, target, ClipOptions(options, **how), More(factor, rate, method), **call)


def frames(path):
    return [(frame.pts, frame.pixels) for frame in open_clip(path, 10**9).frames()]


def test_times_sound_and_chapters_are_kept(tmp_path):
    source = make(tmp_path / "a.mp4", FILM)
    more(source, tmp_path / "b.mp4")
    one, two = facts(source), facts(tmp_path / "b.mp4")
    assert two["times"][::2] == one["times"] and two["numbers"][::2] == one["numbers"]
    assert two["times"][1::2] == [(a + b) / 2 for a, b in pairwise(one["times"])]
    assert two["others"] == one["others"] and two["chapters"] == one["chapters"] and one["others"][0][1]


@pytest.mark.parametrize("factor", [2, 3])
def test_a_variable_rate_stays_variable(tmp_path, factor):
    source = make(tmp_path / "a.mp4", Spec(UNEVEN, MILLISECOND))
    more(source, tmp_path / "b.mp4", factor)
    times = [at for at, _ in frames(tmp_path / "b.mp4")]
    exact = [Fraction(a * (factor - k) + b * k, 1000 * factor) for a, b in pairwise(UNEVEN) for k in range(factor)]
    assert times == [*exact, Fraction(UNEVEN[-1], 1000)]


def test_frames_a_second(tmp_path):
    source = make(tmp_path / "a.mp4", Spec(list(range(10)), PAL))
    more(source, tmp_path / "b.mp4", rate=Fraction(60000, 1001))
    times = [at for at, _ in frames(tmp_path / "b.mp4")]
    assert times == [Fraction(1001 * i, 60000) for i in range(24)]  # 0.4 seconds
    slower = make(tmp_path / "c.mp4", Spec(list(range(20)), Fraction(1, 50)))
    more(slower, tmp_path / "d.mp4", rate=Fraction(25))
    assert facts(tmp_path / "d.mp4")["numbers"] == list(range(0, 20, 2))


def test_frames_of_the_clip_keep_their_bits_and_those_between_are_the_method_s(tmp_path):
    source = make(tmp_path / "a.mkv", Spec(list(range(5)), PAL, ".mkv", "ffv1", "bgr0"))
    before = [pixels for _, pixels in frames(source)]
    for method in ("repeat", "blend", "flow"):
        more(source, tmp_path / f"{method}.mkv", method=method, codec="ffv1")
        after = [pixels for _, pixels in frames(tmp_path / f"{method}.mkv")]
        assert len(after) == 9 and all(np.array_equal(a, b) for a, b in zip(before, after[::2], strict=True))
        wanted = {"repeat": before[0], "blend": (before[0] + before[1]) / 2}.get(method)
        assert wanted is None or np.abs(after[1] - wanted).max() <= 0.5 / 255 + 1e-6


def test_scene_cuts_are_not_blended(tmp_path):
    """The second scene has inverted frames."""
    rng = np.random.default_rng(0)
    one, two = rng.random((2, 48, 64, 3)).astype(np.float32)
    cuts = Cuts()
    assert [cuts(pixels) for pixels in [0.7 * one] * 3 + [0.3 * two] * 3] == [False] * 3 + [True, False, False]
    shown = [np.rint(255 * pixels).astype(np.uint8) for pixels in [0.7 * one] * 4 + [0.3 * two] * 4]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for pixels in shown:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode(None))
    more(path, tmp_path / "b.mkv", codec="ffv1")
    after = [np.rint(255 * pixels).astype(np.uint8) for _, pixels in frames(tmp_path / "b.mkv")]
    assert len(after) == 15 and np.array_equal(after[7], shown[3]) and np.array_equal(after[8], shown[4])


def test_a_stopped_run_leaves_a_clip_and_resumes_to_the_same_file(tmp_path):
    source = make(tmp_path / "a.mp4", Spec(list(range(130)), PAL))
    more(source, tmp_path / "whole.mp4", method="flow")
    told = []

    def stop(done, total):
        if done == 150:
            raise KeyboardInterrupt

    with pytest.raises(Stopped):
        more(source, tmp_path / "b.mp4", method="flow", tell=stop, resume=told.append)
    assert len(frames(tmp_path / "b.partial.mp4")) >= 150
    more(source, tmp_path / "b.mp4", method="flow", resume=told.append)
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert any("resuming b.mp4 at frame 96 of 259" in line for line in told)


def test_only_what_makes_frames_between_is_loaded(tmp_path, monkeypatch):
    source = make(tmp_path / "a.mp4", Spec(list(range(3)), PAL))
    monkeypatch.setattr("restora.work.clips.FrameRestorer", None)
    report = more(source, tmp_path / "b.mp4", method="tgan")
    assert list(report.weights) == ["tgan.clip"] and len(frames(tmp_path / "b.mp4")) == 5


def test_flow_follows_what_moves():
    x = [drawn(number, (96, 128)).astype(np.float32)[24:] / 255 for number in (4, 5, 6)]
    moved = halfway(x[0], x[2])
    errors = [np.abs(each - x[1]).mean() for each in (sum(moved) / 2, (x[0] + x[2]) / 2)]
    assert errors[0] < 0.8 * errors[1]
    still = halfway(x[0], x[0])
    assert np.abs(still[0] - x[0]).max() < 0.02


def test_the_net_is_no_worse_than_flow_and_better_than_blending(shared):
    errors = {"blend": [], "flow": [], "tgan": []}
    for folder in sorted((shared / "video" / "middlebury_other").iterdir())[:2]:
        before, x, after = (read(folder / name).pixels for name in ("frame10.png", "frame10i11.png", "frame11.png"))
        cut = np.s_[100:228, 100:292]
        for method, mine in errors.items():
            made = interpolate_pictures(
                Image(before[cut]), Image(after[cut]), (method, ""), backend_named("openvino", "cpu"), 10**9
            )
            mine.append(float(np.mean((made.pixels - x[cut]) ** 2)))
    psnr = {method: -10 * np.log10(np.mean(mine)) for method, mine in errors.items()}
    assert psnr["tgan"] > psnr["flow"] - 0.1 and psnr["tgan"] > psnr["blend"] + 1


def test_neighbours_stay_in_their_scene():
    assert [mirrored(index, 3) for index in range(-3, 6)] == [1, 2, 1, 0, 1, 2, 1, 0, 1]
    scene = [np.full((32, 32, 3), value, np.float32) for value in (0.1, 0.11, 0.12, 0.13, 0.9, 0.91, 0.92)]
    seen = list(surrounded((Frame(i, Fraction(i), pixels) for i, pixels in enumerate(scene)), 2))
    values = [[round(float(other[0, 0, 0]), 2) for other in others] for _, others in seen]
    assert [frame.pts for frame, _ in seen] == list(range(7))
    assert values[0] == [0.12, 0.11, 0.11, 0.12] and values[2] == [0.1, 0.11, 0.13, 0.12]
    assert values[3] == [0.11, 0.12, 0.12, 0.11] and values[4] == [0.92, 0.91, 0.91, 0.92]


def test_what_cannot_be_done_is_said(tmp_path):
    source = make(tmp_path / "a.mp4", Spec(list(range(4)), PAL))
    with pytest.raises(BadKnob, match="factor must be from 2 to 16"):
        more(source, tmp_path / "b.mp4", 17)
    with pytest.raises(BadKnob, match="frames a second must be above 0 and at most 400"):
        more(source, tmp_path / "b.mp4", rate=Fraction(1000))
    with pytest.raises(BadKnob, match="the method must be one of tgan, flow, blend, repeat"):
        more(source, tmp_path / "b.mp4", method="magic")
    interlaced = Spec(
        list(range(4)), PAL, ".ts", "mpeg2video", options={"flags": "+ilme+ildct"}, upper=True, size=(576, 720)
    )
    fields = make(tmp_path / "c.ts", interlaced)
    with pytest.raises(BadImage, match="interlaced; make it progressive with --deinterlace"):
        more(fields, tmp_path / "d.mp4")
    sizes = [Image(np.zeros((20, side, 3), np.float32)) for side in (20, 24)]
    with pytest.raises(BadImage, match="the same size and channels, not 20x20 and 24x20"):
        interpolate_pictures(*sizes, ("blend", ""), backend_named("openvino", "cpu"), 10**9)


def test_a_net_that_sees_five_frames_removes_more_noise_than_frame_by_frame(tmp_path):
    """Ctrl-C and --resume give the same file, although the net sees frames of the segment before."""
    rng = np.random.default_rng(0)
    clean = [drawn(number, (48, 64)) for number in range(100)]
    path = tmp_path / "noisy.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for x in clean:
            y = np.rint((x + rng.normal(0, 25, x.shape)).clip(0, 255)).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(y, format="rgb24")))
        file.mux(stream.encode(None))
    errors = {}
    for method, weights in (("temporal", "temporal.clip"), ("restora", "restora.blind-small")):
        plan = plan_of_method(method, {}, None, weights=weights, precision="f32")
        restore_clip(path, tmp_path / f"{method}.mkv", plan, ClipOptions(codec="ffv1"))
        made = [255 * pixels for _, pixels in frames(tmp_path / f"{method}.mkv")]
        errors[method] = np.mean([np.square(one - x).mean() for one, x in zip(made, clean, strict=True)])
    assert errors["temporal"] < 0.9 * errors["restora"]

    def stop(done, total):
        if done == 99:
            raise KeyboardInterrupt

    plan = plan_of_method("temporal", {}, None, precision="f32")
    with pytest.raises(Stopped):
        restore_clip(path, tmp_path / "b.mkv", plan, ClipOptions(codec="ffv1"), tell=stop, resume=lambda line: None)
    restore_clip(path, tmp_path / "b.mkv", plan, ClipOptions(codec="ffv1"), resume=lambda line: None)
    assert (tmp_path / "b.mkv").read_bytes() == (tmp_path / "temporal.mkv").read_bytes()


def test_a_net_that_sees_several_frames_refuses_a_picture():
    plan = plan_of_method("temporal", {}, None)
    with pytest.raises(BadPlan, match=r"temporal.clip sees several frames: give it a clip"):
        restore(Image(np.zeros((32, 32, 3), np.float32)), plan)
