"""Commands that measure: bench denoise, superres, jpeg, deblur, inpaint, speed, refresh."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restora.app.options import Force
from restora.core.errors import BadDamage, OutputExists, RestoraError
from restora.core.names import nearest
from restora.core.plan import PRECISIONS

if TYPE_CHECKING:
    from restora.work.bench import Row
    from restora.work.benchmark_page import Subject
    from restora.work.suite import Entry

Data = Annotated[Path | None, typer.Option(help="Folder of data sets; $RESTORA_DATA by default.")]
Methods = Annotated[list[str] | None, typer.Option(help="A method, or nothing; may be repeated.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="A test set; may be repeated.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use at most this many pictures of each set.")]
Page = Annotated[Path | None, typer.Option(help="Write an HTML page with tables, a plot and crops.")]
Precision = Annotated[str, typer.Option(help="Precision of the nets: f32, bf16 or int8.")]
Engine = Annotated[str, typer.Option(help="Engine of the nets: openvino, onnxruntime or torch.")]
Again = Annotated[bool, typer.Option("--again", help="Measure existing rows again.")]
Costs = Annotated[bool, typer.Option(help="Measure speed and memory too.")]
Cards = Annotated[bool, typer.Option("--cards", help="Copy the scores to the cards of the weights.")]

bench = typer.Typer(help="Measure methods on test sets.", no_args_is_help=True, rich_markup_mode=None)


@bench.callback()
def _group() -> None:
    """Measure methods on test sets."""


@bench.command()
def denoise(
    data: Data = None,
    method: Methods = None,
    sets: Sets = None,
    noise: Annotated[list[str] | None, typer.Option(help="Damage words; may be repeated.")] = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for denoise.csv and denoise_cost.csv.")] = Path("results"),
    page: Page = None,
    force: Force = False,
    precision: Precision = "f32",
    engine: Engine = "openvino",
    again: Again = False,
    cost: Costs = True,
    cards: Cards = False,
) -> None:
    """Measure every denoiser on the noise it treats, row by row into results/denoise.csv. Can be stopped and resumed.

    Methods that fit a net to each picture take minutes per picture and run only if named.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench denoise --data data --method restora --set Set12 --limit 2 --no-cost --out out
    """
    from restora.damage.words import parse
    from restora.methods.table import METHODS
    from restora.work import suite
    from restora.work.benchmark_page import DENOISING

    usual = [suite.NOTHING, *(name for name, row in METHODS.items() if not row.minutes)]
    _check(data, method or [], [suite.NOTHING, *METHODS], precision, sets or suite.SETS, page, force)
    noises = [str(parse(words)) for words in noise or suite.NOISES]  # one spelling each: rows are found by it
    todo = list(suite.entries(method or usual, sets or suite.SETS, noises))
    options = {"limit": limit, "again": again, "precision": precision, "engine": engine}
    _run(todo, out, DENOISING, page, options, cost=cost, cards=cards)


@bench.command()
def superres(
    data: Data = None,
    method: Annotated[list[str] | None, typer.Option(help="A method; may be repeated.")] = None,
    sets: Sets = None,
    scale: Annotated[list[int] | None, typer.Option(min=2, max=8, help="Scale; default: 2, 3 and 4.")] = None,
    damage: Annotated[list[str] | None, typer.Option(help="Damage words with a shrink, instead of scales.")] = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for superres.csv and superres_cost.csv.")] = Path("results"),
    page: Page = None,
    force: Force = False,
    precision: Precision = "f32",
    engine: Engine = "openvino",
    again: Again = False,
    cost: Costs = True,
    cards: Cards = False,
) -> None:
    """Measure every super-resolution method, on luma, row by row into results/superres.csv.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench superres --data data --method bicubic --set Set5 --scale 2 --no-cost --out out
    """
    from restora.damage.words import parse
    from restora.methods.table import METHODS
    from restora.work import suite
    from restora.work.benchmark_page import ENLARGING

    usual = [name for name, row in METHODS.items() if "shrink" in row.treats]
    _check(data, method or [], usual, precision, sets or suite.ENLARGED, page, force)
    damages = [f"shrink(scale={each})" for each in scale or ()] + [str(parse(words)) for words in damage or ()]
    todo = list(suite.entries(method or usual, sets or suite.ENLARGED, damages or (*suite.SHRINKS, *suite.FOUND)))
    options = {"limit": limit, "again": again, "precision": precision, "engine": engine}
    _run(todo, out, ENLARGING, page, options, cost=cost, cards=cards)


@bench.command()
def jpeg(
    data: Data = None,
    method: Methods = None,
    sets: Sets = None,
    quality: Annotated[list[int] | None, typer.Option(min=1, max=100, help="JPEG quality; may be repeated.")] = None,
    damage: Annotated[list[str] | None, typer.Option(help="Damage words of JPEG only, as jpeg(...).")] = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for jpeg.csv and jpeg_cost.csv.")] = Path("results"),
    page: Page = None,
    force: Force = False,
    precision: Precision = "f32",
    engine: Engine = "openvino",
    again: Again = False,
    cost: Costs = True,
    cards: Cards = False,
) -> None:
    """Measure JPEG artefact removal, on luma, row by row into results/jpeg.csv; PSNR-B counts block edges.

    Default: quality 10, 20, 30 and 40, and JPEG applied twice, on one grid and on two.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench jpeg --data data --method shifted-jpeg --set Classic5 --quality 10 --no-cost --out out
    """
    from restora.damage.jpeg import last_of_jpegs
    from restora.damage.words import parse
    from restora.methods.table import METHODS
    from restora.work import suite
    from restora.work.benchmark_page import DEBLOCKING

    usual = [suite.NOTHING, *(name for name, row in METHODS.items() if "jpeg" in row.treats)]
    _check(data, method or [], usual, precision, sets or suite.COMPRESSED, page, force)
    damages = [f"jpeg(quality={each})" for each in quality or ()]
    for words in damage or ():
        if not last_of_jpegs(made := parse(words)):
            raise BadDamage(f"{made} is not JPEG alone; measure it with restora bench denoise or superres")
        damages.append(str(made))
    todo = list(suite.entries(method or usual, sets or suite.COMPRESSED, damages or suite.JPEGS))
    options = {"limit": limit, "again": again, "precision": precision, "engine": engine}
    _run(todo, out, DEBLOCKING, page, options, cost=cost, cards=cards)


@bench.command()
def deblur(
    data: Data = None,
    method: Methods = None,
    sets: Sets = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for deblur.csv.")] = Path("results"),
    again: Again = False,
    cards: Cards = False,
) -> None:
    """Measure deblurring with known and with unknown kernels, row by row into results/deblur.csv.

    Methods that fit a net to each picture take minutes per picture and run only if named.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench deblur --data data --method wiener-deconvolution --set Set12 --limit 1 --out out
    """
    from restora.methods.table import TASKS
    from restora.work.cards import write_cards
    from restora.work.deblur_suite import KNOWN, UNKNOWN, run, tasks

    names = ["restora", *(row.name for row in TASKS["deblur"])]
    _check(data, method or [], names, "f32", sets or (*KNOWN, *UNKNOWN), None, False)
    todo = list(tasks(method or (), sets or ()))
    if not todo:
        raise RestoraError(f"nothing to measure; bench deblur has the sets {', '.join((*KNOWN, *UNKNOWN))}")
    out.mkdir(parents=True, exist_ok=True)
    run(todo, out / "deblur.csv", limit, again, typer.echo)
    for line in write_cards(out / "deblur.csv") if cards else ():
        typer.echo(line)


@bench.command()
def inpaint(
    data: Data = None,
    method: Methods = None,
    sets: Sets = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for inpaint.csv.")] = Path("results"),
    again: Again = False,
    cards: Cards = False,
) -> None:
    """Measure the filling of holes of several kinds, row by row into results/inpaint.csv.

    Methods that fit a net to each picture take minutes per picture and run only if named.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench inpaint --data data --method biharmonic --set Set12 --limit 1 --out out
    """
    from restora.methods.table import TASKS
    from restora.work.cards import write_cards
    from restora.work.inpaint_suite import SETS, run, tasks

    _check(data, method or [], [row.name for row in TASKS["fill"]], "f32", sets or SETS, None, False)
    todo = list(tasks(method or (), sets or ()))
    if not todo:
        raise RestoraError(f"nothing to measure; bench inpaint has the sets {', '.join(SETS)}")
    out.mkdir(parents=True, exist_ok=True)
    run(todo, out / "inpaint.csv", limit, again, typer.echo)
    for line in write_cards(out / "inpaint.csv") if cards else ():
        typer.echo(line)


@bench.command()
def translate(
    data: Data = None,
    method: Methods = None,
    limit: Limit = None,
    out: Annotated[Path, typer.Option(help="Folder for translate.csv.")] = Path("results"),
    again: Again = False,
    cards: Cards = False,
) -> None:
    """Measure the translation of aged prints and of label maps, row by row into results/translate.csv.

    Weights that are not here, because their data may not be shipped, are left out.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench translate --data data --method colour-transfer --limit 1 --out out
    """
    from restora.methods.table import METHODS
    from restora.work.cards import write_cards
    from restora.work.translate_suite import NOTHING, run, tasks

    todo = list(tasks(method or ()))
    _check(data, method or [], [NOTHING, *METHODS], "f32", (), None, False)
    if not todo:
        raise RestoraError("nothing to measure; see the methods for translation: restora methods")
    out.mkdir(parents=True, exist_ok=True)
    run(todo, out / "translate.csv", limit, again, typer.echo)
    for line in write_cards(out / "translate.csv") if cards else ():
        typer.echo(line)


@bench.command()
def video(
    data: Data = None,
    method: Methods = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Triplets or frames at most.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for video.csv.")] = Path("results"),
    again: Again = False,
    cards: Cards = False,
) -> None:
    """Measure frames made between others, and denoising of clips, row by row into results/video.csv.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench video --data data --method flow --limit 2 --out out
    """
    from restora.work.cards import write_cards
    from restora.work.interpolate import METHODS
    from restora.work.video_suite import FILTERS, NETS, NOTHING, run, tasks

    _check(data, method or [], [NOTHING, *METHODS, *FILTERS, *NETS], "f32", (), None, False)
    out.mkdir(parents=True, exist_ok=True)
    run(list(tasks(method or ())), out / "video.csv", limit, again, typer.echo)
    for line in write_cards(out / "video.csv") if cards else ():
        typer.echo(line)


SPEED = ("machine", "weights", "engine", "precision", "size")


@bench.command()
def speed(
    weights: Annotated[list[str] | None, typer.Option(help="Weights; default: those in the README.")] = None,
    size: Annotated[list[int] | None, typer.Option(min=64, help="Side of the picture; default: 512.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median counts.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder for speed.csv.")] = Path("results"),
    plot: Annotated[Path | None, typer.Option(help="Write a roofline plot of this machine as PNG.")] = None,
) -> None:
    """Measure the speed of nets with every engine and precision, and this machine's ceiling, into results/speed.csv.

    Needs restora[lab].

    Example: restora bench speed --weights restora.blind-small --size 128 --rounds 1 --out out
    """
    from dataclasses import asdict

    from restora.core.processor import machine
    from restora.work.bench import read_table, write_table
    from restora.work.roofline import draw_roofline
    from restora.work.speed import USUAL, Speed, speeds

    out.mkdir(parents=True, exist_ok=True)
    path = out / "speed.csv"
    kept = {tuple(row[key] for key in SPEED): row for row in read_table(path, SPEED)}

    def tell(row: Speed) -> None:
        values = {key: "" if value is None else str(value) for key, value in asdict(row).items()}
        kept[tuple(values[key] for key in SPEED)] = values
        write_table(path, [kept[key] for key in sorted(kept)])
        typer.echo(
            f"{row.weights} {row.size} {row.engine} {row.precision}: {row.seconds_a_megapixel:.3f} s per megapixel,"
            f" {row.times_eager:.2f} x eager, {100 * row.gops / row.ceiling_gops:.0f} % of the ceiling,"
            f" {row.peak_megabytes:.0f} MB"
        )

    speeds(weights or USUAL, size or [512], rounds, tell, typer.echo)
    if plot:
        draw_roofline([row for row in kept.values() if row["machine"] == machine()], plot)
        typer.echo(f"{plot} written")


@bench.command()
def refresh(
    data: Data = None,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    weights: Annotated[list[str] | None, typer.Option(help="Only these weights; may be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be measured, and stop.")] = False,
) -> None:
    """After weights were replaced: measure their rows again, then write the scores to cards and docs.

    It finds the rows of denoise.csv, superres.csv and jpeg.csv whose checksum is not that of the installed weights. It
    also measures new weights and removes rows of weights that are gone, and int8 rows of weights without an int8 model;
    run restora export first. It can be cancelled and restarted.

    Needs the data sets of docs/data.md, in the folder that --data names.

    Example: restora bench refresh --data data --out results --dry-run
    """
    from restora.work.cards import write_cards
    from restora.work.refresh import changes, elsewhere, measure, write_docs

    _check(data, [], [], "f32", [], None, False)
    if not out.is_dir():
        raise RestoraError(f"{out} is not a folder; name the folder of denoise.csv and the others with --out")
    found = changes(out, weights or ())
    lines = [line for each in found for line in each.lines()]
    typer.echo("\n".join(lines or ["all rows are up to date"]))
    if not dry_run:
        for each in found:
            measure(each, _tell, typer.echo)
        for line in (line for each in found if each.results.exists() for line in write_cards(each.results)):
            typer.echo(line)
        typer.echo(write_docs())
    if note := elsewhere(out, set().union(*(each.replaced for each in found))):
        typer.echo(note)


def _check(
    data: Path | None,
    methods: list[str],
    known: list[str],
    precision: str,
    sets: Sequence[str],
    page: Path | None,
    force: bool,
) -> None:
    """Raise RestoraError for options that the suite does not accept; set the data folder for all later calls."""
    from restora.work.suite import check_sets

    if data is not None:
        if not data.is_dir():
            raise RestoraError(f"{data} is not a folder; give the folder of the test sets with --data")
        os.environ["RESTORA_DATA"] = str(data)
    for name in methods:
        if name not in known:
            raise RestoraError(f"{name!r} is not a method of this benchmark; {nearest(name, known)}")
    if precision not in PRECISIONS:
        raise RestoraError(f"precision must be {', '.join(PRECISIONS)}, not {precision!r}")
    if page and ((page.exists() and not force) or not page.parent.is_dir()):
        raise OutputExists(f"{page} exists or its folder does not; overwrite it with --force")
    check_sets(sets)


def _run(
    todo: "list[Entry]",
    out: Path,
    subject: "Subject",
    page: Path | None,
    options: dict[str, Any],
    *,
    cost: bool,
    cards: bool,
) -> None:
    """Measure into out/NAME.csv and out/NAME_cost.csv, then write cards and page if requested."""
    from restora.files.save import write_text
    from restora.work import suite
    from restora.work.benchmark_page import page as html
    from restora.work.cards import write_cards

    out.mkdir(parents=True, exist_ok=True)
    results, costs = out / f"{subject.name}.csv", out / f"{subject.name}_cost.csv"
    suite.run(todo, results, **options, tell=_tell)
    if cost and (options["precision"], options["engine"]) == ("f32", "openvino"):
        suite.run_costs(todo, costs, again=options["again"], tell=typer.echo)
    if cards:
        for line in write_cards(results):
            typer.echo(line)
    if page:
        write_text(html(results, costs, subject), page, force=True)
        typer.echo(f"{page} written")


def _tell(entry: "Entry", row: "Row | None", note: str) -> None:
    what = f"{entry.set}, {entry.damage}: {entry.weights or entry.method}"
    if row:
        in_blocks = "" if row.psnr_b is None else f", PSNR-B {row.psnr_b:.2f} dB"
        note = f"{row.psnr:.2f} dB, SSIM {row.ssim:.4f}{in_blocks}"
    typer.echo(f"{what}: {note}")
