from pathlib import Path

import pytest

from restora.core.errors import BadRecipe
from restora.learn.recipe import read_recipe
from restora.methods.table import METHODS

RECIPES = sorted((Path(__file__).parent.parent.parent / "recipes").glob("*.toml"))
GOOD = """
method = "dncnn"
tag = "test"
photographs = "photos"
licence = "free"
terms = "free"
damage = "noise(sigma=0.1)"
steps = 10
"""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_is_named_after_its_weights(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem and len(path.read_text().splitlines()) <= 25
    assert recipe.name in METHODS[recipe.method].weights


def test_every_learned_method_has_its_recipe():
    wanted = {name for method in METHODS.values() for name in method.weights}
    assert wanted == {path.stem for path in RECIPES}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("stpes = 3", "unknown key 'stpes'; did you mean steps"),
        ('batch = "8"', "batch cannot be '8'"),
        ("batch = true", "batch cannot be True"),
        ("batch = 0", "batch must be 1 or more"),
        ("channels = 2", "channels must be 1 or 3"),
        ('loss = "l3"', "loss must be one of"),
        ("shrinks = [1, 1.5]", "shrinks cannot be"),
        ("lr = -1", "above 0"),
        ("grey_share = 2", "grey_share"),
        ("knobs = 3", "knobs cannot be 3"),
        ("steps = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, line, says):
    (tmp_path / "r.toml").write_text(GOOD + line)
    with pytest.raises(BadRecipe, match=says):
        read_recipe(tmp_path / "r.toml")


def test_what_is_missing_is_named(tmp_path):
    (tmp_path / "r.toml").write_text(GOOD.replace("steps = 10", "").replace('tag = "test"', ""))
    with pytest.raises(BadRecipe, match="lacks tag, steps"):
        read_recipe(tmp_path / "r.toml")
    with pytest.raises(BadRecipe, match="cannot read"):
        read_recipe(tmp_path / "absent.toml")
