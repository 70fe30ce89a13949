"""Start time, and the time for a whole photograph: commands in cold processes, from the start to the written file.

python benchmarks/start.py

Each command runs once to warm the disk cache, then several times, of which the median counts. The first run also fills
the engine's cache of compiled models, as on any machine after its first run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from skimage.data import chelsea

from restora.core.image import Image
from restora.core.processor import machine
from restora.files.save import write
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "start.csv"


def seconds(words: list[str]) -> float:
    """Wall time of a command."""
    began = time.perf_counter()
    subprocess.run([str(Path(sys.executable).with_name("restora")), *words], check=True, capture_output=True)
    return time.perf_counter() - began


def noisy(name: str, x: np.ndarray) -> None:
    """Write a picture with white noise of sigma 25/255."""
    y = x + 0.1 * np.random.default_rng(0).standard_normal(x.shape, np.float32)
    write(Image(y.clip(0, 1)), Path(name))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        cat = chelsea().astype("float32") / 255
        noisy("photo.png", np.tile(cat, (2, 2, 1))[:512, :512])
        noisy("large.jpg", np.tile(cat, (10, 9, 1))[:3000, :4000])
        for command, picture, times in (
            ("methods", "", rounds),
            ("diagnose photo.png", "512x512 PNG", rounds),
            ("denoise photo.png -o out.png --force", "512x512 PNG", rounds),
            ("fix photo.png -o out.png --force", "512x512 PNG", rounds),
            ("denoise large.jpg -o out.jpg --force", "4000x3000 JPEG", 3),
            ("fix large.jpg -o out.jpg --force", "4000x3000 JPEG", 3),
        ):
            first = seconds(command.split())
            taken = [seconds(command.split()) for _ in range(times)]
            row = {
                "machine": machine(),
                "command": f"restora {command.removesuffix(' --force')}",
                "picture": picture,
                "first": f"{first:.2f}",
                "median": f"{median(taken):.2f}",
                "slowest": f"{max(taken):.2f}",
            }
            print(row, flush=True)
            known = read_table(RESULTS, list(row))
            others = [old for old in known if any(old[key] != row[key] for key in list(row)[:2])]
            write_table(RESULTS, [*others, row])


if __name__ == "__main__":
    main()
