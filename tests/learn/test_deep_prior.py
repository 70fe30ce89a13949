import numpy as np
import pytest
import torch

from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.learn.deep_prior import RunningVariance, fit
from restora.methods.deepdlp import DenoiserPull
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.restore import Limits, restore, restore_file


def gain(x_hat, x, y):
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr - measure(y, x, PROTOCOLS["denoise"]).psnr


@pytest.fixture
def pair(grey_photo):
    x = grey_photo[:70, :64]  # not a multiple of the net's stride
    return x, parse("noise(sigma=0.15)").apply(x, np.random.default_rng(0))


def no_one(done, total):
    pass


def test_the_variance_is_least_where_a_sequence_stands_still():
    rng = torch.Generator().manual_seed(0)
    rule, found = RunningVariance(patience=60, warm_up=20), []
    for step in range(400):
        moving = max(0, 100 - step) / 100 + max(0, step - 200) / 100
        output = torch.full((1, 1, 8, 8), 0.5) + (0.001 + moving) * torch.randn(1, 1, 8, 8, generator=rng)
        if rule.is_least(step, output):
            found.append(step)
        if rule.says_stop(step):
            break
    assert 120 < rule.at < 215 and found[-1] == rule.at and step == rule.at + 60


def test_an_untrained_net_takes_up_the_picture_before_the_noise(pair):
    x, y = pair
    x_hat, ended = fit(y, width=16, iterations=250, seed=0, tell=no_one)
    assert x_hat.shape == y.shape and gain(x_hat, x, y) > 2 and ended


def test_the_seed_decides(pair):
    y = pair[1]
    results = [fit(y, width=8, iterations=5, seed=seed, tell=no_one)[0] for seed in (1, 1, 2)]
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


def test_an_interruption_keeps_the_best_so_far(pair):
    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    x_hat, ended = fit(pair[1], width=8, iterations=50, seed=0, tell=stop)
    assert "interrupted after step 7" in ended and np.isfinite(x_hat).all() and x_hat.shape == pair[1].shape


def test_the_denoiser_pulls_towards_less_noise(pair):
    x, y = pair
    pull = DenoiserPull(y, 0.15, strength=0.5, pull=0.5)
    assert gain(pull(0, y), x, y) > 2


def test_a_flat_picture_is_where_the_pull_rests():
    """There D(x) = x and f(z) = x: neither x nor u moves."""
    flat = np.full((40, 40, 3), 0.4, np.float32)
    pull = DenoiserPull(flat, 0.1, strength=0.5, pull=0.5)
    assert all(np.abs(pull(step, flat) - 0.4).max() < 1e-5 for step in range(0, 60, 10))
    lifted = pull(60, flat + np.float32(0.1))  # and what pulls back grows once the net leaves it
    assert (pull.u > 0.04).all() and (lifted < 0.41).all()


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1)])
def test_a_line_of_colour_is_no_trouble(size):
    y = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    assert DenoiserPull(y, 0.1, strength=0.5, pull=0.5)(10, y).shape == y.shape


@pytest.mark.parametrize(("method", "knobs"), [("dip", {}), ("deepdlp", {"sigma": 0.15})])
def test_per_image_methods_run_as_steps_of_a_plan(pair, method, knobs):
    told = []
    plan = Plan((Step(method, "", knobs={**knobs, "width": 8, "iterations": 12}),), "", seed=3)
    x_hat, report = restore(Image(pair[1]), plan, tell=lambda done, total: told.append((done, total)))
    assert x_hat.pixels.shape == pair[1].shape and report.engine == "per-image"
    assert (12, 12) in told and any("12 steps" in warning for warning in report.warnings)


def test_a_long_fit_needs_a_yes(tmp_path, pair):
    from restora.files.save import write

    write(Image(np.repeat(np.repeat(pair[1], 8, 0), 8, 1)), tmp_path / "large.png")
    plan = Plan((Step("dip", ""),), "")
    with pytest.raises(RestoraError, match="may take .* minutes here; go ahead with --yes"):
        restore_file(tmp_path / "large.png", tmp_path / "out.png", plan, limits=Limits(minutes=10))
    assert not (tmp_path / "out.png").exists()
