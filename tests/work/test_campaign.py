"""A campaign in miniature: packed, run where much is missing, and collected."""

import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from restora.core.errors import BadRecipe, BadWeights, OutputExists, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.save import write
from restora.learn.device import device_named
from restora.learn.loop import Progress, Schedule
from restora.learn.recipe import read_recipe
from restora.learn.validate import scorer
from restora.learn.weights import find, store, verify
from restora.methods.table import method_named
from restora.work.campaign import job
from restora.work.campaign.collect import Verdict, collect, judged, score, write_recipe
from restora.work.campaign.entries import read_campaign
from restora.work.campaign.pack import pack
from restora.work.campaign.parcel import parcels
from restora.work.campaign.run import run_campaign, varied_first
from restora.work.material import gathered, new_net
from restora.work.restore import restore
from tests.cards import CARD
from tests.clips import Spec, make

RECIPE = """# A small net.
method = "dncnn"
tag = "{tag}"
terms = "free"
channels = 1
steps = 6
batch = 2
patch = 16
{more}
knobs = {{ depth = 4, width = {width} }}
[data]
folders = ["photos"]
damage = "noise(sigma=0.1)"
licence = "CC0-1.0"
hold_out = 2
"""
CAMPAIGN = """
[[runs]]
recipe = "dncnn.first"
share = 2
batch = 4
lr = 0.02
[[runs]]
recipe = "dncnn.hopeless"
share = 1
[[runs]]
recipe = "dncnn.second"
share = 1
"""
BLOCKED = """
import sys
for name in ("pyvips", "openvino", "rich", "restora.files", "restora.engines", "restora.app", "typer"):
    sys.modules[name] = None
"""
"""What a bare machine has not got, and what a campaign is not to import."""


@pytest.fixture
def folder(tmp_path, photo, monkeypatch):
    """Recipes, a campaign and photographs, and no weights."""
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "own"))
    photos = tmp_path / "data" / "photos"
    photos.mkdir(parents=True)
    for i in range(5):
        write(Image(photo[i * 30 : i * 30 + 90, i * 20 : i * 20 + 100]), photos / f"{i}.png")
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    start = 'start = "dncnn.first"'
    for tag, more, width in (("first", "", "8"), ("second", start, "8"), ("hopeless", "", "8, dpeth = 3")):
        (recipes / f"dncnn.{tag}.toml").write_text(RECIPE.format(tag=tag, more=more, width=width))
    (recipes / "campaign.toml").write_text(CAMPAIGN)
    return tmp_path


@pytest.mark.slow
def test_a_pack_runs_on_a_bare_machine_in_time_and_is_collected(folder, grey_photo, monkeypatch):
    lines = []
    size = pack(folder / "recipes" / "campaign.toml", folder / "pack", lines.append)
    assert size == sum(path.stat().st_size for path in (folder / "pack").rglob("*") if path.is_file()) < 5e6
    assert "quality 95" in lines[-1] and not list((folder / "pack").rglob("*.onnx"))
    bare = folder / "bare"
    bare.mkdir()
    (bare / "sitecustomize.py").write_text(BLOCKED)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RESTORA", "PYTHON"))}
    minutes = max(0.6, seconds_to_import_torch() / 6)  # a busy machine needs more
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, folder / "pack" / "run.py", "--minutes", str(minutes), "--device", "cpu", "--workers", "1",
         "-o", folder / "out"],
        env=environment | {"PYTHONPATH": str(bare), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60 * minutes + 14
    log = (folder / "out" / "campaign.log").read_text()
    assert "dncnn.hopeless: failed: restora.core.errors.BadRecipe: recipe dncnn.hopeless" in log and "Traceback" in log
    assert "then it failed" not in log
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["campaign.log", "curves.png", "weights-1.zip"]

    taken = collect(folder / "out", folder / "own", lines.append, recipes=folder / "recipes")
    assert [(verdict.name, verdict.better) for verdict in taken] == [("dncnn.first", True), ("dncnn.second", True)]
    card = find("dncnn.second").card
    assert card["inputs"] == {"y": {"image": 1}} and card["task"] == "denoise"
    assert card["start"]["name"] == "dncnn.first" and card["halo"] == 4 and len(card["photographs"]) == 3
    assert card["photographs"][0]["copy"].startswith("JPEG of quality 95") and card["curve"] and card["provenance"]
    steps = find("dncnn.first").card["trained"]["steps"]
    trained = replace(read_campaign(folder / "recipes" / "campaign.toml")[0].recipe, steps=steps)
    assert read_recipe(folder / "recipes" / "dncnn.first.toml") == trained
    x_hat = restore(Image(grey_photo), Plan((Step("dncnn", "", "dncnn.second"),), ""))[0].pixels
    assert np.isfinite(x_hat).all()

    before = find("dncnn.first").checksum
    spoil(folder / "out" / "weights-1.zip", folder / "spoiled")
    refused = collect(folder / "spoiled", folder / "own", lines.append, recipes=folder / "recipes")
    assert not refused[0].better and find("dncnn.first").checksum == before and "refused" in lines[-1]


def seconds_to_import_torch():
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.monotonic() - started


def spoil(archive, folder):
    """The weights of an archive with noise on them, in an archive of another folder."""
    folder.mkdir()
    with zipfile.ZipFile(archive) as old:
        old.extractall(folder)
    arrays = load_file(folder / "dncnn.first.safetensors")
    rng = np.random.default_rng(0)
    save_file(
        {name: (value + 0.1 * rng.standard_normal(value.shape)).astype(np.float16) for name, value in arrays.items()},
        folder / "dncnn.first.safetensors",
    )
    with zipfile.ZipFile(folder / "weights-1.zip", "w") as new:
        for name in ("dncnn.first.safetensors", "dncnn.first.json"):
            new.write(folder / name, name)


def test_a_pack_has_the_clips_and_new_weights_are_judged_on_what_they_hold_out(folder, monkeypatch):
    clips = folder / "data" / "clips"
    clips.mkdir()
    make(clips / "a.mp4", Spec(list(range(30)), Fraction(1, 25), size=(96, 128)))
    text = RECIPE.format(tag="clip", more="", width=8)
    for old, new in (
        ("dncnn", "temporal"),
        ("channels = 1", "channels = 3"),
        ("depth = 4, width = 8", "widths = [8, 8, 8], frames = 3"),
        ('["photos"]', '["photos"]\nclips = ["clips"]'),
    ):
        text = text.replace(old, new)
    (folder / "recipes" / "temporal.clip.toml").write_text(text)
    campaign = folder / "recipes" / "campaign.toml"
    campaign.write_text('[[runs]]\nrecipe = "temporal.clip"\nshare = 1\n')
    pack(campaign, folder / "pack", lambda line: None)
    assert (folder / "pack/data/clips/a.mp4").read_bytes() == (clips / "a.mp4").read_bytes()
    monkeypatch.setenv("RESTORA_DATA", str(folder / "pack" / "data"))
    recipe = read_campaign(campaign)[0].recipe
    assert "loss" in job.compared(recipe, device_named("cpu"))
    torch.manual_seed(0)
    net = new_net(method_named("temporal"), recipe).eval()
    material = gathered(recipe, method_named("temporal"))
    assert score(net, recipe, recipe) == pytest.approx(scorer(recipe, material.samples, device_named("cpu"))(net))


@pytest.mark.slow
def test_a_process_that_hangs_or_dies_takes_no_other_with_it(folder, monkeypatch):
    """The first recipe's process is killed from outside, the second never ends; the third is trained."""
    from restora.work.campaign import process, run

    begun = process.Process.go

    def go(self, seconds):
        if self.name == "dncnn.hopeless":
            return  # it waits for ever
        begun(self, min(seconds, 2.0))
        if self.name == "dncnn.first":
            self.process.kill()

    monkeypatch.setattr(process.Process, "go", go)
    monkeypatch.setattr(run, "GRACE", 0.5)
    monkeypatch.setattr(run, "TEST_SECONDS", 0.0)
    for tag, text, other in (("second", 'start = "dncnn.first"', ""), ("hopeless", ", dpeth = 3", "")):
        recipe = folder / "recipes" / f"dncnn.{tag}.toml"
        recipe.write_text(recipe.read_text().replace(text, other))
    # Minutes enough for a busy machine, and a small share of them for the one that never ends.
    campaign = folder / "recipes" / "campaign.toml"
    campaign.write_text(CAMPAIGN.replace('hopeless"\nshare = 1', 'hopeless"\nshare = 0.01'))
    run_in_time = run_campaign(campaign, 4, folder / "out", lambda line: None, device="cpu")
    outcomes = {each.name: each for each in run_in_time}
    assert "status -9" in outcomes["dncnn.first"].failed and "no weights" in outcomes["dncnn.hopeless"].failed
    assert outcomes["dncnn.second"].rows and (folder / "out" / "weights-1.zip").exists()


def test_the_self_test_compares_losses_and_takes_a_step(folder):
    recipe = read_campaign(folder / "recipes" / "campaign.toml")[0].recipe
    assert "CPU" in job.compared(recipe, device_named("cpu"))
    told = folder / "told"
    recipes = [recipe.as_dict(), recipe.as_dict() | {"knobs": {"dpeth": 3}}]
    job.test({"recipes": recipes, "told": str(told), "device": "cpu"})
    good, bad = (json.loads(line) for line in told.read_text().splitlines())
    assert "losses" in good and "dpeth" in bad["error"] and "BadRecipe" in bad["error"]


def test_a_loss_that_is_not_finite_ends_a_run_and_the_best_weights_stay(folder):
    recipe = read_campaign(folder / "recipes" / "campaign.toml")[0].recipe
    material = gathered(recipe, method_named("dncnn"))
    told = {"name": "dncnn.first", "told": str(folder / "told"), "weights": str(folder / "own")}
    keeper = job.Keeper(told, material, device_named("cpu"), Schedule(10**9, seconds=10.0))
    net, progress, zero = new_net(material.method, recipe).eval(), Progress(seconds=5.0), torch.zeros(())

    def step(number, loss, score):
        keeper.keep(net, score)
        progress.step = number
        progress.rows.append({"step": number, "loss": loss, "score": score})
        keeper.follow(progress, zero)

    step(3, 0.1, 20.0)
    stored = verify("dncnn.first", folder / "own")
    assert stored.card["trained"]["share_of_run"] == 0.5 and stored.card["trained"]["steps"] == 3
    with torch.no_grad():
        net.noise[0].bias += 1
    step(4, 0.1, 19.0)  # worse
    with pytest.raises(FloatingPointError, match="not finite at step 5; use a smaller learning rate"):
        step(5, float("nan"), float("nan"))
    assert verify("dncnn.first", folder / "own").checksum == stored.checksum
    assert len((folder / "told").read_text().splitlines()) == 2


def test_a_device_that_computes_something_else_is_found(folder, monkeypatch):
    recipe = read_campaign(folder / "recipes" / "campaign.toml")[0].recipe
    losses, calls = job.losses, []

    def wrong(*given):
        calls.append(given)
        return [loss * (1.2 if len(calls) == 2 else 1) for loss in losses(*given)]

    monkeypatch.setattr(job, "losses", wrong)
    with pytest.raises(ArithmeticError, match="losses differ between the device and the CPU"):
        job.compared(recipe, device_named("cpu"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("runs = 3", r"must contain only \[\[runs\]\]"),
        ("[[runs]]\nrecipe = 'dncnn.first'", "needs the name of a recipe and a share"),
        ("[[runs]]\nrecipe = 'dncnn.frist'\nshare = 1", "cannot read the recipe"),
        ("[[runs]]\nrecipe = 'dncnn.first'\nshare = 1\nbtach = 3", "unknown key 'btach'; did you mean batch"),
        ("[[runs]]\nrecipe = 'dncnn.first'\nshare = 1\nchanges = { pacth = 3 }", "unknown key 'pacth'"),
        ("[[runs]]\nrecipe = 'dncnn.second'\nshare = 1", "needs the weights dncnn.first, which are not installed"),
        (CAMPAIGN + "[[runs]]\nrecipe = 'dncnn.first'\nshare = 1", "lists dncnn.first twice"),
        ("[[runs]]\nrecipe = 'dncnn.second'\nshare = 1" + CAMPAIGN, "must be trained before it"),
        ("runs = ", "is not TOML"),
    ],
)
def test_a_campaign_that_is_not_right_is_refused(folder, text, says):
    (folder / "recipes" / "campaign.toml").write_text(text)
    with pytest.raises(BadRecipe, match=says):
        read_campaign(folder / "recipes" / "campaign.toml")


def test_the_campaign_that_is_shipped_reads():
    entries = read_campaign(Path(__file__).parent.parent.parent / "recipes" / "campaign.toml")
    assert entries[0].name == "restora.noise" and all(entry.recipe.steps >= 10**9 for entry in entries)


def test_the_self_test_begins_with_one_of_each_kind():
    entries = read_campaign(Path(__file__).parent.parent.parent / "recipes" / "campaign.toml")
    order = varied_first(entries)
    kinds = [(entry.recipe.method, entry.recipe.game) for entry in order]
    assert len(order) == len(entries) and len(set(kinds)) == len(set(kinds[: len(set(kinds))]))


def test_what_needs_failed_weights_is_left_out(folder, monkeypatch):
    """Its time goes to the others."""
    from restora.work.campaign import run

    monkeypatch.setattr(run.Campaign, "self_test", lambda self: {"dncnn.first": "it failed", "dncnn.hopeless": "too"})
    outcomes = run_campaign(folder / "recipes" / "campaign.toml", 0.2, folder / "out", lambda line: None, device="cpu")
    assert "needs dncnn.first, which were not trained" in outcomes[-1].failed


def test_nothing_is_overwritten(folder):
    (folder / "out").mkdir()
    (folder / "out" / "kept").write_text("mine")
    file = folder / "recipes" / "campaign.toml"
    with pytest.raises(OutputExists, match="is not empty"):
        run_campaign(file, 1, folder / "out", lambda line: None)
    with pytest.raises(OutputExists, match="is not empty"):
        pack(file, folder / "out", lambda line: None)


def test_parcels_are_few_and_small_and_say_what_found_no_room(tmp_path, monkeypatch):
    from restora.work.campaign import parcel

    monkeypatch.setattr(parcel, "MOST_BYTES", 5400)
    monkeypatch.setattr(parcel, "MOST_FILES", 2)
    (tmp_path / "out").mkdir()
    for name, size in (("net.a", 2000), ("net.b", 1000), ("net.c", 900), ("net.d", 2400), ("net.e", 3000)):
        store(name, tmp_path / "weights", {"w": np.zeros(size // 2, np.float32)}, None, CARD | {"name": name})
    monkeypatch.setattr(parcel, "TRIES", 1)
    (tmp_path / "weights" / "net.b.json").write_text("being written")
    assert parcels(tmp_path / "weights", tmp_path / "out") == []  # nothing that does not agree with the index
    kept = [name for path in (tmp_path / "out").iterdir() for name in zipfile.ZipFile(path).namelist()]
    assert "net.a.json" in kept and "net.b.json" not in kept
    store("net.b", tmp_path / "weights", {"w": np.zeros(500, np.float32)}, None, CARD | {"name": "net.b"})
    left_out = parcels(tmp_path / "weights", tmp_path / "out")
    names = [zipfile.ZipFile(path).namelist() for path in sorted((tmp_path / "out").iterdir())]
    assert len(names) == 2 and sum(map(len, names)) == 2 * (5 - len(left_out)) and len(left_out) <= 1
    assert all(path.stat().st_size < 6000 for path in (tmp_path / "out").iterdir())


def test_what_is_no_campaign_is_refused(folder):
    with pytest.raises(RestoraError, match="has no weights"):
        collect(folder, folder / "own", lambda line: None)
    (folder / "weights-1.zip").write_text("nothing")
    with pytest.raises(BadWeights, match="not a zip archive"):
        collect(folder, folder / "own", lambda line: None)
    with zipfile.ZipFile(folder / "weights-1.zip", "w") as archive:
        archive.writestr("../escape.json", "{}")
    with pytest.raises(BadWeights, match="files other than weights"):
        collect(folder, folder / "own", lambda line: None)


@pytest.mark.parametrize(
    ("card", "arrays", "says"),
    [
        (None, b"", "the card net.a.json of a campaign cannot be read"),
        ("[", b"", "is not JSON"),
        (json.dumps(CARD | {"name": "net.a", "recipe": 5}), b"", "recipe must be a table, not 5"),
        (json.dumps(CARD | {"name": "net.b"}), b"", "does not say how these weights were trained"),
    ],
)
def test_a_hostile_archive_of_a_campaign_is_refused(folder, card, arrays, says):
    with zipfile.ZipFile(folder / "weights-1.zip", "w") as archive:
        archive.writestr("net.a.safetensors", arrays)
        if card is not None:
            archive.writestr("net.a.json", card)
    with pytest.raises(BadWeights, match=says):
        collect(folder, folder / "own", lambda line: None)


def test_an_archive_of_a_campaign_that_unpacks_to_much_more_is_refused(folder, monkeypatch):
    monkeypatch.setattr("restora.work.campaign.collect.MOST_BYTES", 1000)
    with zipfile.ZipFile(folder / "weights-1.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net.a.safetensors", bytes(2000))
    with pytest.raises(BadWeights, match="unpacks to more than"):
        collect(folder, folder / "own", lambda line: None)


def test_a_score_that_is_not_a_number_is_never_the_better_one():
    nan = float("nan")
    assert not Verdict("net", nan, None).better and not Verdict("net", nan, 30.0).better
    assert Verdict("net", 30.0, nan).better and Verdict("net", 30.0, None).better
    assert not Verdict("net", 30.0, 30.0).better


def test_the_score_of_installed_weights_is_that_of_the_same_photographs(folder):
    """Judged against themselves, weights gain nothing."""
    from restora.work.train import train

    made = train(folder / "recipes" / "dncnn.first.toml", lambda *_: None, runs=folder / "runs", out=folder / "own")
    net = new_net(method_named("dncnn"), read_recipe(folder / "recipes" / "dncnn.first.toml"))
    net.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in made.arrays().items()})
    verdict = judged(made.card, net.eval())
    assert verdict.new == pytest.approx(verdict.installed, abs=1e-6) and not verdict.better


def test_a_recipe_is_written_as_it_is(tmp_path):
    for path in (Path(__file__).parent.parent.parent / "recipes").glob("*.*.toml"):
        recipe = read_recipe(path)
        write_recipe(recipe, tmp_path / path.name)
        assert read_recipe(tmp_path / path.name) == recipe, path.name
