"""Train: from a recipe to weights with their card. The only verb that needs torch to be imported here, late."""

import math
import os
import platform
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.allocator import keep_freed_memory
from restora.core.errors import BadRecipe, MissingExtra, RestoraError
from restora.core.method import Method
from restora.core.processor import processor
from restora.damage.words import draw
from restora.data.photographs import Photograph, locate, photographs, split
from restora.learn.held_out import eight_bit, sample, validation
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, read_recipe, recipe_from
from restora.learn.weights import SHIPPED, Weights, find, packed, store
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure

if TYPE_CHECKING:
    from torch import Tensor, nn

    from restora.learn.loop import Player, Progress

RUNS = Path.home() / ".cache" / "restora" / "runs"


def train(
    path: Path,
    tell: Callable[["Progress", float], None],
    *,
    runs: Path = RUNS,
    out: Path = SHIPPED,
    stop_at: int | None = None,
) -> Weights | None:
    """Train the recipe in the file `path`; the weights, written to `out`, or None if the run was told to stop early.

    The run is kept in runs/NAME (checkpoint, TensorBoard logs, a picture of curves and samples) and goes on from
    there. `tell(progress, loss)` is called after every step. Raises BadRecipe, MissingExtra or RestoraError.
    """
    recipe = read_recipe(path)
    method = method_named(recipe.method)
    try:
        import torch
        from torch.utils.tensorboard import SummaryWriter

        from restora.learn.draw import draw_run
        from restora.learn.export import linked, to_onnx
        from restora.learn.loop import descend
    except ModuleNotFoundError as error:
        raise MissingExtra(f"training needs {error.name}; install it with: pip install 'restora[lab]'") from error
    _check(recipe, method)
    keep_freed_memory()
    names = locate(recipe.leave_out).read_text().split() if recipe.leave_out else []
    seen, held = split(photographs(locate(recipe.photographs), recipe.licence, names), recipe.hold_out)
    samples = [sample(photo, recipe, validation(recipe)) for photo in held]  # y (planes, H, W), x (H, W, C)
    torch.manual_seed(recipe.seed)
    try:
        net = method.load()(channels=recipe.channels, **recipe.knobs)
    except TypeError as error:
        raise BadRecipe(f"recipe {recipe.name}: {method.name} cannot be built with these knobs: {error}") from error
    start, teacher = (find(name) if name else None for name in (recipe.start, recipe.teacher))
    if start:
        _begin(net, start, torch.from_numpy(np.stack([y for y, _ in samples if y.shape == samples[0][0].shape])))
    folder = runs / recipe.name
    leads = os.environ.get("RANK", "0") == "0"  # of several processes, one writes and speaks
    with SummaryWriter(folder / "log") if leads else nullcontext() as log:

        def follow(progress: "Progress", loss: float) -> None:
            if log is None:
                return
            log.add_scalar("loss", loss, progress.step)
            if progress.rows and progress.rows[-1]["step"] == progress.step:
                log.add_scalar("psnr", progress.rows[-1]["psnr"], progress.step)
            tell(progress, loss)

        average, progress = descend(
            *_game(net, recipe, teacher),
            Pairs([eight_bit(photo, recipe) for photo in seen], recipe),
            recipe,
            folder / "checkpoint.pt",
            lambda candidate: _validate(candidate, samples),
            follow,
            stop_at,
        )
    if progress.step < recipe.steps or not leads:
        return None
    for parameter in average.parameters():  # what is shipped is what is drawn and scored
        parameter.data = parameter.data.half().float()
    draw_run(folder / "run.png", recipe, progress.rows, average, [(y, x) for y, x in samples[:4]])
    arrays = {name: value.contiguous().numpy() for name, value in average.state_dict().items()}
    card = card_of(recipe, method, net, progress, seen)
    if start:
        card["start"] = begun_from(start)
    if teacher:
        card["teacher"] = begun_from(teacher)
    onnx = linked(to_onnx(average, recipe.planes, method.multiple), packed(arrays), f"{recipe.name}.safetensors")
    return store(recipe.name, out, arrays, onnx, card)


def _check(recipe: Recipe, method: Method) -> None:
    """Raise RestoraError or BadRecipe for what would fail later, or never end well."""
    if method.kind != "learned":
        raise RestoraError(f"{method.name} is {method.kind}: there is nothing to train")
    for words in recipe.damages:
        draw(words, np.random.default_rng(0))  # words that do not parse are to fail now
    multiple = math.lcm(method.multiple, *recipe.scales)
    if recipe.patch % multiple:
        raise BadRecipe(f"recipe {recipe.name}: patch must be a multiple of {multiple}, not {recipe.patch}")


def _begin(net: "nn.Module", start: Weights, y: "Tensor") -> None:
    """Begin from weights of a related net, or of a wider one; y (B, planes, H, W) are pictures as it will see them."""
    from restora.learn.prune import prune_into, wider
    from restora.learn.start import begin_from, revive

    theirs = _net_of(start)
    if type(theirs) is type(net) and wider(theirs, net):
        prune_into(net, theirs, y[:1])
    else:
        begin_from(net, start.arrays())
    revive(net, y)


def _game(net: "nn.Module", recipe: Recipe, teacher: Weights | None) -> tuple[dict[str, "nn.Module"], list["Player"]]:
    """The nets and the players of a recipe."""
    from restora.learn.adversary import rivals
    from restora.learn.loop import alone
    from restora.nets.critic import Critic

    if recipe.adversary > 0:
        return {"f": net, "d": Critic(recipe.channels)}, rivals(recipe)
    return {"f": net}, alone(recipe, _taught_by(teacher, recipe) if teacher else None)


def _taught_by(weights: Weights, recipe: Recipe) -> "nn.Module":
    """The net of some weights, to teach by. Raises BadRecipe if it does not take what the recipe's net takes."""
    from restora.learn.optimiser import layout

    theirs = recipe_from(weights.recipe, weights.name)
    if (theirs.planes, theirs.channels) != (recipe.planes, recipe.channels) or recipe.patch % weights.card["multiple"]:
        raise BadRecipe(f"recipe {recipe.name}: {weights.name} takes other pictures and cannot teach this net")
    net = _net_of(weights)
    return net.to(memory_format=layout()).eval().requires_grad_(False)  # type: ignore[call-overload]


def _net_of(weights: Weights) -> "nn.Module":
    from restora.learn.start import begin_from

    recipe = recipe_from(weights.recipe, weights.name)
    net = method_named(weights.card["method"]).load()(channels=recipe.channels, **recipe.knobs)
    begin_from(net, weights.arrays())
    return net


def card_of(
    recipe: Recipe, method: Method, net: "nn.Module", progress: "Progress", seen: list[Photograph]
) -> dict[str, Any]:
    """All that is to be known about weights but their scores, which `restora bench denoise --cards` adds."""
    import torch

    from restora.learn.reach import measured_reach

    return {
        "name": recipe.name,
        "method": method.name,
        "paper": method.paper,
        "channels": recipe.channels,
        "multiple": method.multiple,
        "scale": recipe.scale,
        "scales": recipe.scales,
        "halo": measured_reach(net, recipe.planes, method.multiple),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "terms": recipe.terms,
        "recipe": recipe.as_dict(),
        "commit": _commit(),
        "trained": {
            "finished": datetime.now(UTC).date().isoformat(),
            "seconds": round(progress.seconds),
            "steps": progress.step,
            "earlier_schedules": progress.earlier,
            "machine": f"{processor()}, {torch.get_num_threads()} threads",
            "python": platform.python_version(),
            "torch": torch.__version__,
            "held_out_psnr": round(progress.rows[-1]["psnr"], 3),
            "held_out_protocol": f"{recipe.hold_out} photographs, centre 256x256, {validation(recipe)}, unclipped",
        },
        "scores": [],
        "photographs": [{"file": photo.path.name, "sha256": photo.sha256, "licence": photo.licence} for photo in seen],
    }


def begun_from(start: Weights) -> dict[str, Any]:
    """What a card says of the weights that training began from, and they of theirs."""
    kept = {key: start.card[key] for key in ("name", "commit", "trained", "start") if key in start.card}
    return kept | {"sha256": start.checksum}


def _validate(net: "nn.Module", samples: list[tuple[np.ndarray, np.ndarray]]) -> float:
    import torch

    scores = []
    with torch.no_grad():
        for y, x in samples:
            x_hat = net(torch.from_numpy(y[None]))[0].numpy().transpose(1, 2, 0)
            scores.append(measure(x_hat, x, PROTOCOLS["denoise"]).psnr)
    return float(np.mean(scores))


def _commit() -> str:
    """The commit of the code, with a plus sign if files differ from it; "unknown" outside a checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
