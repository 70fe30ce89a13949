from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from restora.core.errors import BadRecipe
from restora.learn.device import device_named
from restora.learn.games.adversarial import adversarial
from restora.learn.games.critics import CRITIC, PASSING
from restora.learn.games.cycle import cycle
from restora.learn.loop import Schedule, descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe
from restora.learn.recipe_tables import Adversarial, Cycle, Data
from restora.methods.dncnn import DnCNN
from restora.methods.edsr import EDSR
from restora.nets.critic import Critic, PatchGAN
from restora.nets.features import Features
from restora.work.train import checkpoint_of

RECIPE = Recipe(
    method="edsr", tag="t", terms="", data=Data(["photos"], "shrink(scale=2)"), steps=4, channels=3,
    batch=2, patch=32, warm_up=1, adversarial=Adversarial(weight=0.1, content=0.5), knobs={"scale": 2},
)  # fmt: skip
CPU = device_named("cpu")


def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60, 70, 3), dtype=np.uint8) for _ in range(2)]


def game_of(recipe):
    critics = [Critic(widths=(8, 16)) for _ in range(recipe.adversarial.critics)]
    return adversarial(EDSR(blocks=1, width=8), recipe, critics)


def play(folder, stops, recipe=RECIPE, device=CPU):
    for stop in stops:
        torch.manual_seed(0)
        game = game_of(recipe)
        begun = [{name: value.clone() for name, value in net.state_dict().items()} for net in game.nets.values()]
        average, _ = descend(
            game, Pairs(photos(), recipe), Schedule(recipe.steps, recipe.warm_up), device,
            checkpoint=checkpoint_of(folder, recipe, "stage-1"), stop_at=stop,
        )  # fmt: skip
    return game.nets, average, begun


@pytest.mark.parametrize("critics", [1, 2])
def test_all_players_move_and_a_stopped_game_resumes_bit_equal(tmp_path, critics):
    recipe = replace(RECIPE, adversarial=replace(RECIPE.adversarial, critics=critics))
    nets, average, begun = play(tmp_path / "a", [None], recipe)
    assert len(nets) == 1 + critics
    for net, before in zip(nets.values(), begun, strict=True):
        assert all(not torch.equal(value, before[name]) for name, value in net.state_dict().items())
    stopped, later, _ = play(tmp_path / "b", [2, None], recipe)
    for one, other in zip([*nets.values(), average], [*stopped.values(), later], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_each_player_moves_its_own_net_alone():
    torch.manual_seed(0)
    game = game_of(RECIPE)
    batch = {name: torch.from_numpy(side) for name, side in Pairs(photos(), RECIPE).batch(0).items()}
    restorer, critic = game.players
    critic.loss(game.nets, batch).backward()
    assert all(p.grad is None for p in game.nets["f"].parameters())
    assert all(p.grad is not None for p in game.nets["d1"].parameters())
    restorer.loss(game.nets, batch).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in game.nets["f"].parameters())
    assert all(p.grad is None for p in game.still[0].parameters())


@pytest.mark.parametrize("loss", CRITIC)
def test_the_critic_learns_to_tell_by_every_loss(loss):
    torch.manual_seed(0)
    critic = Critic(widths=(8, 16))
    adam = torch.optim.Adam(critic.parameters(), 0.01)
    real = torch.rand(8, 3, 16, 16)
    made = interpolate(avg_pool2d(real, 2), scale_factor=2)
    for _ in range(40):
        error = CRITIC[loss](critic(real), critic(made))
        adam.zero_grad()
        error.backward()
        adam.step()
    assert critic(real).mean() > critic(made).mean() + 0.3 and critic(real).shape == (8, 1, 4, 4)
    assert PASSING[loss](critic(real)) < PASSING[loss](critic(made))


SWAPPED = Recipe(
    method="dncnn", tag="t", terms="", data=Data(["photos"], "noise(sigma=0.01)", unpaired=["others"]), steps=100,
    batch=4, patch=32, channels=3, warm_up=5, lr=0.02, lr_rest=0.01, knobs={"depth": 3, "width": 12},
    cycle=Cycle(weight=1.0),
)  # fmt: skip
"""Pictures y are darker than pictures x; no y shows the scene of an x."""


def test_the_cycle_game_translates_without_pairs(tmp_path):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    bright, dark = (
        [np.clip(rng.integers(0, 60, (40, 40, 3)) + level, 0, 255).astype(np.uint8) for _ in range(6)]
        for level in (150, 40)
    )
    nets = [DnCNN(channels=3, depth=3, width=12) for _ in range(2)]
    game = cycle(*nets, SWAPPED, (PatchGAN(3, 8), PatchGAN(3, 8)))
    average, progress = descend(game, Pairs(bright, SWAPPED, dark), Schedule(200, 5, ema=0.8), CPU)
    y = torch.from_numpy(np.stack(dark).transpose(0, 3, 1, 2).astype(np.float32) / 255)
    with torch.no_grad():
        x_hat = average(y)
        back = game.nets["g"].eval()(x_hat)
    assert progress.step == 200 and x_hat.mean() > y.mean() + 0.15
    assert (back - y).abs().mean() < 0.5 * (x_hat - y).abs().mean()


def test_pairs_of_a_cycle_are_not_of_one_place():
    alone = replace(SWAPPED, data=replace(SWAPPED.data, unpaired=[], damage="noise(sigma=0.0001)"))
    y, x = Pairs(photos(), alone).batch(0).values()
    assert np.abs(y - x).mean() > 0.1
    paired = Pairs(photos(), replace(alone, cycle=None)).batch(0)
    assert np.abs(paired["y"] - paired["x"]).mean() < 0.01


def test_features_see_blur_and_noise_and_not_brightness(photo):
    features = Features()
    x = torch.from_numpy(photo[:160, :160].transpose(2, 0, 1)[None].copy())
    blurred = interpolate(avg_pool2d(x, 4), scale_factor=4, mode="bilinear")
    error = (blurred - x).square().mean().sqrt()
    with torch.no_grad():
        distances = [
            float(features.distance(other, x))
            for other in (x, x + error, interpolate(avg_pool2d(x, 2), scale_factor=2, mode="bilinear"), blurred)
        ]
    assert distances[0] == pytest.approx(0, abs=1e-4) and distances == sorted(distances)
    assert distances[1] < 0.5 * distances[3]
    assert [level.shape[1] for level in features(x)] == [16, 24, 40, 112, 320]


def test_a_game_without_its_table_and_two_games_at_once_are_refused():
    with pytest.raises(BadRecipe, match="no table"):
        adversarial(EDSR(), replace(RECIPE, adversarial=None))
    with pytest.raises(BadRecipe, match="at most one game is allowed"):
        replace(RECIPE, cycle=Cycle())
