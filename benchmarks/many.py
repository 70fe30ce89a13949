"""Pictures a minute of `restora fix` on many small pictures: by one command with one and two jobs, and by a shell loop.

Twelve photographs of 256x256, of which four have noise, four are JPEG of quality 30 and four are as they are. Each way
runs in new processes with all cores, `--rounds` times, of which the fastest counts. `start` is the time until the first
picture is done, and `next` the median time for one of the others; `cpu_seconds` are those of all cores together. In one
command models are loaded once for each job. Writes results/many.csv.

    RESTORA_DATA=DIR python benchmarks/many.py
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from restora.core.image import Image
from restora.core.processor import machine
from restora.core.threads import cores
from restora.damage.words import parse
from restora.data.sets import test_set
from restora.files.picture import read
from restora.files.save import write
from restora.work.bench import read_table, write_table

RESULTS = Path(__file__).parent.parent / "results" / "many.csv"
SIDE, PICTURES = 256, 12
RESTORA = [sys.executable, "-m", "restora", "fix"]
WAYS = {"a command for each picture": None, "one command, 1 job": 1, "one command, 2 jobs": 2}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make()
        rows = []
        for way, jobs in WAYS.items():
            seconds, cpu, first, others = min(measured(jobs) for _ in range(rounds))
            rows.append({
                "machine": machine(), "cores": cores(), "way": way, "pictures": PICTURES, "seconds": f"{seconds:.1f}",
                "cpu_seconds": f"{cpu:.1f}", "start": f"{first:.1f}", "next": f"{others:.2f}",
                "pictures_a_minute": f"{60 * PICTURES / seconds:.0f}",
            })  # fmt: skip
            print(rows[-1], flush=True)
    known = read_table(RESULTS, list(rows[0]))
    write_table(RESULTS, [*(row for row in known if row["machine"] != machine()), *rows])


def make() -> None:
    """Write the pictures to the folder `in`."""
    Path("in").mkdir()
    for number, path in enumerate(test_set("BSD100").paths[:PICTURES]):
        x = read(path).pixels[:SIDE, :SIDE]
        damage = ("noise(sigma=0.08)", "", "")[number % 3]
        y = parse(damage).apply(x, np.random.default_rng(number)).clip(0, 1) if damage else x
        write(Image(y), Path("in") / f"{number:02}.jpg", quality=30 if number % 3 == 1 else 95)


def measured(jobs: int | None) -> tuple[float, float, float, float]:
    """(seconds, seconds of all cores, seconds to the first picture, median of the others) for all pictures."""
    for path in (*Path("in").glob("*.restored.*"), *Path("in").glob(".restora*")):
        path.unlink()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, ends = time.perf_counter(), list[float]()
    if jobs is None:
        for path in sorted(Path("in").iterdir()):
            subprocess.run([*RESTORA, str(path), "--json"], check=True, capture_output=True)
            ends.append(time.perf_counter() - began)
    else:
        words = [*RESTORA, "in", "--json", "--jobs", str(jobs)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout
            times = ((line, time.perf_counter() - began) for line in running.stdout)
            ends = [at for line, at in times if "summary" not in json.loads(line)]
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, ends[0], median(np.diff(ends))


if __name__ == "__main__":
    main()
