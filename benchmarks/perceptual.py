"""Perceptual quality against accuracy: super-resolution of Set14 by 4, in PSNR and in features.

The distance is that of restora/nets/features.py: squared differences of the features of EfficientNet-lite0, each
position normalised to length one, summed over channels and five levels; not LPIPS, whose values differ. SRGAN was
trained to reduce it, on other pictures. Writes results/perceptual.csv.

    RESTORA_DATA=DIR python benchmarks/perceptual.py
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from restora.core.image import Image
from restora.damage.words import parse
from restora.data.sets import test_set
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.nets.features import Features
from restora.work.bench import MEMORY, write_table
from restora.work.restore import restore
from restora.work.suite import FOUND, Entry, plan_for

RESULTS = Path(__file__).parent.parent / "results" / "perceptual.csv"
SET = "Set14"
CLEAN, AS_FOUND = "shrink(scale=4)", FOUND[1]
CONTESTANTS = {
    CLEAN: (("bicubic", ""), ("lanczos", ""), ("vdsr", "vdsr.x234"), ("edsr", "edsr.x4"), ("srgan", "srgan.x4")),
    AS_FOUND: (
        *(("bicubic", ""), ("edsr", "edsr.x4"), ("srgan", "srgan.x4")),
        *(("edsr", "edsr.x4-real"), ("srgan", "srgan.x4-real")),
    ),
}


def colour(pixels: np.ndarray) -> torch.Tensor:
    """(H, W, C), clipped and rounded to 8 bits, as (1, 3, H, W)."""
    eight_bit = np.rint(pixels.clip(0, 1) * 255) / np.float32(255)
    return torch.from_numpy(np.broadcast_to(eight_bit, (*pixels.shape[:2], 3)).transpose(2, 0, 1)[None].copy())


def main() -> None:
    """Restore, score, print and write."""
    features, rows = Features(), []
    tests = test_set(SET)
    for damage, contestants in CONTESTANTS.items():
        for method, weights in contestants:
            make_plan = partial(plan_for, Entry(SET, damage, method, weights), "f32")
            psnrs, distances = [], []
            for path in tests.paths:
                x = read(path).pixels
                x = x[: x.shape[0] // 4 * 4, : x.shape[1] // 4 * 4]
                y = parse(damage).apply(x, np.random.default_rng(0))
                y = Image(np.rint(y.clip(0, 1) * 255) / np.float32(255))
                x_hat = restore(y, make_plan(y), max_memory=MEMORY)[0].pixels
                psnrs.append(measure(x_hat, x, PROTOCOLS["sr-y"], 4).psnr)
                with torch.inference_mode():
                    distances.append(float(features.distance(colour(x_hat), colour(x))))
            rows.append(
                {
                    "set": SET,
                    "damage": damage,
                    "method": method,
                    "weights": weights,
                    "psnr": f"{np.mean(psnrs):.3f}",
                    "distance": f"{np.mean(distances):.4f}",
                    "protocol": "sr-y; features of EfficientNet-lite0",
                }
            )
            print(damage, weights or method, rows[-1]["psnr"], rows[-1]["distance"], flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
