"""Commands of a campaign: run it, pack it for another machine, collect its weights."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from restora.core.errors import RestoraError


class RunsByDefault(TyperGroup):
    """`restora campaign FILE ...` is `restora campaign run FILE ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `run` before arguments that start with neither a command nor --help."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


campaign = typer.Typer(
    cls=RunsByDefault,
    help="Train many recipes in a given time: restora campaign FILE --minutes N -o OUT.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
DEFAULT = Path("recipes/campaign.toml")


@campaign.command("run")
def run(
    file: Annotated[Path, typer.Argument(help="A campaign: recipes/campaign.toml.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Time limit of the whole campaign.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="New folder for weights, log and curves.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Worker processes for batches; default: depends on the device.")
    ] = None,
) -> None:
    """Train the recipes of a campaign, each for its share of the time. `restora campaign FILE` is short for this.

    Needs restora[lab]. The campaign of this project is recipes/campaign.toml, for ten minutes on a GPU; it needs the
    photographs of docs/data.md.

    Example: restora campaign run small/campaign.toml --minutes 1 -o OUT
    """
    from restora.work.campaign.run import run_campaign

    outcomes = run_campaign(file, minutes, output, typer.echo, device=device, workers=workers)
    if not any(outcome.rows for outcome in outcomes):
        raise RestoraError(f"no recipe was trained; {output / 'campaign.log'} has the reasons")


@campaign.command("pack")
def pack(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    file: Annotated[Path, typer.Option("--campaign", help="A campaign.")] = DEFAULT,
) -> None:
    """Pack all that a machine without network needs to run a campaign, in at most 56 MB. Run it there: python3 run.py.

    Example: restora campaign pack PACK --campaign small/campaign.toml
    """
    from restora.work.campaign.pack import pack as lay_out

    lay_out(file, folder, typer.echo)
    typer.echo(f"run it there: python3 {folder.name}/run.py --minutes 9 --device cuda -o OUT")


@campaign.command("collect")
def collect(
    results: Annotated[Path, typer.Argument(help="Output folder of a campaign.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the weights; default: that of the package.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list which weights are better.")] = False,
) -> None:
    """Install the weights of a campaign that score better on held-out photographs than the installed ones.

    Then run restora bench refresh, which measures the new weights and writes cards and docs.

    Example: restora campaign collect OUT --out my-weights
    """
    from restora.learn.weights import SHIPPED
    from restora.work.campaign.collect import RECIPES
    from restora.work.campaign.collect import collect as judge

    recipes = None if out else RECIPES  # of the shipped weights only
    verdicts = judge(results, out or SHIPPED, typer.echo, recipes=recipes, dry_run=dry_run)
    taken = sum(verdict.better for verdict in verdicts)
    typer.echo(f"{taken} of {len(verdicts)} {'would be' if dry_run else 'were'} installed")
