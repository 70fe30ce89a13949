"""Deep Image Prior against DeepDLP: the same four pictures, the same noise, the same wall time, no data.

The protocol is that of Deep Image Prior: noise of sigma 25/255, clipped to 0..1, PSNR of what is neither clipped nor
rounded. DIP stops by its own rule; DeepDLP gets the seconds that DIP took and no more. BM3D and non-local means are
measured beside them, the first if it is installed, as the literature gives DIP's distance to both on pictures that
are not used here. Writes results/deep_prior.csv, picture by picture; pictures that are there are left out.

    RESTORA_DATA=DIR python benchmarks/deep_prior.py [PICTURE ...]

Two processes with one thread each (OMP_NUM_THREADS=1) and two pictures each end sooner than one with two.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from restora.core.errors import MissingExtra
from restora.data.sets import test_set
from restora.files.picture import read
from restora.methods.table import method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "deep_prior.csv"
PICTURES = ("01", "02", "03", "05")  # of Set12, those of 256x256: cameraman, house, peppers, monarch
SIGMA = 25 / 255
ITERATIONS = 1500
WIDTH = 64


def stop_after(seconds: float) -> Callable[[int, int], None]:
    """A `tell` that interrupts a fit, as a user would, once the seconds are over."""
    end = time.perf_counter() + seconds

    def tell(done: int, total: int) -> None:
        if time.perf_counter() > end:
            raise KeyboardInterrupt

    return tell


def timed(method: str, y: np.ndarray, **options: object) -> tuple[np.ndarray, str, float]:
    """x_hat, how it ended (empty for a method that just ends), and the seconds."""
    function = method_named(method).load()
    started = time.perf_counter()
    made = function(y, **options)
    x_hat, ended = made if isinstance(made, tuple) else (made, "")
    return x_hat, ended, time.perf_counter() - started


def rows_of(path: Path) -> list[dict[str, object]]:
    """One row for each method on a picture of the set."""
    x = read(path).pixels
    y = np.clip(x + np.random.default_rng(0).normal(0, SIGMA, x.shape), 0, 1).astype(np.float32)
    seconds, rows = float("inf"), []
    for method in ("dip", "deepdlp", "nlm", "bm3d"):
        options: dict[str, object] = {} if method == "dip" else {"sigma": SIGMA}
        if method in ("dip", "deepdlp"):
            options |= {"width": WIDTH, "iterations": ITERATIONS, "seed": 0, "tell": stop_after(seconds)}
        elif method == "nlm":
            options |= {knob.name: knob.default for knob in method_named(method).knobs if knob.name != "sigma"}
        try:
            x_hat, ended, took = timed(method, y, **options)
        except MissingExtra as missing:
            print(missing)
            continue
        if method == "dip":
            seconds = took
        scores = measure(x_hat, x, PROTOCOLS["float"])
        row: dict[str, object] = {
            "picture": path.stem,
            "method": method,
            "width": WIDTH if method in ("dip", "deepdlp") else "",
            "sigma": SIGMA,
            "seed": 0,
            "clipped": True,
            "protocol": "float",
            "psnr": round(scores.psnr, 3),
            "ssim": round(scores.ssim, 4),
            "seconds": round(took, 1),
            "ended": ended,
        }
        rows.append(row)
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return rows


def main(pictures: Sequence[str]) -> None:
    """Fit, score, print and write."""
    for path in test_set("Set12").paths:
        if path.stem not in pictures or any(r["picture"] == path.stem for r in read_table(RESULTS, ("picture",))):
            continue
        made = [{key: str(value) for key, value in row.items()} for row in rows_of(path)]
        both = [*read_table(RESULTS, ("picture",)), *made]  # another process may have written meanwhile
        write_table(RESULTS, sorted(both, key=lambda row: row["picture"]))


if __name__ == "__main__":
    main(sys.argv[1:] or PICTURES)
