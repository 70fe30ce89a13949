"""The motion-compensated temporal filter: what it removes, and what it leaves."""

from fractions import Fraction

import numpy as np
import pytest
import skimage.data

from restora.core.errors import BadPlan
from restora.core.image import Image
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.files.clip import Frame
from restora.files.yuv import Layout, frame_of, pixels_of
from restora.methods.mctf import COLOURS, GREY, mctf
from restora.stages.pipeline import Means
from restora.work.clips import FrameRestorer, Piece
from restora.work.neighbours import frames_around, surrounded
from restora.work.plan import plan_of_method
from restora.work.restore import restore

SIGMA = 0.06
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def moving():
    """Five frames of a photograph that moves by 3 pixels across and 1 down, and the same with noise."""
    photo = skimage.data.astronaut().astype(np.float32) / 255
    clean = [np.ascontiguousarray(photo[t : t + 160, 3 * t : 3 * t + 200]) for t in range(5)]
    rng = np.random.default_rng(1)
    return clean, [x + (SIGMA * rng.standard_normal(x.shape)).astype(np.float32) for x in clean]


def psnr(x_hat, x):
    return -10 * np.log10(np.mean((x_hat - x) ** 2))


def of_middle(frames, sigma=SIGMA, reach=2):
    return mctf(frames[2], [frames[2 + k] for k in range(-reach, reach + 1) if k], sigma, reach)


def test_colours_are_orthonormal_and_grey_is_a_part_of_them():
    assert np.allclose(COLOURS @ COLOURS.T, np.eye(3))
    assert np.allclose(GREY @ COLOURS, [0.299, 0.587, 0.114])


@pytest.mark.parametrize("channels", [1, 3])
def test_frames_that_move_help_each_other(moving, channels):
    """More frames remove more noise, and moving them onto each other matters."""
    clean, noisy = ([each[:, :, :channels] for each in frames] for frames in moving)
    scores = {reach: psnr(of_middle(noisy, reach=reach), clean[2]) for reach in (1, 2)}
    alone = psnr(mctf(noisy[2], [noisy[2]] * 2, SIGMA, 1), clean[2])
    assert psnr(noisy[2], clean[2]) + 6 < scores[1] < scores[2] and alone + 1 < scores[1]
    x_hat = of_middle(noisy)
    assert x_hat.shape == noisy[2].shape and x_hat.dtype == np.float32


def test_a_frame_that_has_nothing_in_common_is_left_out(moving):
    clean, noisy = moving
    others = [RNG.random(clean[2].shape).astype(np.float32) for _ in range(4)]
    strange = mctf(noisy[2], others, SIGMA, 2)
    assert psnr(strange, clean[2]) > psnr(noisy[2], clean[2]) + 3
    assert psnr(strange, clean[2]) < psnr(of_middle(noisy), clean[2])


def test_noise_that_channels_share_is_measured(moving):
    """With chroma of half size most noise is in luma. With equal shares 0.8 dB less are gained."""
    layout = Layout("yuv", 8, (2, 2), matrix=5)
    clean, noisy = ([pixels_of(frame_of(each, layout), layout) for each in frames] for frames in moving)
    level = float(np.std(noisy[2] - clean[2]))
    assert level < 0.8 * SIGMA and psnr(of_middle(noisy, level), clean[2]) > psnr(noisy[2], clean[2]) + 10.6


def test_without_noise_nothing_changes_and_what_is_flat_stays_flat(moving):
    clean, _ = moving
    assert of_middle(clean, 0.0) is clean[2]
    flat = [np.full((40, 50, 3), 0.6, np.float32)] * 5
    assert np.abs(of_middle(flat) - 0.6).max() < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (4, 1), (16, 3), (33, 5), (32, 32), (47, 63)])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiny_frames_are_no_trouble(size, channels):
    frames = [RNG.random((*size, channels)).astype(np.float32) for _ in range(5)]
    assert np.isfinite(of_middle(frames)).all() and of_middle(frames).shape == (*size, channels)


def test_a_plan_reads_the_frames_around(moving):
    _, noisy = moving
    for reach in (1, 2):
        plan = plan_of_method("mctf", {"sigma": SIGMA, "reach": reach}, None)
        assert frames_around(plan) == reach
        frames = (Frame(index, Fraction(index, 25), y) for index, y in enumerate(noisy))
        pieces = [Piece(frame, {}, around) for frame, around in surrounded(frames, reach)]
        restorer = FrameRestorer(plan, pieces[0], Report(plan), Means(Backend("openvino"), 10**9))
        assert np.array_equal(restorer(pieces[2]), of_middle(noisy, reach=reach))


def test_a_picture_is_refused():
    plan = plan_of_method("mctf", {"sigma": SIGMA}, None)
    with pytest.raises(BadPlan, match="mctf sees several frames: give it a clip"):
        restore(Image(np.zeros((32, 32, 3), np.float32)), plan)
