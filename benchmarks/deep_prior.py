"""Deep Image Prior against DeepDLP: the same four pictures, the same noise, no data.

The protocol is that of Deep Image Prior: noise of sigma 25/255, clipped to 0..1, PSNR of results that are neither
clipped nor rounded. DIP stops by its own rule, at the latest after 1500 steps; DeepDLP gets 400. A step of both costs
the same, so DeepDLP always has less time. Non-local means, non-local Bayes and, if installed, BM3D are also measured,
because the literature compares DIP with the first and the last on other pictures. Writes results/deep_prior.csv, row by
row; existing rows are skipped.

    RESTORA_DATA=DIR python benchmarks/deep_prior.py [PICTURE ...]

Two processes with one thread (OMP_NUM_THREADS=1) and two pictures each are faster than one with two threads.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from restora.core.errors import MissingExtra
from restora.core.method import Made
from restora.data.sets import test_set
from restora.files.picture import read
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "deep_prior.csv"
PICTURES = ("01", "02", "03", "05")  # of Set12, those of 256x256: cameraman, house, peppers, monarch
SIGMA = 25 / 255
METHODS = ("dip", "deepdlp", "nlm", "nl-bayes", "bm3d")
ITERATIONS = {"dip": 1500, "deepdlp": 400}
WIDTH = 64


def row_of(path: Path, name: str) -> dict[str, str]:
    """The row of one method on one picture. Raises MissingExtra if the method's package is not installed."""
    x = read(path).pixels
    y = np.clip(x + np.random.default_rng(0).normal(0, SIGMA, x.shape), 0, 1).astype(np.float32)
    method = method_named(name)
    options: dict[str, object] = {knob.name: knob.default for knob in method.knobs}
    if "sigma" in options:
        options["sigma"] = SIGMA
    if name in ITERATIONS:
        options |= {"width": WIDTH, "iterations": ITERATIONS[name], "seed": 0, "tell": lambda done, total: None}
    function = method.load()
    started = time.perf_counter()
    made = function(y, **options)
    seconds = time.perf_counter() - started
    x_hat, ended = (made.x_hat, made.note) if isinstance(made, Made) else (made, "")
    scores = measure(x_hat, x, PROTOCOLS["float"])
    row = {
        "picture": path.stem,
        "method": name,
        "width": WIDTH if name in ITERATIONS else "",
        "sigma": SIGMA,
        "seed": 0,
        "clipped": True,
        "protocol": "float",
        "psnr": round(scores.psnr, 3),
        "ssim": round(scores.ssim, 4),
        "seconds": round(seconds, 1),
        "ended": ended,
    }
    return {key: str(value) for key, value in row.items()}


def main(pictures: Sequence[str]) -> None:
    """Fit, score, print and write."""
    for path in test_set("Set12").paths:
        for name in METHODS if path.stem in pictures else ():
            if any((r["picture"], r["method"]) == (path.stem, name) for r in read_table(RESULTS, ("picture",))):
                continue
            try:
                row = row_of(path, name)
            except MissingExtra as missing:
                print(missing)
                continue
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            rows = [*read_table(RESULTS, ("picture",)), row]  # another process may have written meanwhile
            write_table(RESULTS, sorted(rows, key=lambda r: (r["picture"], METHODS.index(r["method"]))))


if __name__ == "__main__":
    main(sys.argv[1:] or PICTURES)
