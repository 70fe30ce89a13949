import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays

from restora.core.errors import BadDamage, BadRecipe
from restora.damage.words import parse
from restora.engines.openvino_ import openvino_engine
from restora.learn.device import device_named
from restora.learn.export import linked, to_onnx
from restora.learn.game import Game, Player
from restora.learn.games.supervised import supervised
from restora.learn.loop import Schedule, Watch, descend
from restora.learn.optimiser import Muon, Rates, mover, orthogonal, rate
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe
from restora.learn.recipe_tables import Data, Distillation
from restora.learn.start import begin_from
from restora.learn.weights import packed
from restora.methods.dncnn import DnCNN
from restora.methods.motion import Motion
from restora.methods.restora import Restora
from restora.nets.first_guess import first_guess
from restora.work.train import arrays_of, checkpoint_of, stored_form
from tests.cards import ends

RECIPE = Recipe(
    method="dncnn", tag="t", terms="", data=Data(["photos"], "noise(sigma=0.05..0.1)"),
    steps=8, channels=1, batch=4, patch=16, warm_up=2, validate_every=3, knobs={"depth": 4, "width": 8},
)  # fmt: skip
CPU = device_named("cpu")


def photos(channels=1):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40 + 5 * i, 50, channels), dtype=np.uint8) for i in range(3)]


def schedule(recipe, **changes):
    names = ("steps", "warm_up", "decay", "ema", "validate_every")
    return Schedule(**{name: getattr(recipe, name) for name in names} | changes)


def checkpoint(folder, recipe):
    return checkpoint_of(folder, recipe, "stage-1")


def run(tmp_path, stops, recipe=RECIPE, device=CPU, **options):
    for stop in stops:
        torch.manual_seed(recipe.seed)
        net = DnCNN(channels=1, depth=4, width=8)
        average, progress = descend(
            supervised(net, recipe), Pairs(photos(), recipe), schedule(recipe), device,
            checkpoint=checkpoint(tmp_path, recipe), stop_at=stop, **options,
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
from tests.learn.test_loop import F32, run
from tests.learn.test_adversary import play
import torch
import restora.learn.optimiser
torch.set_num_threads(1)
restora.learn.optimiser.native_precision = lambda: torch.float32
if sys.argv[2] == "game":
    play(Path(sys.argv[1]), [None], device=F32)
else:
    run(Path(sys.argv[1]), [None], device=F32)
torch.distributed.destroy_process_group() if torch.distributed.is_initialized() else None
"""


F32 = replace(CPU, precision=torch.float32)
"""In f32 on every machine: in bf16 sums in another order differ by more than what a fault would show in."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("net", marks=pytest.mark.exhaustive), "game"])
def test_two_processes_train_as_one(tmp_path, monkeypatch, kind):
    from tests.learn.test_adversary import play

    monkeypatch.setattr("restora.learn.optimiser.native_precision", lambda: torch.float32)
    (tmp_path / "two.py").write_text(TWO)
    # a free port of this very machine: a fixed one may be taken, and the machine's name need not resolve
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", str(tmp_path / "two.py"), str(tmp_path / "both"), kind],
        check=False, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (play if kind == "game" else run)(tmp_path / "alone", [None], device=F32)
    alone, both = (
        torch.load(tmp_path / folder / "stage-1.pt", weights_only=True)["nets"] for folder in ("alone", "both")
    )
    for mine, theirs in zip(alone, both, strict=True):
        for name, value in mine.items():
            # Before a normalisation of each channel a bias has no effect, and its gradient is rounding alone.
            idle = kind == "game" and name in ("layers.0.bias", "layers.3.bias")
            # On the mean: where a gradient is near zero, AdamW turns rounding into a step. A share of the batch that is
            # missing moves all weights by ten times as much.
            assert idle or (value - theirs[name]).abs().mean() < 5e-5, name


def test_the_net_learns(tmp_path):
    recipe = replace(RECIPE, steps=60, lr=0.02, patch=24, ema=0.5)
    flat = [np.full((60, 60, 1), level, np.uint8) for level in (60, 120, 200)]
    net = DnCNN(channels=1, depth=4, width=8)
    losses = []
    pairs = Pairs(flat, recipe)
    watch = Watch(report=lambda p, loss: losses.append(float(loss)))
    descend(supervised(net, recipe), pairs, schedule(recipe), CPU, watch=watch)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])


def test_pairs_depend_on_nothing_but_seed_and_step():
    pairs = Pairs(photos(), RECIPE)
    y, x = pairs.batch(5).values()
    assert y.shape == x.shape == (4, 1, 16, 16) and y.dtype == np.float32
    shares = [pairs.batch(5, rank, 2) for rank in (0, 1)]
    assert np.array_equal(np.stack([shares[i % 2]["y"][i // 2] for i in range(4)]), y)
    assert not np.array_equal(pairs.batch(6)["y"], y)


def test_blur_in_a_patch_comes_from_what_is_around_it():
    data = replace(RECIPE.data, damage="blur(disk, radius=3)", margin=8)
    photo = [np.random.default_rng(0).integers(0, 256, (32, 32, 1), dtype=np.uint8)]
    y, x = Pairs(photo, replace(RECIPE, data=data)).pair(0, 0)
    assert y.shape == x.shape == (1, 16, 16)
    everything = photo[0].astype(np.float32) / 255  # a disk is symmetric, so turning the picture commutes with it
    blurred = parse("blur(disk, radius=3)").apply(everything, np.random.default_rng(0))[8:-8, 8:-8]
    inside = everything[8:-8, 8:-8]
    poses = [(turns, side) for turns in range(4) for side in (1, -1)]
    (pose,) = [p for p in poses if np.array_equal(np.rot90(inside, p[0])[:, :: p[1]].transpose(2, 0, 1), x)]
    assert np.allclose(np.rot90(blurred, pose[0])[:, :: pose[1]].transpose(2, 0, 1), y, atol=1e-6)


def test_a_net_that_fills_is_shown_the_missing_pixels_and_a_first_guess():
    words = "noise(sigma=0.1) | hole(pixels, share=0.4)"
    recipe = replace(RECIPE, channels=3, knobs={"masked": 1}, data=replace(RECIPE.data, damage=words, grey_share=0.5))
    batch = Pairs(photos(3), recipe).batch(0)
    y, missing, x = batch["y"][:, :3], batch["y"][:, 3:], batch["x"]
    assert recipe.planes == 4 and set(np.unique(missing)) == {0, 1} and 0.3 < missing.mean() < 0.5
    for item, guess in enumerate(y):
        mask, channels_last = missing[item, 0] > 0, guess.transpose(1, 2, 0)
        assert np.array_equal(first_guess(np.where(mask[:, :, None], 9, channels_last), mask), channels_last)
    assert 0.05 < ((y - x) * (1 - missing)).std() < 0.1
    with pytest.raises(BadDamage, match="does not end with a hole"):
        Pairs(photos(3), replace(recipe, data=replace(recipe.data, damage="noise(sigma=0.1)"))).batch(0)


def test_a_margin_needs_photographs_that_have_it_and_damage_that_keeps_the_size():
    wide = replace(RECIPE, data=replace(RECIPE.data, margin=100))
    with pytest.raises(BadRecipe, match="smaller than a patch of 216"):
        Pairs(photos(), wide)
    with pytest.raises(BadRecipe, match="margin needs damage that keeps the size"):
        replace(RECIPE, data=replace(RECIPE.data, damage="shrink(scale=2)", margin=8))


def test_a_multi_scale_net_learns_at_every_scale():
    recipe = replace(RECIPE, channels=3, patch=32, knobs={})
    net = Motion(widths=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    begun = {name: value.clone() for name, value in net.state_dict().items()}
    y = torch.rand(1, 3, 32, 32)
    whole, half, quarter = net(y)
    assert torch.equal(whole, y) and half.shape == (1, 3, 16, 16) and quarter.shape == (1, 3, 8, 8)
    assert torch.equal(net.eval()(y), y)
    net.train()
    (player,) = supervised(net, recipe).players
    x = y + torch.tensor([0.1, 0.0, 0.0]).view(1, 3, 1, 1)  # wrong by as much at every scale
    assert player.loss({"f": net}, {"y": y, "x": x}).item() == pytest.approx(3 * 0.1 / 3)
    descend(supervised(net, recipe), Pairs(photos(3), recipe), schedule(recipe), CPU)
    for name in ("exit", "exit_quarter", "exit_eighth", "door_sixteenth"):
        assert not torch.equal(net.state_dict()[f"{name}.weight"], begun[f"{name}.weight"]), name


def test_grey_patches_are_grey_in_noise_too():
    grey = replace(RECIPE, channels=3, data=replace(RECIPE.data, grey_share=1.0))
    y, x = Pairs(photos(3), grey).batch(0).values()
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
    adam, muon = (optimiser for optimiser, _ in mover([net], Rates()).optimisers)
    inner, rest = ({id(p) for group in o.param_groups for p in group["params"]} for o in (muon, adam))
    assert isinstance(muon, Muon) and not inner & rest
    assert inner | rest == {id(p) for p in net.parameters()}
    assert {id(net.door.weight), id(net.exit.weight)} <= rest and id(net.eighth[0].first.weight) in inner


def test_the_rate_rises_stays_and_falls_to_zero():
    rates = [rate(step, step / 100, 10, 0.5) for step in range(100)]
    assert rates[0] == 0.1 and rates[10:50] == [1.0] * 40 and rates[75] == 0.5 and rates[-1] == pytest.approx(0.02)
    assert rate(500, 1.0, 10, 0.5) == 0 and rate(500, 0.99, 0, 0) == 1


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    run(tmp_path, [2])
    with pytest.raises(BadRecipe, match="another batch, seed"):
        run(tmp_path, [3], replace(RECIPE, batch=2, seed=9))


def test_a_game_that_was_added_is_another_recipe(tmp_path):
    run(tmp_path, [2])
    taught = replace(RECIPE, distillation=Distillation("restora.blind"))
    game = supervised(DnCNN(channels=1, depth=4, width=8), RECIPE)
    with pytest.raises(BadRecipe, match="another distillation"):
        descend(game, Pairs(photos(), RECIPE), schedule(RECIPE), CPU, checkpoint=checkpoint(tmp_path, taught))


def test_optimisers_are_restored_as_this_device_needs_them(tmp_path):
    """Layout and fused steps are the device's, whoever saved the state."""
    last, flat = (replace(F32, layout=layout) for layout in (torch.channels_last, torch.contiguous_format))
    straight = run(tmp_path / "a", [None], device=flat)[0]
    run(tmp_path / "b", [4], device=last)
    resumed = run(tmp_path / "b", [None], device=flat)[0]
    for one, two in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert (one - two).abs().mean() < 1e-4


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


class Normalised(torch.nn.Module):
    """A net with batch normalisation, and a part that is frozen."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.BatchNorm2d(8)
        self.middle = torch.nn.Conv2d(8, 8, 3, padding=1).requires_grad_(False)
        self.last = torch.nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, y):
        return y + self.last(torch.relu(self.middle(torch.relu(self.norm(self.first(y))))))


def normalised(folder, stops=(None,)):
    for stop in stops:
        torch.manual_seed(0)
        net = Normalised()
        frozen = net.middle.weight.clone()
        recipe = replace(RECIPE, steps=30, ema=0.8)
        average, _ = descend(
            supervised(net, recipe), Pairs(photos(), recipe), schedule(recipe), CPU,
            checkpoint=checkpoint(folder, recipe), stop_at=stop,
        )  # fmt: skip
    return net, average, frozen


def test_the_average_follows_statistics_of_batch_norm_and_what_is_frozen_stays(tmp_path):
    net, average, frozen = normalised(tmp_path)
    assert torch.equal(net.middle.weight, frozen) and torch.equal(average.middle.weight, frozen)
    assert int(average.norm.num_batches_tracked) == 30
    for name in ("running_mean", "running_var"):
        mine, its = getattr(average.norm, name), getattr(net.norm, name)
        begun = torch.ones(8) if name == "running_var" else torch.zeros(8)
        assert (mine - its).abs().max() < 0.25 * (begun - its).abs().max()


def test_a_net_with_batch_norm_is_the_same_when_resumed_stored_and_exported(tmp_path):
    average = normalised(tmp_path / "a")[1]
    resumed = normalised(tmp_path / "b", (3, 20, None))[1]
    assert all(
        torch.equal(a, b) for a, b in zip(average.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    net = stored_form(average)
    arrays = arrays_of(net)
    again = Normalised()
    assert begin_from(again, load_arrays(packed(arrays))) == len(arrays)
    y = np.random.default_rng(0).random((1, 1, 24, 32), dtype=np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(y)).numpy()
        assert np.array_equal(again.eval()(torch.from_numpy(y)).numpy(), expected)
    (tmp_path / "net.safetensors").write_bytes(packed(arrays))
    (tmp_path / "net.onnx").write_bytes(linked(to_onnx(net, *ends(), 1), packed(arrays), "net.safetensors"))
    assert np.abs(openvino_engine(tmp_path / "net.onnx", "f32")({"y": y})["x_hat"] - expected).max() <= 1e-5


def test_a_stop_rule_ends_a_run(tmp_path):
    progress = run(tmp_path, [None], watch=Watch(stop=lambda progress: progress.step == 5))[2]
    assert progress.step == 5
    assert run(tmp_path, [None])[2].step == 8


def test_a_run_by_the_clock_ends_in_time_with_its_rate_at_zero():
    recipe, rates = replace(RECIPE, steps=10**9, decay=0.5), []
    net = DnCNN(channels=1, depth=4, width=8)
    started = time.monotonic()
    _, progress = descend(
        supervised(net, recipe), Pairs(photos(), recipe), schedule(recipe, seconds=1.5), CPU,
        watch=Watch(lambda net: 1.0, lambda p, loss: rates.append(p.step)),
    )  # fmt: skip
    assert 1.4 < time.monotonic() - started < 4 and progress.step == len(rates) > 20
    assert 1 <= len(progress.rows) <= 11 and progress.rows[-1]["step"] == progress.step
    assert progress.rows[-1]["lr"] < 0.1 * recipe.lr < 0.5 * progress.rows[0]["lr"]


def test_players_have_rates_of_their_own():
    net = torch.nn.ModuleDict({"a": torch.nn.Conv2d(1, 1, 1), "b": torch.nn.Conv2d(1, 1, 1)})
    players = [
        Player(("a",), lambda nets, batch: nets["a"](batch["y"]).sum(), Rates(lr=0.1, muon=False)),
        Player(("b",), lambda nets, batch: nets["b"](batch["y"]).sum(), Rates(lr=0.3, muon=False)),
    ]
    before = [float(net[name].bias.detach()) for name in "ab"]
    constant = Schedule(1, warm_up=0, decay=0, ema=None)
    descend(Game({"a": net["a"], "b": net["b"]}, players), Pairs(photos(), RECIPE), constant, F32)
    moved = [was - float(net[name].bias.detach()) for name, was in zip("ab", before, strict=True)]
    assert moved == pytest.approx([0.1, 0.3], rel=1e-3)
