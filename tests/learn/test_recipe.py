import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from restora.core.errors import BadRecipe
from restora.learn.held_out import LIKENESS, PSNR, judged_by
from restora.learn.recipe import read_recipe, recipe_from
from restora.learn.recipe_tables import Adversarial
from restora.learn.weights import SHIPPED
from restora.methods.table import METHODS

PAGE = Path(__file__).parent.parent.parent / "docs" / "training.md"
RECIPES = sorted((Path(__file__).parent.parent.parent / "recipes").glob("*.*.toml"))
GOOD = """
method = "dncnn"
tag = "test"
terms = "free"
steps = 10
{}
[data]
folders = ["photos"]
damage = "noise(sigma=0.1)"
{}
"""


def written(folder, line="", data=""):
    path = folder / "r.toml"
    path.write_text(GOOD.format(line, data))
    return path


DENOISERS = {method.denoiser for method in METHODS.values() if method.denoiser}
"""Weights that other methods call."""
NOT_SHIPPED = {"restora.blind", "restora.blind-pruned", "edsr.x2-real", "edsr.x3", "srgan.x4-real"}
NOT_SHIPPED |= {"pix2pix.facades", "cyclegan.oldphoto", "cyclegan.folders", "tgan.l1"}
"""Recipes whose weights are left out of the package, for their size or for the terms of their data."""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_is_named_after_its_weights(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem and len(path.read_text().splitlines()) <= 30
    assert recipe.name in (*METHODS[recipe.method].weights, *DENOISERS, *NOT_SHIPPED)


def test_every_learned_method_has_its_recipe():
    wanted = {name for method in METHODS.values() for name in method.weights} | DENOISERS | NOT_SHIPPED
    assert wanted == {path.stem for path in RECIPES}


def test_every_recipe_can_be_followed_from_nothing():
    """What a recipe begins from or learns from is made by another recipe, and so on back to one that needs nothing."""
    recipes = {path.stem: read_recipe(path) for path in RECIPES}

    def needs(name, above=()):
        assert name not in above, f"{' needs '.join((*above, name))}: none of them can be made first"
        for run in recipes[name].runs:
            for other in {run.start, run.distillation.teacher if run.distillation else ""} - {""}:
                needs(other, (*above, name))

    for name in recipes:
        needs(name)


def test_cards_of_shipped_weights_hold_the_recipe_that_makes_them():
    for path in (each for each in RECIPES if each.stem not in NOT_SHIPPED):
        card = json.loads((SHIPPED / f"{path.stem}.json").read_text())
        assert recipe_from(card["recipe"], path.stem) == read_recipe(path)
        assert card["provenance"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("stpes = 3", "unknown key 'stpes'; did you mean steps"),
        ('batch = "8"', "batch cannot be '8'"),
        ("batch = true", "batch cannot be True"),
        ("batch = 0", "batch must be 1 or more"),
        ("channels = 2", "channels must be 1 or 3"),
        ('loss = "l3"', "loss must be one of"),
        ("lr = -1", "above 0"),
        ("knobs = 3", "knobs cannot be 3"),
        ("seed = ", "not TOML"),
        ('start = "dncnn.test"', "add a stage for longer training"),
        ("distillation = 3", "distillation cannot be 3"),
        ("distillation = {}", "lacks distillation.teacher"),
        ("adversarial = { weight = 1, lss = 2 }", "unknown key 'adversarial.lss'; did you mean loss"),
        ('adversarial = { weight = 1, loss = "l1" }', "loss must be one of logistic"),
        ("adversarial = { weight = 1 }\ncycle = {}", "at most one game is allowed, not adversarial and cycle"),
        ("stages = [{ stpes = 3 }]", "stage 1 has an unknown key 'stpes'"),
        ('stages = [{}, { tag = "other" }]', "stage 2 cannot change tag"),
        ("stages = [{ data = { hold_out = 3 } }]", "stage 1 cannot change data.hold_out"),
        ("patch = 32\nadversarial = { weight = 1, critics = 3 }", "patch must be 64 or more"),
        ("cycle = {}\nknobs = { told = 1 }", "a cycle needs pictures of one size, and no knob told"),
        ("channels = 1\nadversarial = { weight = 1, content = 1 }", "content needs channels = 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, line, says):
    with pytest.raises(BadRecipe, match=says):
        read_recipe(written(tmp_path, line))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("shrinks = [1, 1.5]", "data.shrinks cannot be"),
        ("grey_share = 2", "grey_share"),
        ("hold_otu = 2", "unknown key 'data.hold_otu'; did you mean hold_out"),
        ('unpaired = ["others"]', "needs the game .cycle."),
    ],
)
def test_what_is_wrong_with_the_data_is_named(tmp_path, line, says):
    with pytest.raises(BadRecipe, match=says):
        read_recipe(written(tmp_path, data=line))


def test_what_is_missing_is_named(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace("steps = 10", "").replace('tag = "test"', ""))
    with pytest.raises(BadRecipe, match="lacks tag"):
        read_recipe(path)
    path.write_text(GOOD.format("", "").replace("steps = 10", ""))
    with pytest.raises(BadRecipe, match="steps must be 1 or more"):
        read_recipe(path)
    with pytest.raises(BadRecipe, match="cannot read"):
        read_recipe(tmp_path / "absent.toml")


def test_stages_repeat_the_recipe_with_some_keys_changed(tmp_path):
    stages = "stages = [{ steps = 3, data = { shrinks = [1, 2] } }, { lr = 0.5, adversarial = { weight = 1 } }]"
    recipe = read_recipe(written(tmp_path, f'start = "unet.x"\n{stages}'))
    first, second = recipe.runs
    assert (first.steps, first.data.shrinks, first.data.damage) == (3, [1, 2], "noise(sigma=0.1)")
    assert (second.steps, second.lr, second.data.shrinks) == (10, 0.5, [1])
    assert (first.start, second.start) == ("unet.x", "") and second.adversarial == Adversarial(weight=1)
    assert not first.stages and first.adversarial is None and not recipe.invents
    last = recipe_from(recipe.as_dict() | {"stages": [{}, {"adversarial": {"weight": 1, "content": 1}}]}, "x")
    assert last.invents and judged_by(last) == LIKENESS and judged_by(recipe) == PSNR
    assert replace(recipe, stages=[]).runs == [replace(recipe, stages=[])]


def test_a_recipe_survives_its_plain_values(tmp_path):
    recipe = read_recipe(written(tmp_path, "cycle = { identity = 0.5 }\nstages = [{ steps = 3 }, { steps = 4 }]"))
    assert recipe_from(json.loads(json.dumps(recipe.as_dict())), "x") == recipe


def test_recipes_of_older_cards_are_understood():
    flat = {
        "method": "srgan", "tag": "x4", "photographs": "photos", "licence": "CC0-1.0", "terms": "free", "steps": 5,
        "damage": "shrink(scale=4)", "shrinks": [1, 2], "start": "srgan.x4", "lr": 0.003, "lr_rest": 0.0003,
        "teacher": "", "pixels": 0.5, "content": 0.01, "adversary": 0.001, "knobs": {"scale": 4},
    }  # fmt: skip
    recipe = recipe_from(flat, "card")
    assert recipe.data.folders == ["photos"] and recipe.data.shrinks == [1, 2] and recipe.start == ""
    assert recipe.adversarial == Adversarial(0.001, 0.5, 0.01, lr=0.003, lr_rest=0.0003)
    taught = flat | {"teacher": "restora.blind", "adversary": 0.0, "content": 0.0, "pixels": 1.0}
    assert recipe_from(taught, "card").distillation.teacher == "restora.blind"


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_recipes_of_the_docs_are_right(tmp_path, text):
    (tmp_path / "r.toml").write_text(text)
    assert read_recipe(tmp_path / "r.toml").runs
