"""The table of the survey: a line for each system, a cell for each quantity, from results and cards only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restora.core.errors import NoWeights
from restora.data.survey import System, systems
from restora.engines.choice import ENGINES
from restora.learn.weights import Weights, find, trainings
from restora.work.survey.lookup import Price, Results, Score
from restora.work.survey.losses import losses_of
from restora.work.survey.marks import (
    Mark,
    figure,
    lasting,
    millions,
    of_parameters,
    of_scores,
    of_time,
    of_training,
    psnr_of,
)

COLUMNS = {
    "task": "task",
    "architecture": "architecture of the shipped net",
    "parameters": "parameters, paper-sized",
    "shipped": "parameters, shipped",
    "loss": "loss",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "protocol": "protocol",
    "training": "training",
    "time": "time for a picture",
    "seconds_a_megapixel": "s per megapixel",
    "memory": "memory (MB)",
    "engine": "engine, precision",
    "data": "data",
    "terms": "terms of use",
}
"""The quantities and their titles."""
CLAIMED = ("parameters", "loss", "psnr", "ssim", "training", "time", "data")
"""The quantities about which the survey claims something."""
SSIM = {"wang": "SSIM of Wang: Gaussian 11x11, valid region", "uniform": "SSIM with uniform windows of 7x7"}
UNTRAINED = "nothing is trained"
UNCLAIMED = "not in the survey's table"
PARAMETERS = "python benchmarks/parameters.py"
CARDS = "restora weights list --json"


@dataclass(frozen=True)
class Cell:
    """A value, or the reason why there is none; what is claimed, its mark, and the reason of the mark.

    number: what the column is sorted by. command: what measures it.
    """

    text: str = ""
    reason: str = ""
    number: float | None = None
    command: str = ""
    claimed: str = ""
    mark: str = ""
    why: str = ""
    fact: str = ""  # of several values, the one that the mark is about


@dataclass(frozen=True)
class Line:
    """A system with its cells by quantity. claimed: whether it is one of the survey's."""

    system: System
    claimed: bool
    cells: Mapping[str, Cell]
    scores: Sequence[Score]


def survey(folder: Path) -> list[Line]:
    """The whole table from a folder of results. Raises RestoraError if there are none."""
    results = Results(folder)
    return [_line(results, system) for system in systems()]


def _line(results: Results, system: System) -> Line:
    weights, scores, price = _weights(system), results.scores(system), results.price(system)
    cells = {"task": Cell(system.task), "architecture": Cell(system.architecture)}
    cells |= _sizes(results, system, weights)
    cells["loss"] = Cell(losses_of(weights.card), command=CARDS) if weights else Cell(*_untrained(system))
    cells |= _scores(scores) | _costs(price)
    cells |= _trained(system, weights)
    explained = {key: replace(cells[key], reason=why) for key, why in system.explained.items() if not cells[key].text}
    cells |= explained
    if system.claimed:
        cells |= _marked(system, cells, scores, price, weights, _counts(results, system))
    else:
        cells |= {key: replace(cells[key], why=UNCLAIMED) for key in CLAIMED}
    return Line(system, system.claimed is not None, {key: cells[key] for key in COLUMNS}, scores)


def _weights(system: System) -> Weights | None:
    try:
        return find(system.weights) if system.weights else None
    except NoWeights:
        return None


def _untrained(system: System) -> tuple[str, str]:
    """The loss of a system without a card: text, or a reason."""
    if system.method in ("dip", "deepdlp"):
        return "MSE to the picture itself" + (", and to the guide" if system.method == "deepdlp" else ""), ""
    return "", "no weights are shipped, so no card has it" if system.weights else UNTRAINED


def _counts(results: Results, system: System) -> list[tuple[int, str]]:
    return [(int(row["parameters"]), _named(row)) for row in results.counted(system.method)]


def _named(row: Mapping[str, str]) -> str:
    return f"{row['part']}, {row['net']}" if row["part"] else row["net"]


def _sizes(results: Results, system: System, weights: Weights | None) -> dict[str, Cell]:
    counts, measured = _counts(results, system), results.counted(system.weights) if system.weights else []
    paper, shipped = Cell(reason=UNTRAINED), Cell(reason=UNTRAINED)
    if counts:
        text = "; ".join(f"{millions(count)} ({net})" for count, net in counts)
        paper = Cell(text, number=counts[0][0], command=PARAMETERS)
    if weights:
        count = int(weights.card["parameters"])
        shipped = Cell(f"{millions(count)} ({weights.name})", number=count, command=CARDS)
    elif measured:
        count = int(measured[0]["parameters"])
        shipped = Cell(f"{millions(count)} (not shipped; {_named(measured[0])})", number=count, command=PARAMETERS)
    return {"parameters": paper, "shipped": shipped}


def _scores(scores: Sequence[Score]) -> dict[str, Cell]:
    if not scores:
        missing = Cell(reason="not measured")
        return {"psnr": missing, "ssim": missing, "protocol": missing}
    known = [score for score in scores if score.ssim is not None]
    commands = " && ".join(dict.fromkeys(score.suite for score in scores))
    psnr = Cell("; ".join(map(psnr_of, scores)), "", scores[0].psnr, commands)
    ssim = Cell(reason="not measured")
    if known:
        text = "; ".join(f"{s.ssim:.4f} ({s.label})" for s in known)
        ssim = Cell(text, "", known[0].ssim, commands)
    about = f"{scores[0].protocol}; {SSIM[scores[0].ssim_variant]}" if known else scores[0].protocol
    return {"psnr": psnr, "ssim": ssim, "protocol": Cell(about)}


def _costs(price: Price | None) -> dict[str, Cell]:
    keys = ("time", "seconds_a_megapixel", "memory", "engine")
    if price is None:
        return dict.fromkeys(keys, Cell(reason="not measured"))
    each, busy = price.seconds_a_megapixel, ", beside other work" if price.busy else ""
    time, seconds, memory = (Cell(reason="not measured") for _ in range(3))
    if price.seconds is not None and each is not None:
        about = f"{price.size}, {price.machine}{busy}"
        time = Cell(f"{figure(price.seconds)} s ({about})", "", price.seconds, price.command)
        seconds = Cell(figure(each), "", each, price.command)
    if price.megabytes:
        memory = Cell(f"{price.megabytes:.0f}", "", price.megabytes, price.memory_command)
    engine = price.engine if price.engine in ENGINES else "no net"
    return dict(zip(keys, (time, seconds, memory, Cell(f"{engine}, {price.precision}")), strict=True))


def _trained(system: System, weights: Weights | None) -> dict[str, Cell]:
    """The cells about training, from the card."""
    if weights is None:
        nothing = Cell(reason=UNTRAINED)
        if not system.weights:
            return {"training": nothing, "data": Cell("none"), "terms": Cell("Apache-2.0, as the code")}
        missing = Cell(reason="no weights are shipped, so no card has it")
        return {"training": missing, "data": missing, "terms": missing}
    card = weights.card
    runs = trainings(card)
    seconds, steps = (sum(run[key] for run in runs) for key in ("seconds", "steps"))
    machines = ", ".join(dict.fromkeys(run["machine"] for run in runs))
    text = f"{seconds} s, {lasting(seconds)} ({steps} steps, {machines})"
    command = f"restora train recipes/{weights.name}.toml"
    return {
        "training": Cell(text, "", seconds, command),
        "data": Cell(_data(card), command=CARDS),
        "terms": Cell(card["terms"], command=CARDS),
    }


def _data(card: Mapping[str, Any]) -> str:
    """How many photographs of which folders; clips count among them."""
    data = card["recipe"]["data"]
    clips = data.get("clips", [])
    kind = "photographs and clips" if clips else "photographs"
    return f"{len(card['photographs'])} {kind} of {' and '.join([*data['folders'], *clips])}"


def _marked(
    system: System,
    cells: Mapping[str, Cell],
    scores: Sequence[Score],
    price: Price | None,
    weights: Weights | None,
    counts: Sequence[tuple[int, str]],
) -> dict[str, Cell]:
    """The cells about which the survey claims something, with claims, marks and reasons."""
    claim = system.claimed
    assert claim is not None
    said = {
        "parameters": _range(claim.parameters, "M"), "loss": claim.loss, "psnr": _range(claim.psnr, "dB"),
        "ssim": _range(claim.ssim, ""), "training": _range(claim.days, "days"),
        "time": _range(claim.milliseconds, "ms"), "data": claim.data,
    }  # fmt: skip
    said |= {"training" if key == "days" else key: words for key, words in claim.words.items()}
    computed: dict[str, Mark] = {}
    full = counts[0][0] if counts else (claim.parameters or (0, 0))[0] * 1e6
    smaller = 0 < (cells["shipped"].number or 0) < 0.9 * full
    if claim.parameters and counts:
        computed["parameters"] = of_parameters(claim.parameters, counts)
    if scores:
        computed["psnr"], computed["ssim"] = of_scores(claim, scores)
    if weights:
        computed["training"] = of_training(sum(run["seconds"] for run in trainings(weights.card)), smaller)
    if price:
        computed["time"] = of_time(claim.milliseconds, price, smaller)
    silent = Mark("another protocol", "nothing comparable was measured here")
    marked = {}
    for key in CLAIMED:
        found = computed.get(key, silent)
        mark, why = system.judged.get(key, (found.mark, found.why))
        marked[key] = replace(cells[key], claimed=said[key], mark=mark, why=why, fact=found.fact)
    return marked


def _range(values: tuple[float, float] | None, unit: str) -> str:
    if values is None:
        return ""
    digits = 2 if values[1] <= 1 and not unit else 0
    low, high = (f"{value:.{digits}f}" if digits else f"{value:g}" for value in values)
    return f"{low} {unit}".strip() if low == high else f"{low}-{high} {unit}".strip()


def empty(lines: Sequence[Line]) -> Iterator[str]:
    """The cells without a value and without a reason, as "system: quantity"."""
    for line in lines:
        for key, cell in line.cells.items():
            if not cell.text and not cell.reason:
                yield f"{line.system.name}: {key}"
