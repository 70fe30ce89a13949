"""Collect: install the weights of a campaign where they are better than the installed ones.

Both are scored on this machine, on the same held-out photographs with every damage of the new recipe. Better weights
are exported, get an int8 model if they pass the gate, and their recipe is written to the folder of recipes.
"""

import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restora.core.errors import BadWeights, MissingExtra, NoWeights, RestoraError
from restora.data.photographs import gather, split
from restora.learn.card import read_card
from restora.learn.held_out import sample, validation
from restora.learn.recipe import GAMES, Recipe, recipe_from
from restora.learn.weights import Weights, find, listed, read_parameters
from restora.methods.table import method_named
from restora.work.export import export
from restora.work.material import held_out_of_clips, new_net
from restora.work.train import exported, net_of, stored_form

if TYPE_CHECKING:
    from torch import nn

RECIPES = Path(__file__).parent.parent.parent.parent / "recipes"
"""The recipes of a checkout; without a checkout there are none."""

MOST_BYTES = 500_000_000
"""Size limit in bytes of an unpacked archive; a campaign writes a thirtieth of this."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """New weights compared with the installed ones, by the mean score on held-out photographs; higher is better."""

    name: str
    new: float
    installed: float | None  # None: none are installed

    @property
    def better(self) -> bool:
        """Whether to install them."""
        if not math.isfinite(self.new):
            return False
        return self.installed is None or not self.new <= self.installed  # also if the installed weights give NaN

    def __str__(self) -> str:
        before = "none were installed" if self.installed is None else f"installed {self.installed:.3f}"
        return f"{self.name}: held-out score {self.new:.3f}, {before}: {'taken' if self.better else 'refused'}"


def collect(
    results: Path, out: Path, tell: Tell, *, recipes: Path | None = None, dry_run: bool = False
) -> list[Verdict]:
    """Compare the weights in the archives of a campaign's folder, and install those that are better in `out`.

    recipes: the folder for their recipes. dry_run: compare only. Raises RestoraError if the folder has no archives or
    the photographs are missing, BadWeights for an archive not written by a campaign, MissingExtra without torch.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra(f"collecting needs {error.name}; install it with: pip install 'restora[lab]'") from error
    archives = sorted(results.glob("weights-*.zip"))
    if not archives:
        raise RestoraError(f"{results} must be the output folder of a campaign, but has no weights-*.zip")
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(_unpacked(archives, Path(folder))):
            card = _card(Path(folder) / f"{name}.json")
            net = _net(card, Path(folder) / f"{name}.safetensors")
            verdict = judged(card, net)
            tell(str(verdict))
            verdicts.append(verdict)
            if verdict.better and not dry_run:
                install(card, net, out, recipes, tell)
    return verdicts


def judged(card: dict[str, Any], net: "nn.Module") -> Verdict:
    """The scores of a net and of the installed weights of its name, on the same photographs and damages."""
    recipe, name = recipe_from(card["recipe"], card["name"]), card["name"]
    installed = find(name) if name in listed() else None
    return Verdict(name, score(net, recipe, recipe), _installed_score(installed, recipe) if installed else None)


def score(net: "nn.Module", mine: Recipe, judging: Recipe) -> float:
    """The mean score of a net of recipe `mine` on what `judging` holds out: clips, or photographs with all damages."""
    from restora.learn.device import device_named
    from restora.learn.validate import scorer

    data, method = judging.data, method_named(mine.method)
    if judging.moments > 1:
        samples = held_out_of_clips(replace(mine, data=data), method)
    else:
        _, held = split(gather(data.folders, data.licence, data.leave_out), data.hold_out)
        damages = sorted({*judging.damages, validation(judging)})
        samples = [sample(photo, mine, words, multiple=method.multiple) for photo in held for words in damages]
    return scorer(judging, samples, device_named("cpu"))(net)


def install(card: dict[str, Any], net: "nn.Module", out: Path, recipes: Path | None, tell: Tell) -> Weights:
    """Export a net, store it with its card, write its recipe, and make its int8 model if it passes the gate."""
    name, trained = card["name"], card["trained"]
    provenance = f"Trained in one run of {trained['steps']} steps on {trained['machine']}."
    share = trained.get("share_of_run", 1)
    if share < 1:
        provenance += f" They were stored after {share:.0%} of a longer run, before its learning rate reached zero."
    weights = exported(net, card | {"provenance": provenance}, out)
    if recipes is not None and recipes.is_dir():
        write_recipe(recipe_from(card["recipe"], name), recipes / f"{name}.toml")
    if name in listed() and listed()[name].resolve() == out.resolve():
        weights, verdict = export(name, lambda text: None)
        tell(f"{name}: int8 {'passed' if verdict.passed else 'refused'}; {verdict.mean_loss:.3f} dB mean loss")
    return weights


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as TOML, with the first line of the old file as description; default values are left out."""
    import tomlkit

    about = path.read_text().splitlines()[0] if path.exists() else f"# {recipe.name}"
    values, named = recipe.as_dict(), {key: getattr(recipe, key) for key in ("method", "tag", "terms")}
    needed = ("folders", "damage", "pairs", "clips")
    bare = {key: value for key in needed if (value := getattr(recipe.data, key))}
    usual = recipe_from({**named, "steps": 1, "data": bare, "knobs": recipe.knobs}, recipe.name).as_dict()
    usual["knobs"] = {}
    top = {key: value for key, value in values.items() if key in named or value != usual.get(key)}
    if not recipe.steps:
        del top["steps"]
    data = {key: value for key, value in values["data"].items() if key in bare or value != usual["data"][key]}
    tables = {key: top.pop(key) for key in GAMES if key in top}
    top.pop("data", None)
    path.write_text(f"{about}\n{tomlkit.dumps({**top, 'data': data, **tables})}")


def _installed_score(weights: Weights, judging: Recipe) -> float:
    return score(stored_form(net_of(weights)), recipe_from(weights.recipe, weights.name), judging)


def _card(path: Path) -> dict[str, Any]:
    """The card in an archive. Raises BadWeights if it is missing or was not written by training."""
    try:
        card = read_card(path)
    except (NoWeights, OSError) as error:
        raise BadWeights(f"the card {path.name} of a campaign cannot be read: {error}") from error
    trained = card.get("trained", {})
    if not {"steps", "machine"} <= trained.keys() or card["name"] != path.stem:
        raise BadWeights(f"the card {path.name} does not say how these weights were trained")
    return card


def _net(card: dict[str, Any], arrays: Path) -> "nn.Module":
    import torch

    net = new_net(method_named(card["method"]), recipe_from(card["recipe"], card["name"]))
    state = {name: torch.from_numpy(value) for name, value in read_parameters(arrays).items()}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise BadWeights(f"{arrays.name} does not fit the net of its card") from error
    return stored_form(net)


def _unpacked(archives: list[Path], folder: Path) -> Iterator[str]:
    """The names of the weights in archives; their files are unpacked to `folder`."""
    for path in archives:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                    raise BadWeights(f"{path} unpacks to more than {MOST_BYTES // 10**6} MB")
                if any(Path(name).name != name or Path(name).suffix not in (".safetensors", ".json") for name in names):
                    raise BadWeights(f"{path} contains files other than weights and cards")
                archive.extractall(folder)
        except zipfile.BadZipFile as error:
            raise BadWeights(f"{path} is not a zip archive, or is truncated") from error
        yield from (Path(name).stem for name in names if name.endswith(".safetensors"))
