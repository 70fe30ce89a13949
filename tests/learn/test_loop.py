import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from restora.core.errors import BadRecipe
from restora.learn.loop import alone, descend
from restora.learn.optimiser import Muon, optimisers, orthogonal, rate
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe
from restora.methods.dncnn import DnCNN
from restora.methods.restora import Restora

RECIPE = Recipe(
    method="dncnn", tag="t", photographs="", licence="", terms="", damage="noise(sigma=0.05..0.1)",
    steps=8, channels=1, batch=4, patch=16, warm_up=2, validate_every=3, knobs={"depth": 4, "width": 8},
)  # fmt: skip


def photos(channels=1):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40 + 5 * i, 50, channels), dtype=np.uint8) for i in range(3)]


def run(tmp_path, stops, recipe=RECIPE):
    for stop in stops:
        torch.manual_seed(recipe.seed)
        net = DnCNN(channels=1, depth=4, width=8)
        average, progress = descend(
            {"f": net}, alone(recipe), Pairs(photos(), recipe), recipe, tmp_path / "c.pt",
            lambda net: 0.0, lambda p, loss: None, stop,
        )  # fmt: skip
    return net, average, progress


def test_stopping_and_going_on_is_bit_equal_to_not_stopping(tmp_path):
    straight = run(tmp_path / "a", [None])
    stopped = run(tmp_path / "b", [2, 5, None])
    for one, other in zip(straight[:2], stopped[:2], strict=True):
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    assert [row["loss"] for row in straight[2].rows][-1] == [row["loss"] for row in stopped[2].rows][-1]
    assert stopped[2].step == 8


def test_another_seed_is_another_run(tmp_path):
    one, other = run(tmp_path / "a", [None])[1], run(tmp_path / "b", [None], replace(RECIPE, seed=1))[1]
    assert not torch.equal(next(one.parameters()), next(other.parameters()))


TWO = """
import sys
from pathlib import Path
from tests.learn.test_loop import run
import torch
import restora.learn.loop, restora.learn.optimiser
torch.set_num_threads(1)
restora.learn.loop.precision = restora.learn.optimiser.precision = lambda: torch.float32
net, average, progress = run(Path(sys.argv[1]), [None])
torch.distributed.destroy_process_group() if torch.distributed.is_initialized() else None
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path, monkeypatch):
    # In f32 on every machine: in bf16 sums in another order differ by more than what a fault would show in.
    for module in ("loop", "optimiser"):
        monkeypatch.setattr(f"restora.learn.{module}.precision", lambda: torch.float32)
    (tmp_path / "two.py").write_text(TWO)
    # a free port of this very machine: a fixed one may be taken, and the machine's name need not resolve
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", str(tmp_path / "two.py"), str(tmp_path / "both")],
        check=False, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone = run(tmp_path / "alone", [None])[0].state_dict()
    both = torch.load(tmp_path / "both" / "c.pt", weights_only=True)["nets"][0]
    for name, value in alone.items():
        assert torch.allclose(value, both[name], atol=1e-4), name


def test_the_net_learns(tmp_path):
    recipe = replace(RECIPE, steps=60, lr=0.02, patch=24, ema=0.5)
    flat = [np.full((60, 60, 1), level, np.uint8) for level in (60, 120, 200)]
    net = DnCNN(channels=1, depth=4, width=8)
    losses = []
    pairs = Pairs(flat, recipe)
    descend(
        {"f": net},
        alone(recipe),
        pairs,
        recipe,
        tmp_path / "c.pt",
        lambda net: 0.0,
        lambda p, loss: losses.append(loss),
    )
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_pairs_depend_on_nothing_but_seed_and_step():
    pairs = Pairs(photos(), RECIPE)
    y, x = pairs.batch(5)
    assert y.shape == x.shape == (4, 1, 16, 16) and y.dtype == np.float32
    shares = [pairs.batch(5, rank, 2) for rank in (0, 1)]
    assert np.array_equal(np.stack([shares[i % 2][0][i // 2] for i in range(4)]), y)
    assert not np.array_equal(pairs.batch(6)[0], y)


def test_grey_patches_are_grey_in_noise_too():
    y, x = Pairs(photos(3), replace(RECIPE, channels=3, grey_share=1.0)).batch(0)
    assert np.array_equal(y[:, 0], y[:, 1]) and np.array_equal(x[:, 0], x[:, 2]) and not np.array_equal(x, y)


def test_orthogonal_is_the_polar_factor_roughly():
    matrices = torch.randn(3, 20, 50, generator=torch.Generator().manual_seed(0))
    for batch in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonal(batch))
        assert values.min() > 0.6 and values.max() < 1.3
    u, _, v = torch.linalg.svd(matrices[0], full_matrices=False)
    turn, polar = orthogonal(matrices[:1])[0], u @ v
    assert torch.nn.functional.cosine_similarity(turn.flatten(), polar.flatten(), dim=0) > 0.97


def test_muon_gets_the_inner_convolutions_and_nothing_twice():
    net = Restora(widths=(8, 8, 8), blocks=(1, 1, 1))
    adam, muon = optimisers(net, 0.01, 0.001)
    inner, rest = ({id(p) for group in o.param_groups for p in group["params"]} for o in (muon, adam))
    assert isinstance(muon, Muon) and not inner & rest
    assert inner | rest == {id(p) for p in net.parameters()}
    assert {id(net.door.weight), id(net.exit.weight)} <= rest and id(net.eighth[0].first.weight) in inner


def test_the_rate_rises_stays_and_falls_to_zero():
    rates = [rate(step, 100, 10, 0.5) for step in range(100)]
    assert rates[0] == 0.1 and rates[10:50] == [1.0] * 40 and rates[75] == 0.5 and rates[-1] == 0.02


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    run(tmp_path, [2])
    with pytest.raises(BadRecipe, match="another batch, seed"):
        run(tmp_path, [3], replace(RECIPE, batch=2, seed=9))


def test_the_schedule_may_change_while_a_run_is_stopped_and_the_earlier_one_is_kept(tmp_path):
    run(tmp_path, [2])
    progress = run(tmp_path, [3, None], replace(RECIPE, steps=4, lr=0.5))[2]
    assert progress.step == 4 and progress.rows[-1]["lr"] < 0.5
    assert [(stage["until"], stage["steps"], stage["lr"]) for stage in progress.earlier] == [(2, 8, RECIPE.lr)]


def test_rows_do_not_depend_on_stops(tmp_path):
    straight, stopped = run(tmp_path / "a", [None])[2], run(tmp_path / "b", [1, 2, 4, 7, None])[2]
    assert [(r["step"], r["loss"]) for r in straight.rows] == [(r["step"], r["loss"]) for r in stopped.rows]
    assert [r["step"] for r in straight.rows] == [3, 6, 8]


def test_a_centred_step_keeps_the_mean_of_each_channel():
    weight = torch.nn.Parameter(torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0)))
    weight.grad = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(1)) + 0.5
    before = weight.detach().clone()
    Muon([weight], lr=0.1, centred=True).step()
    assert not torch.allclose(weight, before, atol=1e-3)
    assert torch.allclose(weight.mean((1, 2, 3)), before.mean((1, 2, 3)), atol=1e-4)
    Muon([weight], lr=0.1).step()
    assert not torch.allclose(weight.mean((1, 2, 3)), before.mean((1, 2, 3)), atol=1e-3)
