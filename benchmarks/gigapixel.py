"""Denoise a tiled TIFF of up to a gigapixel with the flagship: peak memory, and time per megapixel against a small one.

python benchmarks/gigapixel.py                 32768 x 32768 pixels; hours, and 7 GB of disk
python benchmarks/gigapixel.py --side 8192
python benchmarks/gigapixel.py --rows 4096     a part of it with the full width, for costs that grow with the width

The small picture is measured before and after. `cpu_ratio` compares CPU seconds of the whole process: more
stable beside other work, but the start of Python adds to the small picture.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyvips

from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "big.csv"
SMALL = 2048
"""Side of the picture of four megapixels whose time per megapixel is the measure."""


def make(path: Path, width: int, height: int, file_tile: int) -> None:
    """Write an 8-bit RGB picture of noise in tiles, without compression."""
    noise = pyvips.Image.gaussnoise(width, height, mean=128, sigma=25).cast("uchar")
    picture = noise.bandjoin([noise, noise]).copy(interpretation="srgb")
    picture.tiffsave(str(path), tile=True, tile_width=file_tile, tile_height=file_tile, bigtiff=True)


def denoise(source: Path, max_memory: str, resume: bool) -> dict[str, Any]:
    """The report of a run in a separate process, and `cpu` seconds; its output is removed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    target = source.with_name(f"{source.stem}-out.tif")
    words = ["denoise", str(source), "--max-memory", max_memory, "-o", str(target), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "restora", *words, *(["--resume"] if resume else [])],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    target.unlink()
    target.with_name(f"{target.name}.json").unlink()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout), "cpu": cpu}


def main() -> None:
    """Measure the small picture, the big one, and the small one again; print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=32768)
    parser.add_argument("--rows", type=int, help="number of rows; default: the side")
    parser.add_argument("--file-tile", type=int, default=256, help="side of the tiles in the file")
    parser.add_argument("--max-memory", default="1GB")
    parser.add_argument("--resume", action="store_true", help="keep finished rows, to measure the cost")
    parser.add_argument("--folder", type=Path, help="a folder with disk space; default: the system's temporary folder")
    arguments = parser.parse_args()
    width, height = arguments.side, arguments.rows or arguments.side
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        small, big = Path(folder) / "small.tif", Path(folder) / "big.tif"
        make(small, SMALL, SMALL, arguments.file_tile)
        make(big, width, height, arguments.file_tile)
        before = denoise(small, arguments.max_memory, False)
        report = denoise(big, arguments.max_memory, arguments.resume)
        after = denoise(small, arguments.max_memory, False)
    large, little = width * height / 1e6, 2 * SMALL * SMALL / 1e6
    seconds, beside = report["seconds"] / large, (before["seconds"] + after["seconds"]) / little
    cpu, beside_cpu = report["cpu"] / large, (before["cpu"] + after["cpu"]) / little
    row = {
        "width": width,
        "height": height,
        "file_tile": arguments.file_tile,
        "max_memory": arguments.max_memory,
        "resume": arguments.resume,
        "megapixels": round(width * height / 1e6, 1),
        "precision": report["precision"],
        "tile": "x".join(map(str, report["tile"])),
        "tiles": report["tiles"],
        "peak_megabytes": report["peak_megabytes"],
        "seconds_per_megapixel": round(seconds, 3),
        "of_4_megapixels": round(beside, 3),
        "ratio": round(seconds / beside, 3),
        "cpu_ratio": round(cpu / beside_cpu, 3),
    }
    print(row)
    row = {key: str(value) for key, value in row.items()}
    others = [old for old in read_table(RESULTS, list(row)) if any(old[key] != row[key] for key in list(row)[:5])]
    write_table(RESULTS, [*others, row])


if __name__ == "__main__":
    main()
