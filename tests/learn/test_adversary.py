from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from restora.core.errors import BadRecipe
from restora.learn.adversary import rivals
from restora.learn.loop import descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe
from restora.methods.edsr import EDSR
from restora.nets.critic import Critic
from restora.nets.features import Features

RECIPE = Recipe(
    method="edsr", tag="t", photographs="", licence="", terms="", damage="shrink(scale=2)", steps=4, channels=3,
    batch=2, patch=32, warm_up=1, content=0.5, adversary=0.1, knobs={"scale": 2},
)  # fmt: skip


def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60, 70, 3), dtype=np.uint8) for _ in range(2)]


def play(folder, stops, recipe=RECIPE):
    for stop in stops:
        torch.manual_seed(0)
        nets = {"f": EDSR(blocks=1, width=8), "d": Critic(widths=(8, 16))}
        begun = [net.state_dict() for net in nets.values()]
        begun = [{name: value.clone() for name, value in state.items()} for state in begun]
        average, _ = descend(
            nets, rivals(recipe), Pairs(photos(), recipe), recipe, folder / "c.pt",
            lambda net: 0.0, lambda p, loss: None, stop,
        )  # fmt: skip
    return nets, average, begun


def test_both_players_move_and_a_stopped_game_goes_on_bit_equal(tmp_path):
    nets, average, begun = play(tmp_path / "a", [None])
    for net, before in zip(nets.values(), begun, strict=True):
        assert all(not torch.equal(value, before[name]) for name, value in net.state_dict().items())
    stopped, later, _ = play(tmp_path / "b", [2, None])
    for one, other in zip([*nets.values(), average], [*stopped.values(), later], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_each_player_moves_its_own_net_alone():
    torch.manual_seed(0)
    nets = {"f": EDSR(blocks=1, width=8), "d": Critic(widths=(8, 16))}
    y, x = (torch.from_numpy(side) for side in Pairs(photos(), RECIPE).batch(0))
    restorer, critic = rivals(RECIPE)
    critic.loss(nets, y, x).backward()
    assert all(p.grad is None for p in nets["f"].parameters()) and all(
        p.grad is not None for p in nets["d"].parameters()
    )
    restorer.loss(nets, y, x).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in nets["f"].parameters())


def test_the_critic_learns_to_tell():
    torch.manual_seed(0)
    critic = Critic(widths=(8, 16))
    adam = torch.optim.Adam(critic.parameters(), 0.01)
    real = torch.rand(8, 3, 16, 16)
    made = interpolate(avg_pool2d(real, 2), scale_factor=2)
    for _ in range(40):
        loss = torch.nn.functional.softplus(-critic(real)).mean() + torch.nn.functional.softplus(critic(made)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert critic(real).mean() > 0 > critic(made).mean() and critic(real).shape == (8, 1, 4, 4)


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


def test_content_without_a_critic_is_refused():
    with pytest.raises(BadRecipe, match="need an adversary"):
        replace(RECIPE, adversary=0.0)
