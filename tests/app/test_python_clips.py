"""Clips in the Python API: the same files as those of the commands, and one sentence for each mistake."""

import logging
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import restora
from restora.app.clip_result import ClipResult
from restora.core.errors import BadImage, BadKnob, BadPlan, OutputExists, Truncated
from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from tests.app.test_clips import noisy_frames, pixels  # noqa: F401
from tests.clips import Spec, facts, make, write_frames

PAL = Fraction(1, 25)
Options = restora.Options
ARRAY = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)


@pytest.fixture
def command(restora):
    """The command line; the name of the fixture is that of the module."""
    return restora


@pytest.fixture
def clip(folder):
    return make(folder / "clip.mp4", Spec(list(range(12)), PAL, sound=(("aac", 0, "eng"),)))


@pytest.fixture
def noisy(folder, noisy_frames):  # noqa: F811
    write_frames(folder / "noisy.mkv", noisy_frames[1])
    return folder / "noisy.mkv"


def same(one, other):
    return Path(one).read_bytes() == Path(other).read_bytes()


def test_fix_writes_the_file_of_the_command(noisy, command):
    assert command("fix", "noisy.mkv", "-o", "a.mkv")[0] == 0
    result = restora.fix("noisy.mkv", "b.mkv")
    assert same("a.mkv", "b.mkv") and isinstance(result, ClipResult) and isinstance(result, restora.Result)
    assert result.path == Path("b.mkv") and result.image is None and result.report.clip["frames"] == 6
    assert [step.method for step in result.plan.steps] == ["mctf"]
    assert result.diagnosis.present["noise_level"] and result.report.diagnosis["noise_level"]["present"]
    assert result.plan.id == restora.plan(noisy).id and restora.diagnose(noisy).present.keys() == {"noise_level"}
    assert "b.mkv, 6 frames" in repr(result) and "mctf" in result._repr_html_()


MASK = np.zeros((48, 64), bool)
MASK[20:24, 10:50] = True
CASES = {
    "denoise": (["--method", "median"], lambda o: restora.denoise("clip.mp4", method="median", output=o)),
    "upscale": (["--method", "bicubic"], lambda o: restora.upscale("clip.mp4", method="bicubic", output=o)),
    "inpaint": (
        ["--mask", "mask.png", "--method", "telea"],
        lambda o: restora.inpaint("clip.mp4", MASK, "telea", output=o),
    ),
    "deblur": (
        ["--kernel", "gauss(0.8)", "--method", "wiener-deconvolution", "--sigma", "0.01"],
        lambda o: restora.deblur("clip.mp4", "gauss(0.8)", 0.01, method="wiener-deconvolution", output=o),
    ),
    "correct": (["--strength", "0.5"], lambda o: restora.correct("clip.mp4", strength=0.5, output=o)),
    "interpolate": (
        ["--factor", "3", "--method", "flow"],
        lambda o: restora.interpolate("clip.mp4", o, factor=3, method="flow"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", CASES)
def test_other_verbs_write_the_file_of_the_command(clip, command, verb):
    write(Image(MASK[:, :, None].astype(np.float32)), Path("mask.png"))
    words, function = CASES[verb]
    assert command(verb, "clip.mp4", *words, "-o", "a.mp4")[0] == 0
    assert function("b.mp4").report.clip["frames"] == (34 if verb == "interpolate" else 12) and same("a.mp4", "b.mp4")


def test_a_plan_is_run_and_a_folder_of_frames_written(noisy):
    plan = restora.plan(noisy)
    assert restora.restore(noisy, plan, output="x.mkv").plan.id == plan.id
    assert restora.restore(noisy, plan, output=Path("frames")).path == Path("frames")
    assert len(list(Path("frames").glob("*.png"))) == 6
    Path("frames/times.csv").unlink()
    whole = restora.restore("frames", plan, output="whole.mkv", options=Options(fps="25", preset="ultrafast"))
    assert whole.report.clip["frames"] == 6 and whole.report.clip["frames_a_second"] == "25"


def test_options_are_those_of_the_command(clip, command):
    seen = []
    options = Options(progress=lambda *done: seen.append(done), codec="ffv1", preview=True, max_pixels="3100")
    result = restora.denoise("clip.mp4", method="median", output="b.mkv", options=options)
    assert result.path == Path("b.preview.mkv") and seen[-1] == (12, 12) and len(seen) == 12
    assert command("denoise", "clip.mp4", "--method", "median", "--codec", "ffv1", "--preview", "-o", "a.mkv")[0] == 0
    assert same("a.preview.mkv", "b.preview.mkv")
    assert restora.fix("clip.mp4", "copy.mp4").path == Path("copy.mp4") and same("clip.mp4", "copy.mp4")
    with pytest.raises(OutputExists):
        restora.fix("clip.mp4", "copy.mp4")
    restora.denoise("clip.mp4", method="median", output="copy.mp4", options=Options(force=True, quality=50))
    assert not same("clip.mp4", "copy.mp4")


def test_a_run_that_is_stopped_is_resumed(folder, command, caplog):
    make(folder / "clip.mp4", Spec(list(range(230)), PAL))
    assert command("denoise", "clip.mp4", "--method", "median", "-o", "a.mp4")[0] == 0

    def stop(done, total):
        if done == 120:
            raise KeyboardInterrupt

    def run(progress=None):
        return restora.denoise(
            "clip.mp4", method="median", output="b.mp4", options=Options(resume=True, progress=progress)
        )

    with pytest.raises(KeyboardInterrupt, match="stopped after 120 of 230 frames; b.partial.mp4 has them"):
        run(stop)
    assert facts("b.partial.mp4")["numbers"] == list(range(120))
    with caplog.at_level(logging.INFO, "restora"):
        assert run().report.resumed_at == 96
    assert "resuming b.mp4 at frame 96 of 230" in caplog.text and same("a.mp4", "b.mp4")


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: restora.fix("clip.mp4"), BadImage, "clip.mp4 is a clip, whose result is written to a file; name it"),
        (lambda: restora.denoise("clip.mp4", 0.1), BadImage, "name it, as output='better.mp4'"),
        (lambda: restora.interpolate("clip.mp4"), BadImage, "name it, as output"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", factor=2, fps=60), BadKnob, "factor or fps, not both"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", output="y.mp4"), BadKnob, "named twice"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", factor=1.5), BadKnob, "factor must be a whole number"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", factor=99), BadKnob, "factor must be from 2 to 16"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", fps="fast"), BadKnob, "fps must be a number"),
        (lambda: restora.interpolate("clip.mp4", "x.mp4", fps=float("nan")), BadKnob, "fps must be a number"),
        (lambda: restora.interpolate(ARRAY, ARRAY, fps=60), BadKnob, "factor and fps are for clips"),
        (lambda: restora.interpolate(ARRAY), BadKnob, "give a second picture"),
        (lambda: restora.interpolate(ARRAY, ARRAY, at=2), BadKnob, "at must be from 0 to 1"),
        (lambda: restora.interpolate(ARRAY, ARRAY[:, :30]), BadImage, "the same size and channels"),
        (lambda: restora.fix("clip.mp4", "x.gif"), BadImage, "must end in .mp4"),
        (lambda: restora.fix("clip.mp4", "clip.mp4", options=Options(force=True)), BadImage, "is the clip itself"),
        (lambda: restora.fix("clip.mp4", "-"), BadImage, "give the name of a file"),
        (lambda: restora.fix("clip.mp4", "x.mp4", options=Options(max_pixels=1000)), BadImage, "more than the limit"),
        (lambda: restora.denoise("clip.mp4", method="median", output="no/x.mp4"), BadImage, "folder no does not exist"),
        (lambda: restora.inpaint("clip.mp4", ARRAY[:, :, 0], output="x.mp4"), BadImage, "must be 64x48 pixels"),
        (lambda: restora.denoise(ARRAY, method="median", options=Options(preview=True)), BadKnob, "preview is"),
        (lambda: restora.denoise("clean.png", method="temporal"), BadPlan, "frames"),
        (lambda: restora.fix("clip.mp4", "x.mp4", options=Options(max_pixels="much")), BadKnob, "not an amount"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(clip, ask, error, words):
    before = sorted(os.listdir())
    with pytest.raises(error, match=words) as raised:
        ask()
    assert "\n" not in str(raised.value) and sorted(os.listdir()) == before


def test_a_clip_is_no_picture_in_memory(clip):
    result = restora.denoise(clip, method="median", output="x.mp4")
    for use in (np.asarray, lambda each: each.save("y.mp4")):
        with pytest.raises(BadImage, match=r"x\.mp4"):
            use(result)


def test_the_picture_between_two_is_that_of_the_command(folder, command):
    x = read(Path("clean.png")).pixels
    write(Image(x[100:196, 100:228]), Path("a.png"))
    write(Image(x[100:196, 104:232]), Path("b.png"))
    assert command("interpolate", "a.png", "--to", "b.png", "--at", "0.25", "-o", "between.png")[0] == 0
    result = restora.interpolate("a.png", Path("b.png"), at=0.25, output="same.png")
    assert same("between.png", "same.png") and result.image.dtype == np.uint8
    a, b = (np.rint(read(Path(name)).pixels * 255).astype(np.uint8) for name in ("a.png", "b.png"))
    assert np.array_equal(restora.interpolate(a, b, at=0.25).image, result.image)
    grey = restora.interpolate(a[:, :, 0], b[:, :, 0])
    assert grey.image.shape == a.shape[:2] and grey.report.weights and grey.plan.steps


def test_pictures_have_progress_a_limit_and_salvage(folder, photo):
    rng = np.random.default_rng(0)
    write(Image(photo + 0.1 * rng.standard_normal(photo.shape).astype(np.float32)), Path("y.jpg"))
    seen = []
    options = Options(progress=lambda *done: seen.append(done), max_pixels="0.1MP", quality=80)
    result = restora.fix("y.jpg", "x.jpg", options=options)
    assert seen[-1] == (result.report.tiles, result.report.tiles) and read(Path("x.jpg")).shape == photo.shape
    with pytest.raises(BadImage, match="more than the limit"):
        restora.fix("y.jpg", options=Options(max_pixels=1000))
    Path("cut.jpg").write_bytes(Path("y.jpg").read_bytes()[: Path("y.jpg").stat().st_size // 2])
    with pytest.raises(Truncated, match=r"restore the existing part with restora.Options\(salvage=True\)"):
        restora.fix("cut.jpg")
    part = restora.fix("cut.jpg", options=Options(salvage=True))
    assert 0 < part.report.salvaged_rows < photo.shape[0] and part.image.shape == photo.shape
    assert restora.diagnose("cut.jpg", options=Options(salvage=True)).present["noise_level"]


def test_a_salvaged_picture_is_that_of_the_command(folder, photo, command):
    write(Image(photo), Path("y.jpg"))
    Path("cut.jpg").write_bytes(Path("y.jpg").read_bytes()[: Path("y.jpg").stat().st_size // 2])
    assert command("fix", "cut.jpg", "--salvage", "-o", "a.png")[0] == 0
    restora.fix("cut.jpg", "b.png", options=Options(salvage=True))
    assert np.array_equal(read(Path("a.png")).pixels, read(Path("b.png")).pixels)
