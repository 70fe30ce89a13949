"""Treatments for each damage: damages of one kind and of two, on photographs held out of training; and real noise.

For each damage, results/rules.csv has the kinds that diagnosis finds and the gain in dB of every treatment of the table
of rules (of those that sharpen only where blur is among the damage), and results/mixtures.csv has the result of
`restora fix`, picture by picture. The second also has pictures of LIVE1, on which nothing was tuned. PSNR by protocol
"denoise", after clipping and rounding to 8 bits, of the centre of each picture; for the real noise of CC15, of the
whole picture against the mean of many shots.

    RESTORA_DATA=DIR python benchmarks/rules.py            all of them
    RESTORA_DATA=DIR python benchmarks/rules.py pepper     those with this in their words; other rows are kept
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.plan import Plan
from restora.damage.words import parse
from restora.data.photographs import gather, split
from restora.data.sets import test_set
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table
from restora.work.diagnose import diagnose
from restora.work.fix import plan_to_fix
from restora.work.plan import plan_of_treatment
from restora.work.restore import restore
from restora.work.rules import MOTION, RULES, SHAKEN, SHARPENING, Treatment, kinds_of

RESULTS = Path(__file__).parent.parent / "results"
FOLDERS, HELD = ["train/free", "train/free2"], 8
HELD_OUT, OTHERS, REAL = "held out", "LIVE1", "real"
"""Sets of pictures, and the word for real damage."""
PICTURES, SIDE = 4, 256
DAMAGES = (
    "noise(sigma=0.03)", "noise(sigma=0.06)", "noise(sigma=0.17)",
    "noise(camera, sigma=0.067, grain=0.0, colour=0.0)", "noise(camera, sigma=0.067, grain=0.0, colour=0.23)",
    "noise(camera, sigma=0.04)", "noise(camera, sigma=0.02)", "noise(poisson, peak=60)", "noise(speckle, sigma=0.2)",
    "noise(salt-and-pepper, amount=0.1)", "noise(salt-and-pepper, amount=0.5)",
    "jpeg(quality=10)", "jpeg(quality=25)", "jpeg(quality=50)", "jpeg(quality=70)", "jpeg(quality=25, down=3, right=5)",
    "jpeg(quality=15) | jpeg(quality=60)", "jpeg(quality=15, down=3, right=5) | jpeg(quality=60)",
    "noise(sigma=0.047) | jpeg(quality=25)", "noise(sigma=0.047) | jpeg(quality=75)",
    "jpeg(quality=25) | noise(sigma=0.047)",
    "noise(camera, sigma=0.04) | jpeg(quality=75)", "noise(poisson, peak=60) | jpeg(quality=60)",
    "noise(speckle, sigma=0.15) | jpeg(quality=60)", "noise(salt-and-pepper, amount=0.03) | jpeg(quality=75)",
    "noise(sigma=0.05) | noise(salt-and-pepper, amount=0.05)",
    "noise(camera, sigma=0.04) | noise(salt-and-pepper, amount=0.05)",
    "blur(sigma=1.6)", "blur(disk, radius=3)", "blur(motion, length=13, angle=30)",
    "blur(sigma=1.6) | noise(sigma=0.008) | jpeg(quality=90)", "blur(disk, radius=3) | noise(sigma=0.02)",
    "blur(sigma=1.6) | noise(camera, sigma=0.03)",
    "blur(sigma=1.2) | noise(sigma=0.047)", "blur(sigma=1.2) | jpeg(quality=25)",
    "blur(motion, length=9, angle=30) | noise(sigma=0.047)", "blur(motion, length=9, angle=30) | jpeg(quality=25)",
    REAL,
)  # fmt: skip


def main(only: str) -> None:
    """Damage, diagnose, treat in every way, score, print and write."""
    treatments = list(dict.fromkeys(treatment for rule in RULES for treatment in rule.treatments))
    tables = {name: read_table(RESULTS / name, ["damage"]) for name in ("rules.csv", "mixtures.csv")}
    for words in (each for each in DAMAGES if only in each):
        for name, rows in tables.items():
            tables[name] = [row for row in rows if row["damage"] != words]
        for group in ("CC15",) if words == REAL else (HELD_OUT, OTHERS):
            pairs = list(pairs_of(group, words))
            fixed = [fix(y, x) | {"damage": words, "set": group, "picture": str(i)} for i, (y, x) in enumerate(pairs)]
            tables["mixtures.csv"] += fixed
            if group != OTHERS:
                shaken = any(MOTION in row["found"] for row in fixed)  # else it takes too long
                useless = {*(() if "blur(" in words else SHARPENING), *(() if shaken else SHAKEN)}
                tried = [each for each in treatments if not useless & set(each)]
                tables["rules.csv"].append(summary(words, fixed) | gains(pairs, tried))
                print(tables["rules.csv"][-1], flush=True)
            for name, rows in tables.items():
                write_table(RESULTS / name, in_order(rows))


def pairs_of(group: str, words: str) -> Iterator[tuple[Image, np.ndarray]]:
    """(damaged, clean) pictures."""
    if group == "CC15":
        pairs = test_set(group)
        yield from ((read(y), read(x).pixels) for y, x in zip(pairs.noisy, pairs.paths, strict=True))
        return
    held = [photo.path for photo in split(gather(FOLDERS, ""), HELD)[1]] if group == HELD_OUT else test_set(group).paths
    for path in held[:PICTURES]:
        x = middle(read(path).pixels)
        y = parse(words).apply(x, np.random.default_rng(0))
        yield Image(np.rint(y.clip(0, 1) * 255).astype(np.float32) / np.float32(255)), x


def fix(y: Image, x: np.ndarray) -> dict[str, str]:
    """The findings and the result of `restora fix`."""
    diagnosis, plan = plan_to_fix(y)
    kinds = " and ".join(sorted(kinds_of(diagnosis))) or "nothing"
    before, after = (measure(each.pixels, x, PROTOCOLS["denoise"]).psnr for each in (y, restore(y, plan)[0]))
    return {"found": kinds, "plan": named(plan), "psnr_damaged": f"{before:.3f}", "psnr_fixed": f"{after:.3f}"}


def summary(words: str, fixed: list[dict[str, str]]) -> dict[str, str]:
    """A row of the table of gains: what was found, and the gain of `fix`."""
    before, after = (np.mean([float(row[key]) for row in fixed]) for key in ("psnr_damaged", "psnr_fixed"))
    found = Counter(row["found"] for row in fixed).most_common()
    seen = "; ".join(f"{kinds} ({count})" for kinds, count in found)
    return {"damage": words, "found": seen, "psnr_damaged": f"{before:.3f}", "fix": f"{after - before:.3f}"}


def gains(pairs: list[tuple[Image, np.ndarray]], treatments: list[Treatment]) -> dict[str, str]:
    """The mean gain in dB of each treatment on (damaged, clean) pictures."""
    row, found = {}, [diagnose(y) for y, _ in pairs]
    for treatment in treatments:
        gained = []
        for (y, x), diagnosis in zip(pairs, found, strict=True):
            x_hat = restore(y, plan_of_treatment(treatment, "", diagnosis))[0].pixels
            before, after = (measure(each, x, PROTOCOLS["denoise"]).psnr for each in (y.pixels, x_hat))
            gained.append(after - before)
        row[" then ".join(treatment)] = f"{np.mean(gained):.3f}"
    return row


def in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows in the order of DAMAGES, without those of damages that are no longer measured."""
    return sorted((row for row in rows if row["damage"] in DAMAGES), key=lambda row: DAMAGES.index(row["damage"]))


def middle(pixels: np.ndarray) -> np.ndarray:
    """The centre (SIDE, SIDE, C) of a photograph."""
    top, left = ((side - SIDE) // 2 for side in pixels.shape[:2])
    return pixels[top : top + SIDE, left : left + SIDE]


def named(plan: Plan) -> str:
    """The steps of a plan in words."""
    return " then ".join(step.weights or step.method for step in plan.steps) or "nothing"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
