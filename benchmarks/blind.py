"""Deconvolution with an unknown kernel: the really blurred pictures of Levin et al., scored as the literature does.

Two of the four pictures, each blurred with eight camera shakes (blur/levin09), 255x255, 8 bits. The methods find noise
and size of the kernel themselves. "known": they get the kernel of Levin09.npz, turned by 180 degrees, as the pictures
are correlations with it, and are told a noise level of 0.006, as picture and kernel do not agree exactly. A result may
be shifted against the truth, so it is moved by the shift, in parts of a pixel, that makes the squared error smallest;
15 pixels at each border do not count. PSNR of values clipped to 0..1: the mean over pictures. Error ratio: the squared
error divided by that of plug-and-play with the known kernel, the median; `under_3` is the share of pictures whose ratio
is below 3. Writes results/blind.csv; rows that are there are kept.

A. Levin, Y. Weiss, F. Durand, W. Freeman, "Understanding and evaluating blind deconvolution algorithms", CVPR 2009.

    RESTORA_DATA=DIR python benchmarks/blind.py [--method NAME] [--images N] [--kernels N]
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import shift
from scipy.optimize import minimize

from restora.core.image import Image
from restora.data.photographs import locate
from restora.files.picture import read
from restora.work.bench import read_table, write_table
from restora.work.decide import to_deblur
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "blind.csv"
BORDER, REACH = 15, 10
"""Pixels that do not count, and the greatest shift; both in pixels."""
TOLD = 0.006
"""Noise level that methods for a known kernel are told, 0..1 scale."""
METHODS = {
    "nothing": None,
    "plug-and-play (known)": "plug-and-play",
    "tv-deconvolution (known)": "tv-deconvolution",
    "blind-deconvolution": "blind-deconvolution",
    "selfdeblur": "selfdeblur",
}
RATED = "plug-and-play (known)"
"""What error ratios are relative to."""


def error(x_hat: np.ndarray, x: np.ndarray) -> float:
    """The mean squared error of planes (H, W) at the best shift, without the borders."""
    inner = slice(BORDER, -BORDER), slice(BORDER, -BORDER)

    def at(by: np.ndarray) -> float:
        moved = np.clip(shift(x_hat, by, order=3, mode="nearest"), 0, 1)
        return float(np.mean((moved - x)[inner] ** 2))

    steps = range(-REACH, REACH + 1)
    rolled = {(a, b): np.mean((np.roll(x_hat, (a, b), (0, 1)) - x)[inner] ** 2) for a in steps for b in steps}
    start = np.array(min(rolled, key=rolled.__getitem__), float)
    corners = start + np.array([[0, 0], [0.4, 0], [0, 0.4]])
    return float(minimize(at, start, method="Nelder-Mead", options={"initial_simplex": corners, "xatol": 0.01}).fun)


def pictures(images: int, kernels: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """The name, the sharp plane x (H, W), the blurred y (H, W, 1) and the kernel of each picture."""
    folder, stored = locate("blur/levin09"), np.load(locate("blur/kernels") / "Levin09.npz")
    for image in range(1, images + 1):
        x = read(folder / f"sharp/im{image}.png").pixels[:, :, 0]
        for number in range(1, kernels + 1):
            y = read(folder / f"blurred/im{image}_kernel{number}.png").pixels
            yield f"{image}/{number}", x, y, stored[f"kernel{number}"][::-1, ::-1].astype(float)


def errors(name: str, images: int, kernels: int) -> tuple[dict[str, float], float]:
    """The error of each picture, and the seconds of a picture."""
    found, seconds = {}, 0.0
    for picture, x, y, kernel in pictures(images, kernels):
        x_hat, method = y, METHODS[name]
        if method:
            inputs, knobs = {}, {}
            if name.endswith("(known)"):
                np.save("kernel.npy", kernel)
                inputs, knobs = {"kernel": Path("kernel.npy")}, {"sigma": TOLD}
            started = time.perf_counter()
            _, plan = to_deblur(Image(y), knobs, inputs, method)
            x_hat = restore(Image(y), plan)[0].pixels
            seconds += time.perf_counter() - started
        found[picture] = error(x_hat[:, :, 0], x)
        print(f"{name} {picture}: {-10 * np.log10(found[picture]):.2f} dB", flush=True)
    Path("kernel.npy").unlink(missing_ok=True)
    return found, seconds / len(found)


def main() -> None:
    """Sharpen, align, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, help="only this one, and plug-and-play for the ratio")
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--kernels", type=int, default=8)
    wanted = parser.parse_args()
    share = str(wanted.images), str(wanted.kernels)
    best, taken = errors(RATED, wanted.images, wanted.kernels)
    for name in METHODS if wanted.method is None else [wanted.method]:
        done = read_table(RESULTS, ["method", "images", "kernels"])
        if (name, *share) in [(row["method"], row["images"], row["kernels"]) for row in done]:
            continue
        found, seconds = (best, taken) if name == RATED else errors(name, wanted.images, wanted.kernels)
        ratios = np.array([found[picture] / best[picture] for picture in found])
        row = {"method": name, "images": share[0], "kernels": share[1]}
        row["psnr"] = f"{np.mean([-10 * np.log10(each) for each in found.values()]):.2f}"
        row |= {"error_ratio": f"{np.median(ratios):.2f}", "under_3": f"{np.mean(ratios < 3):.3f}"}
        done.append(row | {"seconds": f"{seconds:.1f}"})
        write_table(RESULTS, done)
        print(done[-1], flush=True)


if __name__ == "__main__":
    main()
