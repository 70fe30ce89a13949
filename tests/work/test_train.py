import json

import numpy as np
import pytest

from restora.core.errors import BadRecipe, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.save import write
from restora.learn.recipe import read_recipe, recipe_from
from restora.learn.weights import find
from restora.work.restore import restore
from restora.work.train import train

RECIPE = """
method = "dncnn"
tag = "tiny"
terms = "free"
channels = 1
steps = 6
batch = 2
patch = 16
validate_every = 3
knobs = { depth = 4, width = 8 }
[data]
folders = ["photos"]
leave_out = "leave_out.txt"
licence = "CC0-1.0"
damage = "noise(sigma=0.1)"
hold_out = 2
"""


@pytest.fixture
def recipe(tmp_path, photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "out"))
    (tmp_path / "photos").mkdir()
    for i in range(6):
        write(Image(photo[i * 30 : i * 30 + 64, i * 20 : i * 20 + 72]), tmp_path / "photos" / f"{i}.png")
    (tmp_path / "leave_out.txt").write_text("elsewhere/5.png\n")
    (tmp_path / "dncnn.tiny.toml").write_text(RECIPE)
    return tmp_path / "dncnn.tiny.toml"


def run(recipe, **options):
    folder = recipe.parent
    return train(recipe, lambda progress, loss: None, runs=folder / "runs", out=folder / "out", **options)


def test_a_recipe_becomes_weights_that_restore(recipe, grey_photo):
    assert run(recipe, stop_at=4) is None
    weights = run(recipe)
    run_folder = recipe.parent / "runs" / "dncnn.tiny"
    assert (run_folder / "run.png").stat().st_size > 10_000 and list((run_folder / "log").iterdir())
    card = weights.card
    assert card["trained"]["steps"] == 6 and card["halo"] == 4 and card["multiple"] == 1
    assert card["inputs"] == {"y": {"image": 1}} and weights.task == "denoise" and not weights.takes("sigma")
    assert len(card["photographs"]) == 3 and all(photo["licence"] == "CC0-1.0" for photo in card["photographs"])
    assert "5.png" not in json.dumps(card["photographs"])
    plan = Plan((Step("dncnn", "", "dncnn.tiny"),), "")
    ours, theirs = (restore(Image(grey_photo), plan, engine=engine)[0].pixels for engine in ("openvino", "torch"))
    assert np.abs(ours - theirs).max() <= 1e-5 and find("dncnn.tiny").checksum == weights.checksum


def test_a_net_that_answers_as_its_teacher_learns_nothing_more(recipe):
    tiny = RECIPE.replace('"dncnn"', '"restora"').replace(
        "depth = 4, width = 8", "widths = [8, 8, 8], blocks = [1, 1, 1]"
    )
    recipe.write_text(tiny)
    first = run(recipe)
    taught = '"taught"\nstart = "restora.tiny"\ndistillation = { teacher = "restora.tiny" }'
    alike = tiny.replace('"tiny"', taught)
    recipe.write_text(alike)
    taught = run(recipe)
    assert taught.card["teacher"]["sha256"] == first.checksum
    assert all(np.array_equal(value, first.arrays()[name]) for name, value in taught.arrays().items())
    recipe.write_text(alike.replace("taught", "untaught").replace('distillation = { teacher = "restora.tiny" }', ""))
    untaught = run(recipe)
    assert any(not np.array_equal(value, first.arrays()[name]) for name, value in untaught.arrays().items())
    recipe.write_text(alike.replace("taught", "coloured").replace("channels = 1", "channels = 3"))
    with pytest.raises(BadRecipe, match="cannot be the teacher"):
        run(recipe)


def test_what_cannot_be_trained_is_said_at_once(recipe):
    recipe.write_text(RECIPE.replace('"dncnn"', '"median"'))
    with pytest.raises(RestoraError, match="cannot be trained"):
        run(recipe)
    recipe.write_text(RECIPE.replace('"photos"', '"nowhere"'))
    with pytest.raises(RestoraError, match="nowhere is neither here nor"):
        run(recipe)
    recipe.write_text(RECIPE.replace("noise(sigma", "nose(sigma"))
    with pytest.raises(RestoraError, match="did you mean noise"):
        run(recipe)
    recipe.write_text(RECIPE.replace("patch = 16", "patch = 400"))
    with pytest.raises(BadRecipe, match="smaller than a patch"):
        run(recipe)
    recipe.write_text(RECIPE.replace("depth = 4", "dpeth = 4"))
    with pytest.raises(BadRecipe, match="dpeth"):
        run(recipe)


def test_stages_follow_one_another_and_resume_anywhere(recipe):
    """The second begins from the first one's average, with another loss; a stop within either changes nothing."""
    stages = RECIPE.replace("steps = 6", "").replace('"tiny"', '"staged"')
    stages += '[[stages]]\nsteps = 5\n[[stages]]\nsteps = 4\nlr = 0.02\nloss = "l2"\nseed = 1\n'
    path = recipe.with_name("dncnn.staged.toml")
    path.write_text(stages)
    for stop in (3, 5, 8):
        assert run(path, stop_at=stop) is None
    stopped = run(path)
    assert stopped.card["trained"]["steps"] == 9
    assert [stage["steps"] for stage in stopped.card["trained"]["stages"]] == [5, 4]
    assert recipe_from(stopped.card["recipe"], "card") == read_recipe(path) and "start" not in stopped.card
    straight = train(path, lambda *_: None, runs=path.parent / "other", out=path.parent / "out2")
    assert straight.checksum == stopped.checksum
    path.write_text(stages.replace("steps = 4", "steps = 4\npatch = 24"))
    with pytest.raises(BadRecipe, match=r"stage-2.pt was made with another patch"):
        run(path)


def test_a_run_by_the_clock_takes_the_place_of_stages(recipe):
    said = []
    weights = run(recipe, minutes=0.02)
    steps = weights.card["trained"]["steps"]
    assert steps > 6 and weights.card["recipe"]["steps"] == steps and weights.card["trained"]["seconds"] <= 4
    again = train(recipe, lambda progress, before: said.append(progress.step), runs=recipe.parent / "runs",
                  out=recipe.parent / "out", minutes=0.02)  # fmt: skip
    assert again.checksum == weights.checksum and not said  # its time is over


def test_a_checkpoint_of_an_earlier_version_is_one_sentence(recipe):
    import torch

    folder = recipe.parent / "runs" / "dncnn.tiny"
    folder.mkdir(parents=True)
    torch.save({"recipe": {}}, folder / "stage-1.pt")
    with pytest.raises(BadRecipe, match="earlier version and cannot be resumed"):
        run(recipe)


@pytest.mark.parametrize(
    ("table", "players"), [("adversarial = { weight = 0.1, critics = 2 }", 3), ("cycle = { identity = 0.5 }", 3)]
)
def test_every_game_is_trained_by_its_recipe_and_gives_weights(recipe, grey_photo, table, players):
    import torch

    recipe.write_text(RECIPE.replace("[data]", f"{table}\n[data]").replace("patch = 16", "patch = 32"))
    assert run(recipe, stop_at=4) is None
    state = torch.load(recipe.parent / "runs" / "dncnn.tiny" / "stage-1.pt", weights_only=True)
    assert len(state["nets"]) == (3 if "critics" in table else 6) and len(state["optimisers"]) == 2 * players
    weights = run(recipe)
    assert recipe_from(weights.card["recipe"], "card") == read_recipe(recipe)
    x_hat = restore(Image(grey_photo), Plan((Step("dncnn", "", "dncnn.tiny"),), ""))[0].pixels
    assert np.isfinite(x_hat).all() and x_hat.shape == grey_photo.shape
