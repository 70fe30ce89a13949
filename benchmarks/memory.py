"""Restore a very large picture file and report the peak resident memory of the process.

python benchmarks/memory.py --megapixels 400 --format tif --method restora
python benchmarks/memory.py --megapixels 12 --format png --method mark-finder
python benchmarks/memory.py --megapixels 12 --format png --method partial-unet
python benchmarks/memory.py --megapixels 12 --format png --method plug-and-play

The picture is noise; for methods that sharpen, it is a photograph of scikit-image, repeated, with motion of 15 pixels,
and they are told the kernel if they need one. `mark-finder` searches all of the noise and finds nothing, so the row is
the cost of the search alone. Methods that fill holes fill eight scratches of five pixels from one side to the other.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyvips
from skimage.data import astronaut

from restora.damage.words import parse
from restora.methods.table import method_named
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "memory.csv"
MOTION, BLUR = "motion(length=15, angle=30)", "blur(motion, length=15, angle=30) | noise(sigma=0.01)"


def main() -> None:
    """Make the picture, restore it in a separate process, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=400)
    parser.add_argument("--format", choices=["tif", "png"], default="tif")
    parser.add_argument("--method", default="restora")
    parser.add_argument("--max-memory", default="1GB")
    arguments = parser.parse_args()
    side = math.isqrt(int(arguments.megapixels * 1e6))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"in.{arguments.format}", Path(folder) / f"out.{arguments.format}"
        picture = made(arguments.method, side)
        if arguments.format == "tif":
            picture.tiffsave(str(source), tile=True, tile_width=256, tile_height=256, bigtiff=True)
        else:
            picture.pngsave(str(source), compression=1)
        words = [*verb(arguments.method, side, Path(folder)), str(source), "--max-memory", arguments.max_memory]
        done = subprocess.run(
            [sys.executable, "-m", "restora", *words, "-o", str(target), "--json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    report = json.loads(done.stdout)
    row = {
        "megapixels": round(side * side / 1e6, 1),
        "format": arguments.format,
        "method": arguments.method,
        "max_memory": arguments.max_memory,
        "peak_megabytes": report["peak_megabytes"],
        "tile": "x".join(map(str, report["tile"])),
        "tiles": report["tiles"],
        "seconds": report["seconds"],
    }
    print(row)
    row = {key: str(value) for key, value in row.items()}
    others = [old for old in read_table(RESULTS, list(row)) if any(old[key] != row[key] for key in list(row)[:4])]
    write_table(RESULTS, [*others, row])


def made(method: str, side: int) -> pyvips.Image:
    """The picture that a method restores."""
    if "blur" in method_named(method).treats:
        photograph = astronaut().astype(np.float32) / 255
        y = parse(BLUR).apply(photograph, np.random.default_rng(0))
        tile = pyvips.Image.new_from_array(np.rint(255 * y.clip(0, 1)).astype(np.uint8), interpretation="srgb")
        times = -(-side // tile.width)
        return tile.replicate(times, times).crop(0, 0, side, side)
    noise = pyvips.Image.gaussnoise(side, side, mean=128, sigma=25).cast("uchar")
    return noise.bandjoin([noise, noise]).copy(interpretation="srgb")


def verb(method: str, side: int, folder: Path) -> list[str]:
    """The command for a method, and its options; a mask that it needs is made."""
    if method_named(method).stage == "find":
        return ["inpaint", "--mask", "found"]
    if "blur" in method_named(method).treats:
        needs_kernel = any(each.required for each in method_named(method).inputs)
        return ["deblur", "--method", method, *(["--kernel", MOTION] if needs_kernel else [])]
    if "hole" not in method_named(method).treats:
        return ["denoise", "--method", method]
    mask = pyvips.Image.black(side, side)
    for place in range(side // 16, side, side // 8):
        mask = mask.draw_line(255, 0, place, side - 1, side - 1 - place)
    mask.pngsave(str(folder / "mask.png"))
    return ["inpaint", "--method", method, "--mask", str(folder / "mask.png"), "--grow", "2"]


if __name__ == "__main__":
    main()
