"""Deconvolution with a known kernel: eight camera shakes, three noise levels, all methods, on a test set.

The kernels are those of Levin et al. 2009 (blur/kernels/Levin09.npz). y = k * x + n: a convolution with the picture
mirrored at its borders, white noise (seed 0), neither clipped nor rounded. All methods for a known kernel, which are
told kernel and sigma. PSNR and SSIM of the whole picture, clipped and rounded to 8 bits; the mean over kernels and
pictures. Writes results/deblur.csv; rows that are there are kept.

    RESTORA_DATA=DIR python benchmarks/deblur.py [--set Set12] [--limit N]
"""

import argparse
import time
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.damage.blur import Blur
from restora.data.photographs import locate
from restora.data.sets import test_set
from restora.files.picture import read
from restora.methods.table import TASKS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table
from restora.work.plan import plan_of_method
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "deblur.csv"
SIGMAS = (2.55, 5.0, 7.65)
NOTHING = "nothing"


class Given(Blur):
    """A blur with a kernel that is given as an array."""

    def __init__(self, kernel: np.ndarray) -> None:
        self.array = kernel / kernel.sum()

    def kernel(self) -> np.ndarray:
        """The array, with sum 1."""
        return self.array


def scored(method: str, paths: list[Path], kernels: list[np.ndarray], sigma: float, file: Path) -> dict[str, float]:
    """The mean scores, and the seconds for a megapixel."""
    scores, seconds, pixels = [], 0.0, 0
    for kernel in kernels:
        np.save(file, kernel)
        for path in paths:
            x, rng = read(path).pixels, np.random.default_rng(0)
            y = Given(kernel).apply(x, rng) + sigma / 255 * rng.standard_normal(x.shape).astype(np.float32)
            x_hat = y
            if method != NOTHING:
                row = next(row for row in TASKS["deblur"] if row.name == method)
                knobs = {"sigma": sigma / 255} if any(knob.name == "sigma" for knob in row.knobs) else {}
                plan = plan_of_method(method, knobs, None, inputs={"kernel": file})
                started = time.perf_counter()
                x_hat = restore(Image(y), plan)[0].pixels
                seconds, pixels = seconds + time.perf_counter() - started, pixels + x[:, :, 0].size
            scores.append(measure(x_hat, x, PROTOCOLS["denoise"]))
    return {
        "psnr": round(float(np.mean([each.psnr for each in scores])), 3),
        "ssim": round(float(np.mean([each.ssim for each in scores])), 4),
        "seconds_a_megapixel": round(seconds / pixels * 1e6, 2) if pixels else 0.0,
    }


def main() -> None:
    """Blur, sharpen, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="Set12")
    parser.add_argument("--limit", type=int, help="so many pictures of the set only")
    wanted = parser.parse_args()
    tests = test_set(wanted.set).first(wanted.limit)
    stored = np.load(locate("blur/kernels") / "Levin09.npz")
    kernels = [stored[f"kernel{number}"].astype(float) for number in range(1, 9)]
    done = read_table(RESULTS, ["set", "sigma", "method"])
    for sigma in SIGMAS:
        for method in (NOTHING, *(row.name for row in TASKS["deblur"] if row.inputs)):
            key = {"set": tests.name, "sigma": str(sigma), "method": method}
            if any(key.items() <= row.items() for row in done):
                continue
            facts = scored(method, list(tests.paths), kernels, sigma, Path("kernel.npy"))
            row = key | {"images": str(len(tests.paths)), "kernels": str(len(kernels))}
            done.append(row | {name: str(value) for name, value in facts.items()})
            write_table(RESULTS, done)
            print(done[-1], flush=True)
    Path("kernel.npy").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
