"""Published DnCNN-3 on the pictures and damages of `restora bench jpeg`: measured here, not quoted.

DnCNN-3 is the DnCNN of 20 layers that its authors trained on noise, interpolation blur and JPEG together. Its weights
are not shipped, as their terms are not free. The net takes and returns luma (BT.601, 16 to 235), as in its authors'
code; PSNR, SSIM and PSNR-B are of that, clipped and rounded. Writes results/jpeg_rivals.csv, row by row; existing rows
are skipped.

    RESTORA_DATA=DIR python benchmarks/jpeg_rivals.py
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from restora.data.photographs import locate
from restora.data.sets import test_set
from restora.metrics.protocol import PROTOCOLS, luma
from restora.metrics.scores import measure
from restora.work.bench import damaged, read_table, write_table
from restora.work.suite import COMPRESSED, JPEGS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "jpeg_rivals.csv"
PROTOCOL = PROTOCOLS["jpeg-y"]


def dncnn3() -> Callable[[np.ndarray], np.ndarray]:
    """A function that restores luma (H, W, 1) on the 0..1 scale."""
    sys.path.insert(0, str(ROOT))
    from tests.methods import published

    net = published.dncnn3(locate("weights"))

    def run(y: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(y.transpose(2, 0, 1)[None].copy()))[0].permute(1, 2, 0).numpy()

    return run


def luma_of(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C) on 0..1 as luma (H, W, 1) on the same scale; grey is luma already."""
    return np.float32(luma(pixels.astype(np.float64) * 255) / 255)


def row_of(name: str, words: str, run: Callable[[np.ndarray], np.ndarray]) -> dict[str, str]:
    """The row of a set and a damage; means over pictures."""
    tests = test_set(name)
    pairs = [(luma_of(x), luma_of(y.pixels)) for x, y in damaged(tests, words)]
    scores = [measure(run(y), x, PROTOCOL) for x, y in pairs]
    means = {key: np.mean([getattr(score, key) for score in scores]) for key in ("psnr", "ssim", "psnr_b")}
    row = {"set": name, "images": str(len(tests.paths)), "damage": words, "method": "dncnn-3"}
    return row | {key: f"{value:.{4 if key == 'ssim' else 3}f}" for key, value in means.items()}


def main() -> None:
    """Restore, score, print and write."""
    run, rows = dncnn3(), read_table(RESULTS, ("set", "damage"))
    for name in COMPRESSED:
        for words in JPEGS:
            if any((row["set"], row["damage"]) == (name, words) for row in rows):
                continue
            rows.append(row_of(name, words, run))
            print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
            write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
