"""Clips that cannot be read or written as asked, and what is said of them."""

from contextlib import closing
from dataclasses import replace

import av
import numpy as np
import pytest

from restora.core.errors import BadImage, BadKnob, OutputExists, Truncated
from restora.work.clips import ClipOptions, restore_clip
from restora.work.plan import plan_of_method
from restora.work.restore import Limits, Options
from tests.clips import Spec, complete, facts, make
from tests.work.conftest import FILM, PAL, SOFTENED, UNCHANGED, run


def test_a_truncated_clip_is_refused_and_its_part_is_restored_on_request(tmp_path):
    for ending in (".mkv", ".avi"):
        spec = Spec(list(range(30)), PAL, ending, "mpeg4", options={"g": "1"})
        source = make(tmp_path / f"y{ending}", spec)
        source.write_bytes(source.read_bytes()[: source.stat().st_size * 8 // 10])
        with pytest.raises(Truncated, match=r"is truncated: \d+"):
            run(source, tmp_path / "x.mkv")
        report = run(source, tmp_path / "x.mkv", salvage=True, force=True)
        numbers = facts(tmp_path / "x.mkv")["numbers"]
        assert 5 < len(numbers) < 30 and numbers[:-1] == list(range(len(numbers) - 1))
        assert "the clip is truncated" in report.warnings[0] and str(report.clip["of"]) in report.warnings[0]


def test_an_mp4_without_its_end_has_no_index(clips, tmp_path):
    source = tmp_path / "y.mp4"
    data = clips("24000/1001, with B-frames at the end").read_bytes()
    source.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage, match="its index is missing"):
        run(source, tmp_path / "x.mp4", salvage=True)


def test_damage_in_the_middle_is_said(tmp_path):
    """The decoder hides lost parts of a picture behind others."""
    source = make(
        tmp_path / "y.mp4", replace(FILM, times=[1001 * i for i in range(40)], sound=(), options={"crf": "5"})
    )
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    source.write_bytes(data)
    report = run(source, tmp_path / "x.mp4", salvage=True)
    assert any("damaged" in warning for warning in report.warnings)


def test_large_frames_need_memory_that_is_named(tmp_path):
    source = make(tmp_path / "y.mp4", Spec(list(range(4)), PAL, size=(1080, 1920), options={"preset": "ultrafast"}))
    with pytest.raises(BadImage, match=r"allow it with --max-memory \d+MB"):
        restore_clip(source, tmp_path / "x.mp4", SOFTENED, ClipOptions(Options(limits=Limits(memory=400_000_000))))


def test_4k_frames_name_the_memory_with_which_they_are_restored(tmp_path):
    """By a plan of tiles, and by a method that needs whole frames and those around them."""
    spec = Spec(list(range(2)), PAL, size=(2160, 3840), options={"preset": "ultrafast"})
    source = make(tmp_path / "y.mp4", spec)
    for name, plan in {"a": SOFTENED, "b": plan_of_method("mctf", {"sigma": 0.02}, None)}.items():
        limits = Limits(memory=300_000_000)
        with pytest.raises(BadImage, match=r"this needs about \d+ MB of memory, more than the 300 MB allowed") as error:
            restore_clip(source, tmp_path / f"{name}.mp4", plan, ClipOptions(Options(limits=limits)))
        allowed = int(str(error.value).rpartition("--max-memory ")[2].removesuffix("MB")) * 10**6
        assert 300_000_000 < allowed < 6_000_000_000
        if name == "a":
            how = ClipOptions(Options(limits=Limits(memory=allowed)), preset="ultrafast")
            assert restore_clip(source, tmp_path / f"{name}.mp4", plan, how).clip["frames"] == 2


def test_hdr_metadata_that_is_not_kept_is_named(tmp_path):
    words = (
        "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    )
    options = {"x265-params": f"log-level=none:{words}"}
    source = make(
        tmp_path / "y.mp4",
        Spec(list(range(4)), PAL, codec="libx265", pix_fmt="yuv420p10le", colour=(1, 9, 9, 16), options=options),
    )
    report = run(source, tmp_path / "x.mp4")
    assert "HDR metadata was not kept: the mastering display, the content light level" in report.warnings
    assert facts(tmp_path / "x.mp4")["colour"] == (1, 9, 9, 16)


def test_a_preset_is_faster_and_stored_in_the_plan_of_a_resumed_run(clips, tmp_path):
    """Another preset gives other bits, so what was begun with one is not resumed with another."""
    source = clips("24000/1001, with B-frames at the end")
    run(source, tmp_path / "x.mp4", UNCHANGED)
    run(source, tmp_path / "y.mp4", UNCHANGED, preset="ultrafast")
    assert (tmp_path / "x.mp4").read_bytes() != (tmp_path / "y.mp4").read_bytes()
    assert complete(facts(tmp_path / "y.mp4")["numbers"])
    with pytest.raises(BadKnob, match="the preset of H.264 must be one of medium, fast"):
        run(source, tmp_path / "z.mp4", UNCHANGED, preset="placebo")


def test_sound_alone_is_no_clip(tmp_path):
    with closing(av.open(str(tmp_path / "y.mp4"), "w")) as file:
        sound = file.add_stream("aac", rate=48000)
        sound.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        for packet in [*sound.encode(frame), *sound.encode(None)]:
            file.mux(packet)
    with pytest.raises(BadImage, match="has no video stream, only audio"):
        run(tmp_path / "y.mp4", tmp_path / "x.mp4")


@pytest.mark.parametrize(
    ("target", "how", "error", "says"),
    [
        ("x.avi", {}, BadImage, "must end in .mp4, .m4v, .mov, .mkv for a clip, or be a folder"),
        ("x.mp4", {"codec": "ffv1"}, BadImage, "cannot hold FFV1; end the name"),
        ("x.mp4", {"codec": "h265"}, BadKnob, "must be h264 or ffv1, not 'h265'"),
        ("absent/x.mp4", {}, BadImage, "does not exist"),
        ("there.mp4", {}, OutputExists, "overwrite it with --force"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(clips, tmp_path, target, how, error, says):
    (tmp_path / "there.mp4").write_bytes(b"mine")
    with pytest.raises(error, match=says):
        run(clips("24000/1001, with B-frames at the end"), tmp_path / target, **how)
    assert [path.name for path in tmp_path.iterdir()] == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_sound_that_a_format_cannot_hold_needs_another_one(clips, tmp_path):
    with pytest.raises(BadImage, match=r"cannot hold the subtitle of .* \(\w+\); end the name in .mkv"):
        run(clips("two languages and subtitles"), tmp_path / "x.mp4")
