"""A clip is restored without losing a frame, a tick of time or the sound; each clip repeats a public report."""

import json
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from restora.core.errors import BadPlan
from restora.core.plan import Plan, Step
from restora.files.clip import open_clip
from restora.files.picture import read
from restora.work.clips import ClipOptions, target_for
from restora.work.restore import be_patient
from tests.clips import Spec, complete, differences, drawn, facts, make, number_in
from tests.work.conftest import FILM, LEFT, MILLISECOND, NEW_CONTAINER, PAL, SPECS, UNCHANGED, run


@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_lost(clips, tmp_path, name):
    source = clips(name)
    target = target_for(source, None, ClipOptions())
    assert target.suffix == (".mp4" if name in NEW_CONTAINER else source.suffix)
    target = tmp_path / target.name
    report = run(source, target)
    before, after = facts(source), facts(target)
    assert complete(after["numbers"]) and len(after["numbers"]) == len(SPECS[name].times)
    assert after["times"] == before["times"]
    changes = set(differences(source, target))
    unsaid = {"colour"} if before["colour"][0] == 1 and after["colour"][0] == 0 else set()  # limited, where not said
    assert changes - unsaid <= ({"duration", "tags"} if name in NEW_CONTAINER else set())
    assert before["colour"][1:] == after["colour"][1:]
    assert report.clip["frames"] == len(SPECS[name].times) and report.warnings == []
    assert sorted(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("fault", ["a lost frame", "a frame twice", "a tick", "late sound", "a lost chapter", "turned"])
def test_the_comparison_sees_faults(tmp_path, fault):
    source = make(tmp_path / "source.mp4", replace(FILM, chapters=((0, 0.2, "Eins"),)))
    spec = replace(FILM, chapters=((0, 0.2, "Eins"),))
    times = list(spec.times)
    if fault == "a lost frame":
        spec = replace(spec, times=times[:-1])
    if fault == "a tick":
        spec = replace(spec, times=[*times[:-1], times[-1] + 1])
    if fault == "late sound":
        spec = replace(spec, sound=(("aac", Fraction(1, 48000), "eng"),))
    if fault == "a lost chapter":
        spec = replace(spec, chapters=())
    if fault == "turned":
        spec = replace(spec, matrix=LEFT)
    other = make(tmp_path / "other.mp4", spec)
    if fault == "a frame twice":
        assert not complete([0, 1, 1, 2]) and not complete([0, 2]) and complete([0, 1, 2])
    else:
        assert differences(source, other)
    assert not differences(source, source)


def test_black_frames_have_no_number():
    assert number_in(np.zeros((48, 64, 3), np.float32)) is None
    assert [number_in(drawn(number) / np.float32(255)) for number in (0, 5, 200)] == [0, 5, 200]


def test_equal_times_are_kept(tmp_path):
    """Some time stamps twice or thrice in 1500 frames, as muxers refuse it; in MP4 decoding needs times of its own."""
    same = [701, *range(720, 1200, 13), 756, 757]
    times = [40 * (i - sum(i >= other for other in same)) for i in range(1500)]
    spec = Spec(times, MILLISECOND, ".mkv", "ffv1", size=(24, 64), options={"level": "3"})
    source = make(tmp_path / "source.mkv", spec)
    before = [frame.pts for frame in open_clip(source, 10**9).frames()]
    assert len(before) == 1500 and before[700] == before[701] and before[755] == before[757]
    for ending in (".mkv", ".mp4"):
        report = run(source, tmp_path / f"x{ending}")
        after = open_clip(tmp_path / f"x{ending}", 10**9)
        numbers = [number_in_small(frame.pixels) for frame in after.frames()]
        assert [frame.pts for frame in after.frames()] == before and not report.warnings
        assert numbers == [i % 256 for i in range(1500)]


@pytest.mark.parametrize("count", range(6, 14))
def test_the_last_frame_lasts_as_long_as_it_did(tmp_path, count):
    """Whichever frame is decoded last: MP4 counts durations in the order of decoding."""
    times = [33 * i + 17 * (i // 2) for i in range(count)]
    source = make(tmp_path / "y.mp4", Spec(times, MILLISECOND, options={"bf": "0"}))
    run(source, tmp_path / "x.mp4")
    assert facts(tmp_path / "x.mp4")["duration"] == facts(source)["duration"]


def number_in_small(pixels):
    blocks = [pixels[2:9, 8 * bit + 2 : 8 * bit + 6].mean() for bit in range(8)]
    return sum(1 << bit for bit, mean in enumerate(blocks) if mean > 0.5)


@pytest.mark.parametrize(
    "name", ["24000/1001, with B-frames at the end", "HLG, full range, BT.2020", "odd size in 4:4:4"]
)
def test_ffv1_keeps_every_bit(clips, tmp_path, name):
    source, target = clips(name), tmp_path / "x.mkv"
    run(source, target, UNCHANGED, codec="ffv1")
    pairs = zip(open_clip(source, 10**9).frames(), open_clip(target, 10**9).frames(), strict=True)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in pairs)
    assert facts(source)["colour"][1:] == facts(target)["colour"][1:]


def test_matroska_says_that_it_rounds_times(clips, tmp_path):
    source = clips("24000/1001, with B-frames at the end")
    report = run(source, tmp_path / "x.mkv")
    off = [
        abs(one - other) for one, other in zip(facts(source)["times"], facts(tmp_path / "x.mkv")["times"], strict=True)
    ]
    assert 0 < max(off) <= Fraction(1, 2000)
    assert any("rounded by up to 0.50 ms" in note or "rounded by up to 0.4" in note for note in report.warnings)


def test_ffv1_in_matroska_keeps_the_shape_of_pixels(clips, tmp_path):
    run(clips("16:9 in 720x576, two chapters"), tmp_path / "x.mkv", codec="ffv1")
    after = facts(tmp_path / "x.mkv")
    assert after["aspect"] == Fraction(64, 45) and [title for _, _, title in after["chapters"]] == ["Eins", "Zwei"]


def with_more(source, target, add):
    """A clip with what `add(file)` adds; its packets come after the first one."""
    with closing(av.open(str(source))) as given, closing(av.open(str(target), "w")) as file:
        streams = {each.index: file.add_stream_from_template(each, opaque=True) for each in given.streams}
        more = add(file)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                file.mux([packet, *more])
                more = []
    return target


def test_a_second_video_is_copied(tmp_path):
    """With B-frames, whose first times of decoding Matroska does not say."""
    with closing(av.open(str(tmp_path / "y.mkv"), "w")) as file:
        streams = [file.add_stream("libx264", rate=25, options={"bf": "3"}) for _ in range(2)]
        packets = []
        for stream, size in zip(streams, ((48, 64), (24, 32)), strict=True):
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
            for number in range(12):
                packets += stream.encode(av.VideoFrame.from_ndarray(drawn(number)[: size[0], : size[1]], "rgb24"))
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts):
            file.mux(packet)
    for ending in ("mkv", "mp4"):
        report = run(tmp_path / "y.mkv", tmp_path / f"x.{ending}")
        assert report.warnings[0] == "the clip has 2 videos; the one of 64x48 was restored, others were copied"
        copied = []
        for path in (tmp_path / "y.mkv", tmp_path / f"x.{ending}"):
            with closing(av.open(str(path))) as file:
                small = next(stream for stream in file.streams.video if stream.width == 32)
                copied.append(
                    [(frame.pts * frame.time_base, frame.to_ndarray().tobytes()) for frame in file.decode(small)]
                )
        assert copied[0] == copied[1] and len(copied[0]) == 12


def test_the_picture_of_the_cover_is_kept(clips, tmp_path):
    def cover(file):
        stream = file.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt, stream.disposition = 32, 32, "yuvj420p", Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 200, np.uint8), "rgb24")
        frame.pts, frame.time_base = 0, Fraction(1)
        return [*stream.encode(frame), *stream.encode(None)]

    source = with_more(clips("24000/1001, with B-frames at the end"), tmp_path / "y.mp4", cover)
    run(source, tmp_path / "x.mp4")
    covers = []
    for path in (source, tmp_path / "x.mp4"):
        with closing(av.open(str(path))) as file:
            stream = next(each for each in file.streams.video if each.disposition & Disposition.attached_pic)
            covers.append([bytes(packet) for packet in file.demux(stream) if packet.size])
    assert covers[0] == covers[1] != [] and complete(facts(tmp_path / "x.mp4")["numbers"])


def test_fonts_of_subtitles_are_kept(tmp_path):
    def font(file):
        file.add_attachment("letters.ttf", "application/x-truetype-font", b"letters")
        return []

    first = make(tmp_path / "first.mp4", Spec(list(range(6)), PAL))
    source = with_more(first, tmp_path / "y.mkv", font)
    run(source, tmp_path / "x.mkv")
    with closing(av.open(str(tmp_path / "x.mkv"))) as file:
        kept = [each for each in file.streams if each.type == "attachment"]
        assert [(each.name, each.mimetype, each.data) for each in kept] == [
            ("letters.ttf", "application/x-truetype-font", b"letters")
        ]


def test_the_old_tag_of_rotation_becomes_a_matrix(tmp_path):
    """Degrees clockwise, as in files of old telephones; a viewer of today reads only the matrix."""
    source = make(tmp_path / "y.mkv", Spec(list(range(6)), PAL, ".mkv", tags={"rotate": "90"}))
    assert facts(source)["turned"] == 0
    run(source, tmp_path / "x.mp4")
    assert facts(tmp_path / "x.mp4")["turned"] == -90


def test_an_odd_size_is_kept(tmp_path):
    source = make(tmp_path / "y.mkv", Spec(list(range(6)), PAL, ".mkv", "ffv1", size=(47, 63)))
    report = run(source, tmp_path / "x.mkv")
    after = facts(tmp_path / "x.mkv")
    assert after["size"] == (47, 63) and after["pix_fmt"] == "yuv444p" and complete(after["numbers"])
    assert "odd size" in report.warnings[0]


def test_a_transport_stream_is_interlaced_and_this_is_said(tmp_path):
    spec = Spec(
        list(range(8)), PAL, ".ts", "mpeg2video", options={"flags": "+ilme+ildct"}, sound=(("mp2", 0, "eng"),),
        upper=True, size=(576, 720), aspect=Fraction(16, 15),
    )  # fmt: skip
    source = make(tmp_path / "y.ts", spec)
    report = run(source, tmp_path / "x.mkv")
    before, after = facts(source), facts(tmp_path / "x.mkv")
    sound = before["others"][0][1][0][0], after["others"][0][1][0][0]
    assert "interlaced" in report.warnings[0] and before["upper"] == after["upper"] is not None
    for one, other in zip(before["times"], after["times"], strict=True):  # times count from the first
        assert abs((one - sound[0]) - (other - sound[1])) <= MILLISECOND
    assert [data for _, data in before["others"][0][1]] == [data for _, data in after["others"][0][1]]
    assert complete(after["numbers"]) and min(sound[1], after["times"][0]) == 0
    report = run(source, tmp_path / "z.mkv", deinterlace=True)
    assert facts(tmp_path / "z.mkv")["times"] == after["times"] and not any("interlaced" in w for w in report.warnings)
    assert facts(tmp_path / "z.mkv")["upper"] is None and complete(facts(tmp_path / "z.mkv")["numbers"])


def test_deinterlacing_removes_the_combs(tmp_path):
    """A bar moves between the two fields of a frame."""
    size = (96, 128)

    def field(step):
        picture = np.full((*size, 3), 40, np.uint8)
        picture[:, 8 * step : 8 * step + 24] = 220
        return picture

    with closing(av.open(str(tmp_path / "y.mkv"), "w")) as file:
        video = file.add_stream("mpeg2video", rate=25, options={"flags": "+ilme+ildct", "qscale": "2"})
        video.codec_context.height, video.codec_context.width, video.codec_context.pix_fmt = *size, "yuv420p"
        video.codec_context.field_order = 3
        for number in range(6):
            woven = field(2 * number + 1)
            woven[1::2] = field(2 * number)[1::2]  # the lower field comes first
            for packet in video.encode(av.VideoFrame.from_ndarray(woven, "rgb24")):
                file.mux(packet)
        for packet in video.encode(None):
            file.mux(packet)
    report = run(tmp_path / "y.mkv", tmp_path / "x.mkv", Plan((), "clean"), keep_unchanged=False)
    assert report.output == "" and "interlaced" in report.warnings[0] and not (tmp_path / "x.mkv").exists()
    combs = []
    for deinterlace in (False, True):
        clip = open_clip(tmp_path / "y.mkv", 10**9, deinterlace=deinterlace)
        frames = [frame.pixels for frame in clip.frames()]
        assert len(frames) == 6 and clip.upper is not None
        combs.append(np.mean([np.abs(2 * y[2:-2:2] - y[1:-3:2] - y[3:-1:2]).mean() for y in frames]))
    assert combs[1] < combs[0] / 4


def test_a_folder_gets_the_frames_and_their_times(clips, tmp_path):
    source = clips("33, 50 and 16 ms")
    report = run(source, tmp_path / "frames", UNCHANGED)
    lines = (tmp_path / "frames/times.csv").read_text().split()
    assert [Fraction(line.split(",")[1]) for line in lines[1:]] == facts(source)["times"]
    pictures = sorted((tmp_path / "frames").glob("*.png"))
    assert [number_in(read(path).pixels) for path in pictures] == list(range(10)) and "no sound" in report.warnings[0]
    assert pictures[0].name == "000001.png" and read(pictures[0]).meta.bits == 8
    run(clips("PQ, BT.2020"), tmp_path / "deep", UNCHANGED)
    assert read(tmp_path / "deep/000001.png").meta.bits == 16


def test_a_result_may_be_larger(clips, tmp_path):
    plan = Plan((Step("bicubic", "a test", knobs={"height": 96, "width": 128}),), "a test")
    run(clips("24000/1001, with B-frames at the end"), tmp_path / "x.mp4", plan)
    after = facts(tmp_path / "x.mp4")
    assert after["size"] == (96, 128) and complete(after["numbers"])


def test_an_empty_plan_copies_the_file_or_writes_nothing(clips, tmp_path):
    source = clips("24000/1001, with B-frames at the end")
    assert run(source, tmp_path / "x.mp4", Plan((), "clean"), keep_unchanged=False).output == ""
    assert not list(tmp_path.iterdir())
    run(source, tmp_path / "x.mp4", Plan((), "clean"))
    assert (tmp_path / "x.mp4").read_bytes() == source.read_bytes()


def test_a_preview_is_a_second_from_the_middle_with_its_sound(tmp_path):
    spec = Spec(list(range(100)), PAL, sound=(("aac", 0, "eng"),), chapters=((0, 1.9, "Eins"), (1.9, 4, "Zwei")))
    source = make(tmp_path / "y.mp4", spec)
    target = target_for(source, tmp_path / "x.mp4", ClipOptions(preview=True))
    report = run(source, target, preview=True)
    after = facts(target)
    assert target.name == "x.preview.mp4" and report.clip["frames"] == 25
    assert after["numbers"] == list(range(37, 62)) and after["times"] == [number * PAL for number in range(25)]
    sound = after["others"][0][1]
    assert 0.9 < sound[-1][0] < 1.0 and 0 <= sound[0][0] < 0.03
    first = facts(source)["others"][0][1]
    start = next(index for index, (at, _) in enumerate(first) if at >= 37 * PAL)
    assert sound[0][1] == first[start][1] and abs(sound[0][0] - (first[start][0] - 37 * PAL)) < Fraction(1, 48000)
    assert [title for _, _, title in after["chapters"]] == ["Eins", "Zwei"]


def test_the_time_of_a_fit_counts_for_every_frame():
    plan = Plan((Step("dip", "a test"),), "a test")
    be_patient(plan, (256, 256, 3), 60)
    with pytest.raises(BadPlan, match="run it with --yes"):
        be_patient(plan, (256, 256, 3), 60, pictures=1000)


def test_a_report_is_json_and_names_what_was_kept(clips, tmp_path):
    report = run(clips("24000/1001, with B-frames at the end"), tmp_path / "x.mp4")
    values = json.loads(report.to_json())
    assert values["clip"]["frames"] == 19 and values["clip"]["frames_a_second"] == "24000/1001"
    assert "av" in values["versions"] and values["output_sha256"]
