"""The time of `restora fix` before it restores.

On one damaged photograph, at 512x512 and, repeated, at 12 megapixels: the median of five diagnoses, and of five plans,
which are a diagnosis and a trial, in a warm process. Writes results/look.csv. benchmarks/start.py measures whole
commands in cold processes.

    RESTORA_DATA=DIR python benchmarks/look.py
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.processor import machine
from restora.damage.words import parse
from restora.data.sets import test_set
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.work.bench import write_table
from restora.work.diagnose import diagnose
from restora.work.fix import plan_to_fix

RESULTS = Path(__file__).parent.parent / "results" / "look.csv"
SIZES = ((512, 512), (3000, 4000))
DAMAGES = ("noise(sigma=0.06)", "jpeg(quality=30)")


def main() -> None:
    """Damage, look, time, print and write."""
    x, rows = read(test_set("Set14").paths[0]).pixels, []
    with tempfile.TemporaryDirectory() as folder:
        for words in DAMAGES:
            y = parse(words).apply(x, np.random.default_rng(0)).clip(0, 1)
            for height, width in SIZES:
                path = Path(folder) / f"{height}.png"
                copies = (-(-height // y.shape[0]), -(-width // y.shape[1]), 1)
                write(Image(np.tile(y, copies)[:height, :width]), path, force=True)
                picture = open_picture(path)
                row = {
                    "machine": machine(),
                    "damage": words,
                    "pixels": f"{width}x{height}",
                    "diagnosis": f"{median(partial(diagnose, picture)):.3f}",
                    "plan": f"{median(partial(plan_to_fix, picture)):.3f}",
                }
                rows.append(row)
                print(row, flush=True)
    write_table(RESULTS, rows)


def median(do: Callable[[], object]) -> float:
    """Median seconds of five calls, after a first one that does not count."""
    do()
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


if __name__ == "__main__":
    main()
