"""How well holes are filled: lines, letters, scattered pixels and a square of eight photographs, clean and noisy.

The photographs are those of inpaint/ldm; pixels of the hole are black in the input. PSNR is of the pixels of the
hole only, over R, G and B, clipped to 0..1, the mean over photographs; the noise (seed 2) and the hole (seed 1) are the
same for all methods. Writes results/fill.csv.

    RESTORA_DATA=DIR python benchmarks/fill.py
"""

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
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for sigma in SIGMAS:
            for hole, words in HOLES.items():
                for method in (name for name, row in METHODS.items() if row.stage == "regions"):
                    scores = [filled(photo, words, sigma, method, Path(folder)) for photo in photos]
                    psnr, seconds = np.mean(scores, 0)
                    row = {"hole": hole, "damage": words, "sigma": sigma, "method": method, "images": len(photos)}
                    row |= {"psnr_in_hole": f"{psnr:.3f}", "seconds_a_megapixel": f"{seconds:.3f}"}
                    rows.append({key: str(value) for key, value in row.items()})
                    print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
