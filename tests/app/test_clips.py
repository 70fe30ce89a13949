"""Commands recognise a clip and restore it frame by frame."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from restora.app.options import FRAMES, progress
from restora.core.image import Image
from restora.files.clip import open_clip
from restora.files.save import write
from restora.files.yuv import Layout
from tests.clips import Spec, facts, make, write_frames

PAL = Fraction(1, 25)


@pytest.fixture(scope="session")
def noisy_frames():
    """Six frames of a photograph that moves, and the same with noise of sigma 0.08."""
    photo = skimage.data.astronaut()[:160, :232].astype(np.float32) / 255
    clean = [photo[:112, 4 * step : 4 * step + 160] for step in range(6)]
    rng = np.random.default_rng(0)
    return clean, [x + 0.08 * rng.standard_normal(x.shape).astype(np.float32) for x in clean]


@pytest.fixture
def noisy(folder, noisy_frames):
    write_frames(folder / "noisy.mkv", noisy_frames[1])
    return folder / "noisy.mkv"


@pytest.fixture
def clip(folder):
    return make(folder / "clip.mp4", Spec(list(range(12)), PAL, sound=(("aac", 0, "eng"),)))


def pixels(path):
    return np.stack([frame.pixels for frame in open_clip(Path(path), 10**9).frames()])


def psnr(x_hat, x):
    return -10 * np.log10(np.mean((np.clip(x_hat, 0, 1) - x) ** 2))


def test_a_noisy_clip_is_fixed(noisy, noisy_frames, restora):
    status, out, _ = restora("fix", noisy.name, "-o", "x.mkv", "--codec", "ffv1")
    assert status == 0 and "6 frames" in out and "noise" in out
    x = np.stack(noisy_frames[0])
    assert psnr(pixels("x.mkv"), x) > psnr(pixels("noisy.mkv"), x) + 5
    report = json.loads(Path("x.mkv.json").read_text())
    assert report["clip"]["frames"] == 6 and "(in 5 of 5 frames)" in report["diagnosis"]["noise_level"]["says"]


def test_a_clip_is_diagnosed_planned_and_restored_by_the_plan(noisy, restora):
    status, out, _ = restora("diagnose", noisy.name, "--json")
    assert status == 0 and json.loads(out)["noise_level"]["present"] and json.loads(out)["shape"] == [112, 160, 3]
    assert restora("plan", noisy.name, "-o", "plan.json")[0] == 0
    for name, words in {"a.mkv": ("restore", noisy.name, "--plan", "plan.json"), "b.mkv": ("fix", noisy.name)}.items():
        assert restora(*words, "-o", name)[0] == 0
    assert Path("a.mkv").read_bytes() == Path("b.mkv").read_bytes()


def test_a_clean_clip_is_left_alone(clip, restora):
    status, out, _ = restora("fix", clip.name)
    assert status == 0 and "found nothing to repair" in out and "clip.restored.mp4" not in os.listdir()
    assert restora("fix", clip.name, "--copy")[0] == 0
    assert Path("clip.restored.mp4").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("method", ["median", "nlm"])
def test_each_frame_is_denoised_by_a_method(clip, restora, method):
    status, out, _ = restora("denoise", clip.name, "--method", method, "--sigma", "0.05", "-o", "x.mp4") if (
        method == "nlm"
    ) else restora("denoise", clip.name, "--method", method, "-o", "x.mp4")  # fmt: skip
    assert status == 0 and method in out
    assert facts("x.mp4")["times"] == facts(clip)["times"] and facts("x.mp4")["others"] == facts(clip)["others"]


def test_a_clip_is_made_larger_and_sharpened(clip, restora):
    assert restora("upscale", clip.name, "--method", "bicubic", "--scale", "2", "-o", "x.mp4")[0] == 0
    assert facts("x.mp4")["size"] == (96, 128) and facts("x.mp4")["numbers"] == list(range(12))
    assert restora("deblur", clip.name, "--kernel", "gauss(0.8)", "--method", "wiener-deconvolution", "--sigma", "0.01",
                   "-o", "sharp.mp4")[0] == 0  # fmt: skip
    assert facts("sharp.mp4")["numbers"] == list(range(12))


def test_only_what_the_mask_marks_is_filled(clip, restora):
    mask = np.zeros((48, 64, 1), np.float32)
    mask[20:24, 10:50] = 1
    write(Image(mask), Path("mask.png"))
    words = ("inpaint", clip.name, "--mask", "mask.png", "--no-grain", "--codec", "ffv1", "-o", "x.mkv")
    assert restora(*words)[0] == 0
    before, after = pixels(clip), pixels("x.mkv")
    changed = np.abs(before - after).max((0, 3)) > 1e-3
    assert changed[20:24, 10:50].mean() > 0.9
    assert not changed[:18].any() and not changed[26:].any()  # two rows more, where its chroma is spread to
    assert [len(frame) for frame in (before, after)] == [12, 12]


def test_a_mask_may_be_a_clip(clip, restora):
    """A hole that moves down by two rows in each frame."""
    masks = [np.zeros((48, 64, 3), np.float32) for _ in range(12)]
    for number, mask in enumerate(masks):
        mask[14 + 2 * number : 18 + 2 * number, 8:56] = 1
    write_frames(Path("mask.mkv"), masks)
    words = ("inpaint", clip.name, "--mask", "mask.mkv", "--no-grain", "--codec", "ffv1", "-o", "x.mkv")
    assert restora(*words)[0] == 0
    for number, (before, after) in enumerate(zip(pixels(clip), pixels("x.mkv"), strict=True)):
        rows = np.flatnonzero(np.abs(before - after).max((1, 2)) > 1e-3)
        assert 12 + 2 * number <= rows.min() <= 16 + 2 * number < rows.max() <= 20 + 2 * number
    write_frames(Path("short.mkv"), masks[:5])
    status, _, err = restora("inpaint", clip.name, "--mask", "short.mkv", "-o", "z.mkv")
    assert status == 2 and "must have as many frames as the clip, 12, not 5" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("denoise", "clip.mp4", "-o", "-"), "a clip is written to a file; name it with -o"),
        (("denoise", "clean.png", "--preview"), "--preview is for clips, and clean.png is not one"),
        (("denoise", "clean.png", "--deinterlace"), "--deinterlace is for clips"),
        (("denoise", "clip.mp4", "--method", "median", "-o", "x.png"), "must end in .mp4"),
        (("denoise", "clip.mp4", "--method", "median", "-o", "clip.mp4", "--force"), "is the clip itself"),
        (("denoise", "clip.mp4", "--method", "median", "--codec", "vp9"), "must be h264 or ffv1, not 'vp9'"),
        (("denoise", "clip.mp4", "--method", "median", "--max-pixels", "1000"), "more than the limit"),
        (("denoise", "clip.mp4", "--keep", "mask"), "products are kept for pictures, not for clips"),
        (("inpaint", "clip.mp4", "--mask", "clean.png"), "must be 64x48 pixels"),
        (("fix", "broken.mp4"), "broken.mp4 cannot be read as a clip (MP4)"),
        (("fix", "empty.mkv"), "cannot be read as a clip (Matroska)"),
    ],
)
def test_a_mistake_is_one_sentence(clip, restora, words, says):
    Path("broken.mp4").write_bytes(clip.read_bytes()[:200])
    Path("empty.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(40))
    before = sorted(os.listdir())
    status, out, err = restora(*words)
    assert status == 2 and says in err and "Traceback" not in err and out == "" and err.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_ctrl_c_leaves_a_playable_file_and_the_same_command_resumes(folder, restora):
    """With --resume; the second run gives the file that an undisturbed run gives."""
    make(folder / "clip.mp4", Spec(list(range(230)), PAL, sound=(("aac", 0, "eng"),)))
    words = ("denoise", "clip.mp4", "--method", "nlm", "--sigma", "0.1", "--set", "distance=10")
    assert restora(*words, "-o", "whole.mp4")[0] == 0
    running = subprocess.Popen(
        [sys.executable, "-m", "restora", *words, "--resume", "-o", "x.mp4"], stderr=subprocess.PIPE, text=True,
        # Tests that run in the background ignore the signal, and what they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not Path(".x.mp4.restora-part/parts.json").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    part = facts("x.partial.mp4")
    count = len(part["numbers"])
    assert 96 <= count < 230 and part["numbers"] == list(range(count))
    assert f"stopped after {count} of 230 frames; x.partial.mp4 has them" in err
    status, _, err = restora(*words, "--resume", "-o", "x.mp4")
    assert status == 0 and "resuming x.mp4 at frame" in err
    assert Path("x.mp4").read_bytes() == Path("whole.mp4").read_bytes()
    assert not [name for name in os.listdir() if "part" in name and name != "x.partial.mp4.json"]


def test_a_killed_run_resumes(folder, restora):
    make(folder / "clip.mp4", Spec(list(range(230)), PAL))
    words = ("denoise", "clip.mp4", "--method", "nlm", "--sigma", "0.1", "--set", "distance=10")
    running = subprocess.Popen([sys.executable, "-m", "restora", *words, "--resume", "-o", "x.mp4"])
    while not Path(".x.mp4.restora-part/parts.json").exists():
        assert running.poll() is None
        time.sleep(0.005)
    running.kill()
    running.wait(60)
    assert not Path("x.mp4").exists()
    status, out, _ = restora(*words, "--resume", "-o", "x.mp4", "--json")
    assert status == 0 and json.loads(out)["resumed_at"] in (96, 192)
    assert facts("x.mp4")["numbers"] == list(range(230))


def test_progress_tells_frames_speed_and_time_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("restora.app.options.time.monotonic", lambda: now[0])
    with progress("restoring", unit=FRAMES) as tell:
        for done in range(1, 62):
            tell(done, 120)
            now[0] += 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "restoring: 31 of 120 frames, 25 %, 1.03/s, 0:00:30 elapsed, about 0:01:26 left"


def test_a_preview_is_written_beside(clip, restora):
    status, out, _ = restora("denoise", clip.name, "--method", "median", "--preview")
    assert status == 0 and "clip.restored.preview.mp4" in out and facts("clip.restored.preview.mp4")["numbers"]


def test_values_beyond_black_and_white_reach_no_filter_as_nan(folder, restora):
    """Codes below 16 and above 235 are values below 0 and above 1."""
    rng = np.random.default_rng(0)
    frames = [rng.uniform(-0.07, 1.08, (48, 64, 3)).astype(np.float32) for _ in range(3)]
    write_frames(folder / "y.mkv", frames, Layout("yuv", 8, matrix=1))
    assert pixels("y.mkv").min() < -0.02 and pixels("y.mkv").max() > 1.02
    for method in ("median", "nlm", "log-nlm", "lee", "tv", "wavelet", "bilateral", "wiener", "nl-bayes", "restora"):
        words = ("denoise", "y.mkv", "--method", method, "-o", f"{method}.mkv", "--codec", "ffv1")
        status, _, err = restora(*words)
        assert status == 0, err
        assert np.isfinite(pixels(f"{method}.mkv")).all()
