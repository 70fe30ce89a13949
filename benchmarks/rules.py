"""What treats what: damages of one kind and of two at once, on photographs that training held out.

For each damage: the kinds that diagnosis finds, the gain in dB of every treatment of the table of rules, into
results/rules.csv, and what `restora fix` does, picture by picture, into results/mixtures.csv. PSNR by protocol
"denoise", after clipping and rounding to 8 bits, of the centre of each photograph.

    RESTORA_DATA=DIR python benchmarks/rules.py            all of them
    RESTORA_DATA=DIR python benchmarks/rules.py pepper     those whose words hold this one; other rows are kept
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.plan import Plan
from restora.damage.words import parse
from restora.data.photographs import gather, split
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table
from restora.work.fix import plan_to_fix
from restora.work.plan import plan_of_treatment
from restora.work.restore import restore
from restora.work.rules import RULES, kinds_of

RESULTS = Path(__file__).parent.parent / "results"
FOLDERS, HELD_OUT = ["train/free", "train/free2"], 8
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
    "blur(sigma=1.2) | noise(sigma=0.047)", "blur(sigma=1.2) | jpeg(quality=25)",
    "blur(motion, length=9, angle=30) | noise(sigma=0.047)", "blur(motion, length=9, angle=30) | jpeg(quality=25)",
)  # fmt: skip


def main(only: str) -> None:
    """Damage, diagnose, treat in every way, score, print and write."""
    photographs = [middle(read(photo.path).pixels) for photo in split(gather(FOLDERS, ""), HELD_OUT)[1][:PICTURES]]
    treatments = list(dict.fromkeys(treatment for rule in RULES for treatment in rule.treatments))
    gains, fixed = read_table(RESULTS / "rules.csv", ["damage"]), read_table(RESULTS / "mixtures.csv", ["damage"])
    for words in (each for each in DAMAGES if only in each):
        gains, fixed = ([row for row in rows if row["damage"] != words] for rows in (gains, fixed))
        found, gained = Counter[str](), {treatment: list[float]() for treatment in treatments}
        for number, x in enumerate(photographs):
            y = Image(np.rint(parse(words).apply(x, np.random.default_rng(0)).clip(0, 1) * 255) / np.float32(255))
            before = measure(y.pixels, x, PROTOCOLS["denoise"]).psnr
            for treatment in treatments:
                x_hat = restore(y, plan_of_treatment(treatment, ""))[0].pixels
                gained[treatment].append(measure(x_hat, x, PROTOCOLS["denoise"]).psnr - before)
            diagnosis, plan = plan_to_fix(y)
            kinds = " and ".join(sorted(kinds_of(diagnosis))) or "nothing"
            found[kinds] += 1
            after = measure(restore(y, plan)[0].pixels, x, PROTOCOLS["denoise"]).psnr
            row = {"damage": words, "picture": str(number), "found": kinds, "plan": named(plan)}
            fixed.append(row | {"psnr_damaged": f"{before:.3f}", "psnr_fixed": f"{after:.3f}"})
        means = {" then ".join(treatment): f"{np.mean(values):.3f}" for treatment, values in gained.items()}
        mine = [row for row in fixed if row["damage"] == words]
        by_fix = np.mean([float(row["psnr_fixed"]) - float(row["psnr_damaged"]) for row in mine])
        damaged = np.mean([float(row["psnr_damaged"]) for row in mine])
        seen = "; ".join(f"{kinds} ({count})" for kinds, count in found.most_common())
        gains.append({"damage": words, "found": seen, "psnr_damaged": f"{damaged:.3f}", "fix": f"{by_fix:.3f}"} | means)
        print(gains[-1], flush=True)
        write_table(RESULTS / "rules.csv", in_order(gains))
        write_table(RESULTS / "mixtures.csv", in_order(fixed))


def in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows in the order of DAMAGES, without those of damages that are measured no more."""
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
