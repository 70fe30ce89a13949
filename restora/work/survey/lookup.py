"""What results say about a system of the survey: scores, costs and parameters, each with its command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from restora.core.errors import RestoraError
from restora.data.survey import Selection, System
from restora.metrics.protocol import PROTOCOLS
from restora.work.bench import read_table

Row = Mapping[str, str]
SUITES = ("denoise", "superres", "deblur", "inpaint", "translate", "video")
"""Results files that `restora bench NAME` writes."""
WITH_SETS = ("denoise", "superres", "deblur", "inpaint")
"""Suites that can be limited to a set."""
DAMAGE = {"denoise": "noise", "superres": "damage"}
"""The option of a suite for the damage."""
SCRIPTS = ("deep_prior", "regions")
"""Results files that benchmarks/NAME.py writes."""
NOISY = ("denoise", "deep_prior")
"""Results files whose rows say whether the noise was clipped."""
COSTS = ("denoise_cost", "superres_cost", "cost")
UNKNOWN = "two cores, processor not recorded"
PICTURE = 512 * 512
"""Pixels of the picture whose cost is measured."""


@dataclass(frozen=True)
class Score:
    """A measured value: PSNR in dB, and SSIM unless it was not measured."""

    label: str
    set: str
    psnr: float
    ssim: float | None
    protocol: str
    ssim_variant: str
    command: str  # for these rows alone
    suite: str  # for all rows of the method


@dataclass(frozen=True)
class Price:
    """The cost of a method on two cores. seconds: for a picture of `pixels`; megabytes: of the whole process."""

    seconds: float | None
    pixels: int
    megabytes: float | None
    engine: str
    precision: str
    machine: str
    busy: bool
    command: str
    memory_command: str
    size: str = "512x512"

    @property
    def seconds_a_megapixel(self) -> float | None:
        """None if the time was not measured."""
        return None if self.seconds is None else self.seconds / self.pixels * 1e6


class Results:
    """A folder of results files. Raises RestoraError if there is none of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._tables = folder, dict[str, list[dict[str, str]]]()
        if not (folder / "denoise.csv").is_file():
            raise RestoraError(
                f"{folder} holds no measurements of the survey; name the results folder of a checkout with --results"
            )

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a file, none if it does not exist."""
        if name not in self._tables:
            self._tables[name] = read_table(self.folder / f"{name}.csv", ())
        return self._tables[name]

    def scores(self, system: System) -> list[Score]:
        """The measured values of a system; those without rows are left out."""
        return [score for each in system.measured if (score := self._score(system, each))]

    def _score(self, system: System, wanted: Selection) -> Score | None:
        have = {"method": system.method, "weights": wanted.weights or system.weights, "precision": "f32"}
        rows = [row for row in self.rows(wanted.file) if _fits(row, dict(wanted.where), have)]
        if not rows:
            return None
        name = wanted.protocol or rows[0].get("protocol", "")
        ssims = [float(row["ssim"]) for row in rows if row.get("ssim")]
        protocol = PROTOCOLS.get(name)
        about = protocol.about.partition(" (")[0] if protocol else name
        if wanted.file in NOISY:
            about += f"; noise {'clipped to 0..1' if rows[0]['clipped'] == 'True' else 'neither clipped nor rounded'}"
        return Score(
            wanted.label,
            wanted.where.get("set", "").removeprefix("eval/"),
            fmean(float(row[wanted.psnr]) for row in rows),
            fmean(ssims) if ssims else None,
            about,
            rows[0].get("ssim_variant") or (protocol.ssim if protocol else ""),
            command_of(wanted.file, system.method, wanted.where),
            command_of(wanted.file, system.method, {}),
        )

    def price(self, system: System) -> Price | None:
        """The cost of a system, from the first file of costs that has it; None if it was not measured."""
        for name in COSTS:
            for row in self.rows(name):
                if (row["method"], row["weights"], row["threads"]) == (system.method, system.weights, "2"):
                    return self._timed(system, _price(name, system.method, row))
        return (
            self._timed(system, Price(None, PICTURE, None, "", "", UNKNOWN, False, "", "")) if system.seconds else None
        )

    def _timed(self, system: System, price: Price) -> Price:
        """The price with the time of a picture from the file that the system names, if it names one."""
        if not system.seconds:
            return price
        source = system.seconds
        have = {"method": system.method, "weights": system.weights, "precision": "f32"}
        rows = [row for row in self.rows(source["file"]) if _fits(row, source.get("where", {}), have)]
        if not rows:
            return price
        seconds, pixels = fmean(float(row[source["column"]]) for row in rows), int(source["pixels"])
        if source["column"] == "seconds_a_megapixel":
            seconds *= pixels / 1e6
        command = command_of(source["file"], system.method, source.get("where", {}))
        return replace(price, seconds=seconds, pixels=pixels, size=source["size"], engine=source["engine"],
            precision="f32", machine=UNKNOWN, busy=False, command=command)  # fmt: skip

    def counted(self, name: str) -> list[Row]:
        """The nets of a system at the size of its paper, in order, with `part`, `net` and `parameters`."""
        return [row for row in self.rows("parameters") if row["method"] == name]


def _price(name: str, method: str, row: Row) -> Price:
    """The price in a row of a file of costs."""
    seconds = None if row.get("knobs") else float(row["seconds_a_megapixel"]) * PICTURE / 1e6  # of fewer steps
    command = command_of(name, method, {}, row.get("knobs", ""))
    return Price(
        seconds, PICTURE, float(row["peak_megabytes"]), row["engine"], row["precision"], row.get("machine") or UNKNOWN,
        float(row.get("load") or 0) > int(row["threads"]), command, command,
    )  # fmt: skip


def command_of(file: str, method: str, where: Mapping[str, str], knobs: str = "") -> str:
    """The command that measures rows of a results file. knobs: as JSON, those that were changed."""
    if file in SCRIPTS:
        return f"RESTORA_DATA=DIR python benchmarks/{file}.py"
    if file == "cost":
        changed = "".join(f" --set {name}={value}" for name, value in json.loads(knobs or "{}").items())
        return f"restora bench cost --method {method}{changed}"
    suite = file.removesuffix("_cost")
    words = f"restora bench {suite} --data DIR --method {method}"
    if suite in WITH_SETS and "set" in where:
        words += f" --set {where['set'].partition('[')[0]}"
    if suite in DAMAGE and "damage" in where:
        words += f' --{DAMAGE[suite]} "{where["damage"]}"'
    return words


def _fits(row: Row, where: Mapping[str, str], have: Mapping[str, str]) -> bool:
    """Whether a row has the values, and those of `have` whose columns it has; without a column for the method, none."""
    if any(row.get(key) != value for key, value in where.items()):
        return False
    return "method" not in row or all(row[key] == value for key, value in have.items() if key in row)
