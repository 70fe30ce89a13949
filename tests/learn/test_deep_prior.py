import numpy as np
import pytest
import torch

from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.learn.games.per_image import RunningVariance, fit
from restora.methods.deepdlp import deepdlp
from restora.methods.deepdlp_inpainting import deepdlp_inpainting
from restora.methods.dip_inpainting import dip_inpainting
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.nets.non_local_bayes import non_local_bayes
from restora.work.restore import Limits, Options, restore, restore_file


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


def test_a_guide_is_where_the_fit_begins_and_what_holds_it(pair):
    """Shown a good estimate, the net is near it in few steps; and held there, it does not follow the noise."""
    x, y = pair
    quiet = non_local_bayes(y, 0.15)
    alone, _ = fit(y, width=16, iterations=120, seed=0, tell=no_one)
    shown, _ = fit(y, width=16, iterations=120, seed=0, tell=no_one, guide=quiet)
    held, _ = fit(y, width=16, iterations=120, seed=0, tell=no_one, guide=quiet, weight=20.0)
    assert gain(shown, x, y) > gain(alone, x, y) + 1
    assert np.abs(held - quiet).mean() < 0.7 * np.abs(shown - quiet).mean()


@pytest.mark.parametrize("method", [dip_inpainting, deepdlp_inpainting])
def test_a_hole_is_filled_from_the_known_pixels_alone(pair, method):
    """What lies in the hole does not matter; the fill is nearer to the picture than a flat one; the rest stays."""
    x = pair[0]
    mask = np.random.default_rng(1).random(x.shape[:2]) < 0.4
    y = np.where(mask[:, :, None], 0, x).astype(np.float32)
    fills = [method(np.where(mask[:, :, None], v, y), mask, 16, 150, seed=0, tell=no_one).x_hat for v in (0, 7)]
    flat = x[~mask].mean()
    assert np.array_equal(fills[0][~mask], x[~mask]) and np.allclose(*fills, atol=1e-4)
    assert np.mean((fills[0] - x)[mask] ** 2) < 0.3 * np.mean((flat - x[mask]) ** 2)


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (1, 1)])
def test_a_line_of_colour_is_no_trouble(size):
    y = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    assert deepdlp(y, 0.1, width=8, iterations=2, seed=0, tell=no_one).x_hat.shape == y.shape


@pytest.mark.parametrize(("method", "knobs"), [("dip", {}), ("deepdlp", {"sigma": 0.15})])
def test_per_image_methods_run_as_steps_of_a_plan(pair, method, knobs):
    told = []
    plan = Plan((Step(method, "", knobs={**knobs, "width": 8, "iterations": 12}),), "", seed=3)
    x_hat, report = restore(Image(pair[1]), plan, tell=lambda done, total: told.append((done, total)))
    assert x_hat.pixels.shape == pair[1].shape and report.engine == "whole picture"
    assert (12, 12) in told and any("12 steps" in warning for warning in report.warnings)


def test_a_long_fit_needs_a_yes(tmp_path, pair):
    from restora.files.save import write

    write(Image(np.repeat(np.repeat(pair[1], 8, 0), 8, 1)), tmp_path / "large.png")
    plan = Plan((Step("dip", ""),), "")
    with pytest.raises(RestoraError, match="may take .* minutes here; run it with --yes"):
        restore_file(tmp_path / "large.png", tmp_path / "out.png", plan, Options(limits=Limits(minutes=10)))
    assert not (tmp_path / "out.png").exists()
