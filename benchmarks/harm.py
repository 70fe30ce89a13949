"""The harm of `restora fix` to clean pictures: each unchanged, as JPEG of quality 95, and at half size.

PSNR of the result against the input of `fix`, by protocol "denoise"; inf if the input is unchanged. The pictures are
photographs held out of training, Set14, every other one of BSD100 and of `train/free` up to a hundred; and the rest of
BSD100, for which no threshold was tuned.
Writes results/harm.csv.

    RESTORA_DATA=DIR python benchmarks/harm.py             all of them
    RESTORA_DATA=DIR python benchmarks/harm.py 58060       those with this in their names; other rows are kept
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data

from restora.core.image import Image
from restora.damage.words import parse
from restora.data.photographs import gather, split
from restora.data.sets import test_set
from restora.files.picture import read
from restora.learn.pairs import smaller
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table
from restora.work.fix import plan_to_fix
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "harm.csv"
SAMPLES = ("astronaut", "camera", "chelsea", "coffee", "rocket", "cat")
SEEN, NOT_TUNED = "BSD100, every other one", "BSD100, the rest"
GROUPS = ("samples of scikit-image", "photographs held out of training", "Set14", SEEN, NOT_TUNED, "other photographs")
LARGEST = 1024
"""Side of the centre of a picture that is used."""


def main(only: str) -> None:
    """Fix, compare, print and write."""
    rows = [row for row in read_table(RESULTS, ["picture"]) if only and only not in row["picture"]]
    for group, name, x in pictures():
        if only not in name:
            continue
        kinds = {
            "it is": x,
            "JPEG of quality 95": parse("jpeg(quality=95)").apply(x, np.random.default_rng(0)),
            "half as large": smaller(np.rint(x * 255).astype(np.uint8), 2).astype(np.float32) / 255,
        }
        for kind, y in kinds.items():
            diagnosis, plan = plan_to_fix(Image(y))
            x_hat = restore(Image(y), plan)[0].pixels if plan.steps else y
            psnr = measure(x_hat, y, PROTOCOLS["denoise"]).psnr if plan.steps else math.inf
            found = "; ".join(finding.says for finding in diagnosis.present.values())
            rows.append({"group": group, "picture": name, "kind": kind, "psnr": f"{psnr:.2f}", "found": found})
            if plan.steps:
                print(rows[-1], flush=True)
        write_table(RESULTS, sorted(rows, key=lambda row: GROUPS.index(row["group"])))


def pictures() -> Iterator[tuple[str, str, np.ndarray]]:
    """(group, name, pixels) of clean pictures."""
    for name in SAMPLES:
        pixels = getattr(skimage.data, name)()
        yield GROUPS[0], name, pixels.reshape(*pixels.shape[:2], -1).astype(np.float32) / 255
    seen, held = split(gather(["train/free", "train/free2"], ""), 11)
    groups = {
        GROUPS[1]: [photo.path for photo in held],
        GROUPS[2]: test_set("Set14").paths,
        SEEN: test_set("BSD100").paths[::2],
        NOT_TUNED: test_set("BSD100").paths[1::2],
        GROUPS[-1]: [photo.path for photo in seen][::3][:50],
    }
    for group, paths in groups.items():
        for path in paths:
            x = read(path).pixels
            top, left = (max(0, side - LARGEST) // 2 // 8 * 8 for side in x.shape[:2])
            yield group, path.name, x[top : top + LARGEST, left : left + LARGEST]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
