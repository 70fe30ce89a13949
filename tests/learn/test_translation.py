"""Pairs of the user, conditional critics, the pool of a cycle game: what Pix2Pix and CycleGAN need of training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from restora.core.errors import BadImage, BadRecipe, RestoraError
from restora.core.image import Image
from restora.data.pairs import pairs_in
from restora.files.save import write
from restora.learn.device import device_named
from restora.learn.games.adversarial import adversarial
from restora.learn.games.cycle import Pool, cycle
from restora.learn.held_out import KIND, PSNR, judged_by
from restora.learn.loop import Schedule, descend
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, read_recipe, recipe_from
from restora.learn.recipe_tables import Adversarial, Data
from restora.methods.cyclegan import CycleGAN
from restora.methods.pix2pix import PAPER, Pix2Pix
from restora.methods.table import method_named
from restora.metrics.distribution import kernel_distance
from restora.nets.critic import PatchGAN
from restora.work.material import gathered
from restora.work.train import checkpoint_of

CPU = device_named("cpu")
PAIRED = Recipe(
    method="pix2pix", tag="t", terms="", data=Data(pairs="pairs", hold_out=2, licence="CC0-1.0"), steps=4, batch=2,
    patch=64, warm_up=1, knobs={"widths": [8, 8, 8, 8, 8, 8]},
    adversarial=Adversarial(weight=1.0, pixels=200.0, critic="patchgan", width=8, conditional=True),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch, photo):
    """Pictures A, and the same pictures B, inverted; a third layout has both side by side."""
    monkeypatch.chdir(tmp_path)
    for i in range(6):
        x = photo[i * 20 : i * 20 + 140, i * 20 : i * 20 + 160]
        for side, pixels, ending in (("A", x, "png"), ("B", 1 - x, "tif")):
            (tmp_path / "pairs" / side).mkdir(parents=True, exist_ok=True)
            write(Image(pixels), tmp_path / "pairs" / side / f"{i}.{ending}")
        (tmp_path / "wide").mkdir(exist_ok=True)
        write(Image(np.hstack([x, 1 - x])), tmp_path / "wide" / f"{i}.png")
    return tmp_path


def test_the_paper_has_so_many_parameters():
    sizes = [sum(p.numel() for p in net.parameters()) for net in (Pix2Pix(widths=PAPER), CycleGAN(), PatchGAN(6))]
    assert [round(size / 1e5) for size in sizes] == [544, 114, 28]


@pytest.mark.parametrize("name", ["pairs", "wide"])
@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_both_layouts_give_the_same_aligned_pairs(folder, name, direction):
    recipe = replace(PAIRED, data=replace(PAIRED.data, pairs=name, direction=direction))
    material = gathered(recipe, method_named("pix2pix"))
    batch = material.pairs(recipe).batch(0)
    assert batch["y"].shape == batch["x"].shape == (2, 3, 64, 64)
    assert np.abs(batch["y"] + batch["x"] - 1).max() < 0.01  # the same place, turned alike
    y, x = material.samples[0]
    assert np.abs(y.transpose(1, 2, 0) + x - 1).max() < 0.01 and len(material.samples) == 2
    first = pairs_in(name, "")[0].pixels()
    other = replace(recipe, data=replace(recipe.data, direction="BtoA" if direction == "AtoB" else "AtoB"))
    flipped = gathered(other, method_named("pix2pix")).pairs(other).batch(0)
    assert first[0].shape == (140, 160, 3)
    if name == "wide":  # one file for both sides, so the order of the pairs is that of the files
        assert np.abs(flipped["y"] - batch["x"]).max() < 0.01


def test_pictures_that_must_not_be_turned_are_only_mirrored():
    shades = np.broadcast_to(np.arange(0, 240, 3, dtype=np.uint8)[:, None, None], (80, 80, 6))
    upright = replace(PAIRED, data=replace(PAIRED.data, turned=False))
    for turned, recipe in ((True, PAIRED), (False, upright)):
        y = np.stack([Pairs([shades], recipe).pair(step, 0)[0] for step in range(12)])
        assert (np.ptp(y, axis=3).max() > 0) == turned  # rows change from top to bottom only, unless turned


def test_files_that_do_not_fit_are_listed(folder):
    (folder / "pairs" / "A" / "0.png").rename(folder / "pairs" / "A" / "zero.png")
    with pytest.raises(RestoraError, match=r"other side for pairs/A/zero.png, pairs/B/0.tif$"):
        pairs_in("pairs", "")
    (folder / "pairs" / "A" / "zero.png").unlink()
    write(Image(np.zeros((140, 150, 3), np.float32)), folder / "pairs" / "A" / "0.png")
    with pytest.raises(BadImage, match=r"0.png is 150x140 and .*0.tif is 160x140; pairs must have one size"):
        pairs_in("pairs", "")[0].pixels()
    write(Image(np.zeros((140, 91, 3), np.float32)), folder / "wide" / "odd.png")
    with pytest.raises(BadImage, match="odd.png is 91 pixels wide"):
        next(pair for pair in pairs_in("wide", "") if pair.a.path.name == "odd.png").pixels()
    (folder / "pairs" / "B" / "0.png").write_bytes((folder / "pairs" / "A" / "0.png").read_bytes())
    with pytest.raises(RestoraError, match="have the same name without ending"):
        pairs_in("pairs", "")
    (folder / "half" / "A").mkdir(parents=True)
    with pytest.raises(RestoraError, match="must have the folders A and B; B does not exist"):
        pairs_in("half", "")


def test_too_few_pictures_and_other_games_are_refused(folder):
    with pytest.raises(BadRecipe, match="too few pictures: 6 are held out"):
        few = replace(PAIRED, data=replace(PAIRED.data, hold_out=6))
        gathered(few, method_named("pix2pix"))
    (folder / "small" / "A").mkdir(parents=True)
    (folder / "small" / "B").mkdir()
    for name in ("A/0.png", "B/0.png", "A/1.png", "B/1.png"):
        write(Image(np.full((100, 130, 3), int(name[2]) / 2, np.float32)), folder / "small" / name)
    with pytest.raises(BadRecipe, match="a picture has 130x100 pixels; the net needs at least 128"):
        small = replace(PAIRED, data=replace(PAIRED.data, pairs="small", hold_out=1))
        gathered(small, method_named("pix2pix"))
    with pytest.raises(BadRecipe, match="data.pairs needs supervised training"):
        replace(PAIRED, knobs={"masked": 1})
    for wrong in ({"folders": ["a"]}, {"damage": "noise(sigma=0.1)"}, {"direction": "up"}, {"grey_share": 0.5}):
        with pytest.raises(BadRecipe):
            replace(PAIRED.data, **wrong)


def test_keys_of_a_recipe_can_be_changed_from_outside(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('method = "pix2pix"\ntag = "t"\nterms = ""\nsteps = 3\n[data]\npairs = "a"\n')
    changed = read_recipe(path, ["data.pairs=my pairs", "steps=7", "knobs.widths=[8, 16]", 'tag="mine"'])
    assert (changed.data.pairs, changed.steps, changed.tag) == ("my pairs", 7, "mine")
    assert changed.knobs == {"widths": [8, 16]}
    wrong = {"steps": "is not KEY=VALUE", "stepz=3": "did you mean steps", "steps.x=3": "not a table"}
    for change, says in wrong.items():
        with pytest.raises(BadRecipe, match=says):
            read_recipe(path, [change])


def test_a_conditional_critic_judges_pairs():
    """A critic that sees x alone cannot tell a picture with the wrong y from one with the right y."""
    torch.manual_seed(0)
    y, x = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    for conditional in (True, False):
        recipe = replace(PAIRED, adversarial=replace(PAIRED.adversarial, conditional=conditional))
        game = adversarial(Pix2Pix(widths=(8, 8), residual=1), recipe)
        said = [game.players[1].loss(game.nets, {"y": other, "x": x}).item() for other in (y, y.flip(0))]
        # The net is the identity, so what is made is y; only a conditional critic sees y beside x.
        assert (abs(said[0] - said[1]) > 1e-6) == conditional


def test_pix2pix_learns_to_invert(folder):
    torch.manual_seed(0)
    recipe = replace(PAIRED, steps=60, lr=0.02, lr_rest=0.005, knobs={"widths": [16, 16]})
    material = gathered(recipe, method_named("pix2pix"))
    average, _ = descend(
        adversarial(Pix2Pix(widths=(16, 16)), recipe), material.pairs(recipe), Schedule(60, 5, ema=0.8), CPU
    )
    y, x = (torch.from_numpy(side) for side in material.pairs(recipe).batch(99).values())
    with torch.no_grad():
        assert (average(y) - x).abs().mean() < 0.5 * (y - x).abs().mean()


def test_a_mask_limits_the_change():
    torch.manual_seed(0)
    net = Pix2Pix(widths=(8, 8), masked=1)
    y = torch.rand(1, 4, 16, 16)
    y[:, 3] = (y[:, 3] > 0.5).float()
    changed = (net(y) != y[:, :3]).any(1, keepdim=True)
    assert torch.equal(changed, y[:, 3:] > 0)


def test_the_pool_gives_half_old_pictures_and_continues_where_it_was_saved():
    pool = Pool(4, 1, 1, seed=3)
    made = [torch.full((2, 1, 1, 1), float(2 * step)) + torch.arange(2.0).view(2, 1, 1, 1) for step in range(300)]
    given = [pool.exchange(each) for each in made[:100]]
    assert torch.equal(torch.cat(given[:2]), torch.cat(made[:2]))  # until it is full
    twin = Pool(4, 1, 1, seed=3)
    twin.load_state_dict(pool.state_dict())
    later, again = ([each.exchange(batch) for batch in made[100:]] for each in (pool, twin))
    assert all(torch.equal(one, other) for one, other in zip(later, again, strict=True))
    old = np.mean([float((one != new).float().mean()) for one, new in zip(later, made[100:], strict=True)])
    assert 0.4 < old < 0.6
    assert torch.equal(Pool(0, 1, 1, 3).exchange(made[5]), made[5])


def test_a_stopped_cycle_resumes_bit_equal_with_its_pool(tmp_path, photo):
    recipe = recipe_from(
        {
            "method": "cyclegan", "tag": "t", "terms": "", "steps": 5, "batch": 2, "patch": 32, "warm_up": 1,
            "data": {"folders": ["-"], "damage": "noise(sigma=0.05)"}, "cycle": {"width": 8, "pool": 3},
        },
        "test",
    )  # fmt: skip
    pixels = [np.rint(photo[:80, :90] * 255).astype(np.uint8)]
    results = []
    for name, stops in (("a", [None]), ("b", [3, None])):
        for stop in stops:
            torch.manual_seed(0)
            nets = [CycleGAN(width=8, blocks=1) for _ in range(2)]
            game = cycle(*nets, recipe, (PatchGAN(3, 8), PatchGAN(3, 8)))
            average, _ = descend(
                game, Pairs(pixels, recipe), Schedule(5, 1), CPU,
                checkpoint=checkpoint_of(tmp_path / name, recipe, "stage-1"), stop_at=stop,
            )  # fmt: skip
        results.append([*game.nets.values(), average])
    assert game.nets["pool_x"].count == 10
    for one, other in zip(*results, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(other.state_dict()[name])), name


def test_two_folders_without_pairs(folder):
    (folder / "pairs" / "A" / "0.png").unlink()  # the numbers may differ
    recipe = recipe_from(
        {
            "method": "cyclegan", "tag": "t", "terms": "", "steps": 2, "batch": 2, "patch": 32,
            "data": {"pairs": "pairs", "hold_out": 2}, "cycle": {"width": 8},
        },
        "test",
    )  # fmt: skip
    material = gathered(recipe, method_named("cyclegan"))
    assert judged_by(recipe) == KIND and judged_by(PAIRED) == PSNR
    assert len(material.pixels) == 4 and len(material.unpaired) == 3 and len(material.seen) == 7
    batch = material.pairs(recipe).batch(0)
    assert batch["y"].shape == (2, 3, 32, 32) and np.abs(batch["y"] + batch["x"] - 1).max() > 0.05


def test_the_kernel_distance_tells_kinds_apart_and_does_not_grow_with_the_number():
    rng = np.random.default_rng(0)
    centre, other = rng.normal(size=(2, 1, 20))
    same = [kernel_distance(*(centre + rng.normal(size=(n, 20)) for _ in range(2))) for n in (10, 10, 10, 200)]
    apart = [kernel_distance(centre + rng.normal(size=(n, 20)), other + rng.normal(size=(n, 20))) for n in (10, 200)]
    assert abs(np.mean(same[:3])) < 0.3 * apart[0] and abs(same[3]) < 0.03 * apart[1]
    assert 0.7 < apart[0] / apart[1] < 1.4
