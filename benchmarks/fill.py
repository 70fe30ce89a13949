"""How well holes are filled: lines, letters, scattered pixels and a square of eight photographs, clean and noisy.

The photographs are those of inpaint/ldm; pixels of the hole are black in the input. PSNR is of the pixels of the
hole only, over R, G and B, clipped to 0..1, the mean over photographs; the noise (seed 2) and the hole (seed 1) are the
same for all methods, and no grain is added. Writes results/fill.csv; with names of methods, only their rows.

    RESTORA_DATA=DIR python benchmarks/fill.py [METHOD ...]
"""

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.damage.words import parse
from restora.data.photographs import locate
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.work.bench import write_table
from restora.work.plan import plan_to_fill
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "fill.csv"
HOLES = {
    "thin scratches": "hole(scratches, count=8, width=3)",
    "wide scratches": "hole(scratches, count=4, width=9)",
    "letters": "hole(text, size=24)",
    "half of the pixels": "hole(pixels, share=0.5)",
    "a square of 64": "hole(rectangle, top=200, left=200, height=64, width=64)",
}
SIGMAS = (0.0, 0.05)


def filled(photo: Path, words: str, sigma: float, method: str, folder: Path) -> tuple[float, float]:
    """PSNR in the hole, and seconds for each megapixel of the picture."""
    x = read(photo).pixels
    m = parse(words).mask(*x.shape[:2], np.random.default_rng(1))
    n = sigma * np.random.default_rng(2).standard_normal(x.shape, np.float32)
    write(Image((~m).astype(np.float32)[:, :, None]), folder / "mask.png", force=True)
    plan = plan_to_fill({"mask": folder / "mask.png"}, {}, method)
    started = time.perf_counter()
    x_hat = restore(Image((x + n) * m[:, :, None]), plan)[0].pixels.clip(0, 1)
    seconds = time.perf_counter() - started
    return float(-10 * np.log10(((x_hat - x)[~m] ** 2).mean())), seconds / m.size * 1e6


def main() -> None:
    """Fill, measure, print and write."""
    photos = [path for path in sorted(locate("inpaint/ldm").glob("*.png")) if not path.stem.endswith("_mask")]
    known = [name for name, row in METHODS.items() if row.stage == "regions"]
    with RESULTS.open(newline="") as lines:
        kept = {(row["sigma"], row["hole"], row["method"]): row for row in csv.DictReader(lines)}
    cases = [(str(sigma), hole, method) for sigma in SIGMAS for hole in HOLES for method in known]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            sigma, hole, method = case
            if method not in (sys.argv[1:] or known):
                continue
            scores = [filled(photo, HOLES[hole], float(sigma), method, Path(folder)) for photo in photos]
            psnr, seconds = np.mean(scores, 0)
            row = {"hole": hole, "damage": HOLES[hole], "sigma": sigma, "method": method, "images": str(len(photos))}
            row |= {"psnr_in_hole": f"{psnr:.3f}", "seconds_a_megapixel": f"{seconds:.3f}"}
            kept[case] = row
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            write_table(RESULTS, [kept[each] for each in cases if each in kept])


if __name__ == "__main__":
    main()
