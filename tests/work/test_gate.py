"""The gate lets through what loses next to nothing, and nothing else."""

import json

import numpy as np
import pytest

from restora.work.gate import judge

RNG = np.random.default_rng(0)


def f32(y):
    """A net of reach 1: each pixel and its neighbours to the left and right."""
    wide = np.pad(y, ((0, 0), (0, 0), (0, 0), (1, 1)))
    return (wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:]) / 4


def named(run):
    """An engine that gives what a function makes of y."""
    return lambda given: {"x_hat": run(given["y"])}


@pytest.fixture(scope="module")
def samples():
    pictures = [RNG.random((32, 48, 3), np.float32) / 2 + 0.25 for _ in range(4)]
    noise = [0.1 * RNG.standard_normal((3, 32, 48)).astype(np.float32) for _ in pictures]
    return [(x.transpose(2, 0, 1) + n, x) for x, n in zip(pictures, noise, strict=True)]


MARK = np.float32(0.123)
"""The first value of the large picture, which only the piece at its corner begins with, and the whole of it."""


def verdict(candidate, samples, reach=1):
    large = RNG.random((3, 300, 520), np.float32)
    large[0, 0, 0] = MARK
    return judge(named(candidate), named(f32), samples, large, reach, 1)


def test_the_same_passes(samples):
    same = verdict(f32, samples)
    assert same.passed and same.mean_loss == same.worst_loss == same.shift == same.tiled == 0 and same.pictures == 4


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        (lambda y: f32(y) + np.float32(0.2 / 255), "brightness shifts by"),
        (lambda y: f32(y) + 0.05 * np.random.default_rng(1).standard_normal(y.shape), "dB, more than 0.05"),
        (lambda y: np.where(y > 0.9, np.nan, f32(y)), "NaN"),
        (lambda y: np.where(y > 0.9, np.inf, f32(y)), "NaN"),
        (lambda y: np.where(y[0, 0, 0, 0] == MARK, np.nan, f32(y)), "tiles differ from the whole by nan"),
        (lambda y: f32(y) + 1e-7 * y.shape[3], "tiles differ from the whole"),
    ],
)
def test_what_is_planted_is_refused(samples, candidate, says):
    found = verdict(candidate, samples)
    assert not found.passed and says in "; ".join(found.objections)
    assert found.as_dict()["passed"] is False and json.dumps(found.as_dict(), allow_nan=False)


def test_a_reference_that_is_not_finite_judges_nothing(samples):
    found = judge(named(f32), named(lambda y: f32(y) * np.nan), samples, samples[0][0], 1, 1)
    assert not found.passed and found.as_dict()["mean_loss"] is None


def test_one_picture_that_loses_much_is_enough(samples):
    marked = samples[0][0][0, 0, 0]

    def planted(y):
        x_hat = f32(y)
        noise = 0.04 * np.random.default_rng(1).standard_normal(x_hat.shape)
        return x_hat + noise if y[0, 0, 0, 0] == marked else x_hat

    many = [samples[0], *samples[1:] * 10]
    found = verdict(planted, many)
    assert [text for text in found.objections if text.startswith("one picture loses")] and found.mean_loss < 0.05


def test_a_halo_that_is_too_small_shows(samples):
    assert not verdict(f32, samples, reach=0).passed
