"""The gain of `restora adapt` on real noise: the pictures of each camera of CC15, restored before and after.

The input for each camera is its noisy pictures; the ground truth, means of many shots, is only used for scores. The
same pictures are used for adaptation and scores, as a user would. Writes results/adapt.csv.

    RESTORA_DATA=DIR python benchmarks/adapt.py
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.data.sets import test_set
from restora.files.picture import read
from restora.learn.weights import find
from restora.methods.table import METHODS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.adapt import adapt
from restora.work.bench import short_sum, write_table
from restora.work.plan import FLAGSHIP
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "adapt.csv"
CAMERAS = {"5dmark3": "Canon 5D Mark III, ISO 3200", "d600": "Nikon D600, ISO 3200", "d800": "Nikon D800, ISO 1600"}


def scored(weights: str, pairs: list[tuple[Path, Path]]) -> float:
    """Mean PSNR of the (noisy, clean) pairs restored with some weights."""
    plan = Plan((Step(FLAGSHIP, "measured", weights),), "measured")
    return float(
        np.mean(
            [
                measure(restore(Image(read(y).pixels), plan)[0].pixels, read(x).pixels, PROTOCOLS["denoise"]).psnr
                for y, x in pairs
            ]
        )
    )


def main() -> None:
    """Adapt to each camera, measure, print and write."""
    tests, base = test_set("CC15"), METHODS[FLAGSHIP].weights[0]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["RESTORA_WEIGHTS"] = str(folder / "weights")
        for camera, label in CAMERAS.items():
            pairs = [pair for pair in zip(tests.noisy, tests.paths, strict=True) if pair[0].name.startswith(camera)]
            own = folder / camera
            own.mkdir()
            for noisy, _ in pairs:
                shutil.copy(noisy, own)
            made = adapt(own, camera, lambda *_: None, start=base)
            identity = [measure(read(y).pixels, read(x).pixels, PROTOCOLS["denoise"]).psnr for y, x in pairs]
            before, after = scored(base, pairs), scored(made.name, pairs)
            row = {
                "camera": label,
                "pictures": len(pairs),
                "start": base,
                "start_sha256": short_sum(base),
                "steps": find(made.name).card["adapted"]["steps"],
                "psnr_noisy": round(float(np.mean(identity)), 3),
                "psnr_start": round(before, 3),
                "psnr_adapted": round(after, 3),
            }
            rows.append({key: str(value) for key, value in row.items()})
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
