"""The command bench speed: nets with every engine and precision, beside the ceiling of the machine."""

from pathlib import Path
from typing import Annotated

import typer

SPEED = ("machine", "weights", "engine", "precision", "size")


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
