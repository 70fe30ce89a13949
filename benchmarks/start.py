"""The first second: commands in cold processes, from typing to the written file.

python benchmarks/start.py

Each command runs once to warm the disk, then some more times, of which the median counts. The first run also leaves
what the engine keeps of a compiled model; all runs but a machine's first find it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from skimage.data import chelsea

from restora.core.image import Image
from restora.engines.processor import machine
from restora.files.save import write
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "start.csv"


def seconds(words: list[str]) -> float:
    """Wall time of a command."""
    began = time.perf_counter()
    subprocess.run([str(Path(sys.executable).with_name("restora")), *words], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        square = chelsea()[:256, :256].repeat(2, 0).repeat(2, 1) / 255
        write(Image(square.astype("float32")), Path("clean.png"))
        seconds(["degrade", "clean.png", "noise(sigma=0.1)", "-o", "photo.png"])
        commands = (
            "methods", "diagnose photo.png", "denoise photo.png -o out.png --force", "fix photo.png -o out.png --force",
        )  # fmt: skip
        for command in commands:
            first = seconds(command.split())
            times = [seconds(command.split()) for _ in range(rounds)]
            row = {
                "machine": machine(),
                "command": f"restora {command.removesuffix(' --force')}",
                "picture": "512x512 PNG",
                "first": f"{first:.2f}",
                "median": f"{median(times):.2f}",
                "slowest": f"{max(times):.2f}",
            }
            print(row, flush=True)
            known = read_table(RESULTS, list(row))
            others = [old for old in known if any(old[key] != row[key] for key in list(row)[:2])]
            write_table(RESULTS, [*others, row])


if __name__ == "__main__":
    main()
