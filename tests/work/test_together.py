"""Methods that read frames together: `fix` and `denoise` choose them for clips with noise, never for pictures."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import skimage.data

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.image import Image
from restora.files.clip import open_clip
from restora.files.yuv import Layout
from restora.work import fix
from restora.work.clips import frames_to_diagnose
from restora.work.decide import to_denoise, to_upscale
from restora.work.diagnose import diagnose, merged
from restora.work.fix import plan_to_fix
from tests.clips import Spec, make, number_in, write_frames

PAL = Fraction(1, 25)
MCTF = ["mctf"]
TOGETHER = {"mctf", "temporal.clip"}


def moving(count=7, size=(160, 232)):
    """A photograph that moves by two pixels from frame to frame."""
    photo = skimage.data.astronaut()[: size[0] + 8, : size[1] + 2 * count].astype(np.float32) / 255
    return [photo[4 : 4 + size[0], 2 * step : 2 * step + size[1]] for step in range(count)]


def with_noise(frames, sigma):
    rng = np.random.default_rng(0)
    return [x + np.float32(sigma) * rng.standard_normal(x.shape).astype(np.float32) for x in frames]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Makes a clip of frames, stored with chroma of full size unless another layout is given, and opens it."""
    folder = tmp_path_factory.mktemp("together")

    def write(frames, layout=None, name="clip.mkv"):
        write_frames(folder / name, frames, layout)
        return open_clip(folder / name, 10**9)

    return write


@pytest.fixture(scope="module")
def noisy(opened):
    return frames_to_diagnose(opened(with_noise(moving(), 0.08)))


def weights(plan):
    return [step.weights or step.method for step in plan.steps]


@pytest.mark.parametrize("sigma", [0.04, 0.08])
def test_white_noise_in_a_clip_is_removed_from_five_frames_together(opened, sigma):
    frames = frames_to_diagnose(opened(with_noise(moving(), sigma), name=f"{sigma}.mkv"))
    _, plan = plan_to_fix(frames)
    assert weights(plan) == MCTF and "a trial on" in plan.because and "noise" in plan.steps[0].because
    assert weights(to_denoise(frames, {})[1]) == MCTF


def test_a_picture_never_gets_it(noisy):
    frame = noisy.middle
    for picture in (frame, Image(frame.pixels[:, :, :1]), replace(noisy, around=None)):
        assert not TOGETHER & {*weights(plan_to_fix(picture)[1]), *weights(to_denoise(picture, {})[1])}


def test_wishes_decide(noisy):
    for wishes in ({"method": "median"}, {"weights": "restora.prior"}, {"precision": "int8"}):
        assert not TOGETHER & set(weights(to_denoise(noisy, {}, **wishes)[1]))
    assert weights(to_denoise(noisy, {"sigma": 0.05})[1]) == ["restora.noise"]
    assert to_denoise(noisy, {}, strength=0.5)[1].steps[0].strength == 0.5
    assert not TOGETHER & set(weights(plan_to_fix(noisy, "strong")[1]))  # the second time it would see no frames around
    assert weights(plan_to_fix(noisy, "light")[1]) == MCTF
    assert weights(to_upscale(noisy, 2)[1])[:1] == MCTF


def test_noise_stored_with_chroma_of_half_size_is_removed_too(opened):
    """The channels share it."""
    half = frames_to_diagnose(opened(with_noise(moving(), 0.08), Layout("yuv", 8, (2, 2), matrix=1), "half.mkv"))
    for plan in (plan_to_fix(half)[1], to_denoise(half, {})[1]):
        assert weights(plan) == MCTF and plan.steps[0].knobs["sigma"] > 0.03


def test_other_damage_goes_on_as_in_pictures(opened):
    rng = np.random.default_rng(0)
    speckled = [x * (1 + np.float32(0.2) * rng.standard_normal(x.shape).astype(np.float32)) for x in moving()]
    plan = plan_to_fix(frames_to_diagnose(opened(speckled, name="speckled.mkv")))[1]
    assert plan.steps and not TOGETHER & set(weights(plan))
    clean = frames_to_diagnose(opened(moving(), name="clean.mkv"))
    assert not plan_to_fix(clean)[1].steps and weights(to_denoise(clean, {})[1]) == ["restora.noise"]


def test_the_next_method_is_taken_if_much_is_left(noisy, monkeypatch):
    left = iter([{"noise": 0.6}, {"noise": 0.1}])
    monkeypatch.setattr(fix, "what_is_left", lambda *_: next(left))
    assert weights(to_denoise(noisy, {})[1]) == ["temporal.clip"]


def test_a_trial_sees_the_frames_around_and_decides(noisy, monkeypatch):
    left = re.search(r"left (\d+) % of the noise", plan_to_fix(noisy)[1].because)
    assert int(left[1]) <= 25
    monkeypatch.setattr(fix, "what_is_left", lambda *_: {"noise": 0.6})
    assert weights(to_denoise(noisy, {})[1]) == ["restora.noise"]


def test_frames_around_a_place_are_consecutive(tmp_path):
    spec = Spec(list(range(60)), PAL, options={"g": "24", "bf": "2"})
    clip = open_clip(make(tmp_path / "a.mp4", spec), 10**9)
    for share in (0.0, 0.3, 0.5, 0.99):
        frames, place = clip.run_near(share, 2)
        numbers = [number_in(frame.pixels) for frame in frames]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) - place <= 3
        assert number_in(clip.near(share)) == numbers[place]


def test_what_looks_like_marks_in_a_clip_is_told_and_left(noisy, monkeypatch):
    """It is mostly a highlight of the scene; without noise, too, nothing is filled."""
    sure = Finding("marks", 0.02, "share of pixels", 0.9, True, "scratches and spots were found", {}, "scratches")
    known = fix.diagnose(noisy)
    monkeypatch.setattr(fix, "diagnose", lambda *_: Diagnosis({**known.findings, "marks": sure}))
    diagnosis, plan = plan_to_fix(noisy)
    assert "marks" in diagnosis.present and weights(plan) == MCTF and "--mask found fills them" in plan.because
    monkeypatch.setattr(fix, "diagnose", lambda *_: Diagnosis({"marks": sure}))
    plan = plan_to_fix(noisy)[1]
    assert not plan.steps and plan.because.startswith("scratches and spots were found; they are left")


def test_marks_are_not_claimed_in_noisy_frames(noisy):
    sure = Finding("marks", 0.02, "share of pixels", 0.9, True, "scratches and spots were found", {}, "scratches")
    frames = [diagnose(each) for each in noisy.pictures()]
    marked = merged([Diagnosis({**frame.findings, "marks": sure}) for frame in frames])
    assert marked.present.keys() == {"noise_level"} and "beneath noise" in marked.findings["marks"].says
    assert merged([Diagnosis({"marks": sure})] * 3).present.keys() == {"marks"}
