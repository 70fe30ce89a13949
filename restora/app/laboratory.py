"""Commands for training: degrade, methods, show, train, adapt, weights."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.options import AsJson, ExactQuality, Force, MaxPixels, Source, amount, show_json
from restora.core.errors import BadRecipe

if TYPE_CHECKING:
    from restora.learn.loop import Progress

weights = typer.Typer(help="Import, list and verify weights.", no_args_is_help=True, rich_markup_mode=None)


def degrade(
    picture: Source,
    damage: Annotated[str, typer.Argument(help='Damage words, as "blur(sigma=2) | noise(sigma=0.1)".')],
    output: Annotated[Path, typer.Option("-o", "--output", help="Output file; - for standard output.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 0,
    quality: ExactQuality = 95,
    max_pixels: MaxPixels = "400MP",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Damage a picture in a reproducible way.

    Example: restora degrade clean.png "blur(motion, length=15, angle=30) | noise(sigma=0.1)" -o bad.png --seed 0
    """
    from restora.damage.words import parse
    from restora.files.picture import open_picture
    from restora.files.save import check_output, write
    from restora.work.degrade import degrade as damaged

    words = parse(damage)
    source = open_picture(picture, amount(max_pixels))
    kind = check_output(output, source.shape, force, source.format)
    result = damaged(source.load(), words, seed)
    notes = [*source.meta.notes, *write(result, output, force=force, quality=quality, kind=kind)]
    if source.has_alpha and result.alpha is None:
        notes.append("the transparency was dropped, because the size changed")
    if as_json:
        told = json.dumps({"output": str(output), "damage": str(words), "seed": seed, "notes": notes}, indent=2)
        typer.echo(told, err=output == Path("-"))  # the picture goes to standard output
    else:
        for note in notes:
            typer.echo(f"note: {note}", err=True)


def methods(as_json: AsJson = False) -> None:
    """List the methods.

    Example: restora methods
    """
    from restora.methods.table import METHODS

    if as_json:
        show_json([method.as_dict() for method in METHODS.values()])
        return
    wide = max(map(len, METHODS))
    for method in METHODS.values():
        print(f"{method.name:{wide}}  {method.kind:13}  {', '.join(method.treats):15}  {method.about}")


def show(method: Annotated[str, typer.Argument(help="One of: restora methods.")], as_json: AsJson = False) -> None:
    """Show one method: knobs, receptive field, paper, weights.

    Example: restora show nlm
    """
    from restora.methods.table import method_named

    facts = method_named(method).as_dict()
    if as_json:
        show_json(facts)
        return
    knobs = facts.pop("knobs")
    for name, value in facts.items():
        told = ", ".join(value) if isinstance(value, list) else value
        print(f"{name:9} {'-' if told == '' else told}")
    for name, knob in knobs.items():
        default = "measured" if knob["default"] is None else knob["default"]
        print(f"  --set {name}={default}: {knob['description']}, {knob['minimum']:g} to {knob['maximum']:g}")


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe: recipes/*.toml.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the weights; default: that of the package.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder for checkpoints and logs.")] = None,
    stop_at: Annotated[
        int | None, typer.Option(min=1, help="Stop at this step; the same command without it resumes.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Train for this time instead of the steps and stages of the recipe.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Worker processes for batches; default: depends on the device.")
    ] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the nets with torch.compile.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train weights from a recipe, or resume a stopped run. With torchrun, several processes share the work.

    Needs restora[lab]. The recipes of this project need the photographs of docs/data.md, unless they are given others.

    Example: restora train small/dncnn.small.toml --out my-weights
    Example: restora train recipes/pix2pix.facades.toml --set data.pairs=my-pairs --set tag=mine --minutes 1 --out mine
    """
    from restora.learn.recipe import read_recipe
    from restora.learn.weights import SHIPPED
    from restora.work.train import RUNS, Compute
    from restora.work.train import train as run

    changed = read_recipe(recipe, change or ())
    steps = sum(each.steps for each in changed.runs)
    if stop_at and minutes:
        raise BadRecipe("give --stop-at or --minutes, not both")
    if stop_at and stop_at > steps:
        raise BadRecipe(f"--stop-at {stop_at} is more than the {steps} steps of the recipe")

    def tell(progress: "Progress", before: int) -> None:
        if progress.rows and progress.rows[-1]["step"] == progress.step:
            typer.echo(_standing(progress, before, steps, minutes), err=True)

    compute = Compute(device, compiled, workers)
    made = run(changed, tell, runs=runs or RUNS, out=out or SHIPPED, stop_at=stop_at, minutes=minutes, compute=compute)
    if made is None:
        if stop_at:
            typer.echo(f"stopped at step {stop_at}; the same command without --stop-at resumes", err=True)
    elif as_json:
        show_json({"name": made.name, "folder": str(made.folder), "sha256": made.checksum})
    else:
        print(f"{made.name} written to {made.folder}")


def _standing(progress: "Progress", before: int, steps: int, minutes: float | None) -> str:
    """Where a training stands, by its newest row; `before`: steps of earlier stages, of `steps` in all."""
    row, step, behind = progress.rows[-1], before + progress.step, progress.seconds / 60
    left = minutes - behind if minutes else behind / progress.step * (steps - step)
    at = f"step {step}" if minutes else f"step {step}/{steps}"
    return f"{at}  loss {row['loss']:.5f}  held-out score {row['score']:.2f}  {max(0, left):.0f} min left"


def adapt(
    folder: Annotated[Path, typer.Argument(help="Your noisy pictures, from one camera in similar light.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Name of the weights, as my-camera.")],
    start: Annotated[str, typer.Option(help="Start weights; default: those of the flagship.")] = "",
    steps: Annotated[int, typer.Option(min=1, help="Maximum number of steps; it may stop earlier.")] = 600,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the random numbers.")] = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a denoiser on your own noisy pictures; needs no clean ones. Then: restora denoise --weights NAME.

    Needs restora[lab]. With the 600 steps of the default it takes some minutes.

    Example: restora adapt my-photos -o my-camera --steps 20
    """
    from restora.methods.table import METHODS
    from restora.work.adapt import adapt as run
    from restora.work.plan import FLAGSHIP

    def tell(steps: int, before: float, now: float) -> None:
        typer.echo(f"step {steps}: {now - before:+.2f} dB on a held-out picture", err=True)

    begin = start or METHODS[FLAGSHIP].weights[0]
    made = run(folder, output, tell, start=begin, steps=steps, seed=seed, force=force)
    gain = made.card["adapted"]["gain_db"]
    if as_json:
        show_json({"name": made.name, "folder": str(made.folder), "adapted": made.card["adapted"]})
    else:
        print(f"{made.name} written to {made.folder}: {gain:+.2f} dB on a held-out picture")


def export(
    names: Annotated[list[str] | None, typer.Argument(help="Weights; default: all installed ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make int8 models of weights, if they pass the quality gate.

    Needs restora[lab], and the photographs on which the weights were trained; for the shipped ones see docs/data.md.

    Example: restora export my-weights/dncnn.small.json
    """
    from restora.learn.weights import find, listed
    from restora.work.export import export as run

    verdicts = {}
    for name in names or [each for each in sorted(listed()) if "recipe" in find(each).card]:
        made, verdict = run(name, lambda text, name=name: typer.echo(f"{name}: {text}", err=True))  # type: ignore[misc]
        verdicts[name] = made.card["int8"]
        if not as_json:
            lost = f"mean loss {verdict.mean_loss:.3f} dB, largest loss {verdict.worst_loss:.2f} dB"
            print(f"{name}: {'int8 passed' if verdict.passed else 'int8 refused'}; {lost}")
    if as_json:
        show_json(verdicts)


@weights.command("add")
def add_weights(
    file: Annotated[Path, typer.Argument(help="A .safetensors or .pth file of an architecture that spandrel knows.")],
    name: Annotated[str, typer.Option(help="Name for them, as mine.nafnet.")],
    licence: Annotated[str, typer.Option(help="Licence given by their author, for the card.")] = "",
    task: Annotated[
        str | None, typer.Option(help="denoise, jpeg, enlarge, fill or deblur; guessed from the net and its names.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Import weights that others trained. Then: restora upscale --weights NAME, or denoise --weights NAME.

    Needs restora[zoo].

    Example: restora weights add net.safetensors --name mine.net --licence MIT
    """
    from restora.work.add import add, facts

    made = add(file, name, licence, lambda text: typer.echo(text, err=True), task=task, force=force)
    if as_json:
        show_json(made.card)
    else:
        print(f"{made.name} written to {made.folder}: {facts(made.card)}")


@weights.command("list")
def list_weights(as_json: AsJson = False) -> None:
    """List the weights with their terms of use.

    Example: restora weights list
    """
    from restora.learn.weights import find, listed

    cards = [find(name).card for name in sorted(listed())]
    if as_json:
        show_json(cards)
        return
    for card in cards:
        print(f"{card['name']:16} {card['task']:7} {card['parameters'] / 1e6:5.2f} M parameters  {card['terms']}")


@weights.command("verify")
def verify_weights(as_json: AsJson = False) -> None:
    """Verify that every installed weights file is the published one.

    Example: restora weights verify
    """
    from restora.learn.weights import listed, verify

    sums = {name: verify(name, folder).checksum for name, folder in sorted(listed().items())}
    if as_json:
        show_json(sums)
        return
    for name, checksum in sums.items():
        print(f"{name}: as published ({checksum[:12]})")
