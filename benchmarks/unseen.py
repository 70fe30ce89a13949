"""Unseen damage: what every trained net does to damage that it was trained on, and to damage that it was not.

For each net whose result has the size of its input, and each damage: the mean gain in dB over the centres of four
pictures of CBSD68 (160x160, 8 bits), grey for nets for grey pictures, by the protocol "denoise". `seen` says whether
the recipe of the net draws damage of this kind, at whatever level. A net that needs the level of noise is told the
measured one. Writes results/unseen.csv; rows that are there are kept.

    RESTORA_DATA=DIR python benchmarks/unseen.py
"""

from pathlib import Path

import numpy as np

from restora.core.image import Image, to_grey
from restora.damage.chain import Chain, Damage
from restora.damage.words import draw, parse
from restora.data.sets import test_set
from restora.files.picture import read
from restora.learn.recipe import recipe_from
from restora.learn.weights import Weights, find, listed
from restora.methods.table import METHODS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import read_table, write_table
from restora.work.diagnose import diagnose
from restora.work.plan import plan_of_method, to_measure
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "unseen.csv"
SET, PICTURES, SIDE = "CBSD68", 4, 160
TASKS, NOT = ("denoise", "jpeg", "deblur", "translate"), ("temporal",)
"""Tasks of the nets, and methods that need more than a picture."""
DAMAGES = (
    *(f"noise(sigma={level / 255!r})" for level in (10, 25, 50)),
    "noise(camera, sigma=0.06)",
    "noise(poisson, peak=60)",
    "noise(speckle, sigma=0.2)",
    "noise(salt-and-pepper, amount=0.1)",
    "jpeg(quality=20)",
    "blur(sigma=1.6)",
    "blur(motion, length=13, angle=30)",
    "noise(sigma=0)",
)
"""The last one is no damage: its row is PSNR against the clean picture, as a gain would be endless."""


def kinds(damage: Damage) -> set[tuple[str, str]]:
    """Family and kind of a damage, or of all damages in a chain."""
    if isinstance(damage, Chain):
        return set().union(*map(kinds, damage.damages))
    return {(damage.family, damage.kind)}


def is_seen(weights: Weights, words: str) -> bool:
    """Whether a net was trained on damage of this kind."""
    rng = np.random.default_rng(0)
    drawn = (kinds(draw(each, rng)) for each in recipe_from(weights.recipe, weights.name).damages)
    return kinds(parse(words)) <= set().union(*drawn)


def pairs(words: str, channels: int) -> list[tuple[Image, np.ndarray]]:
    """Damaged y, and clean x (H, W, C) in 8 bits."""
    found = []
    for path in test_set(SET).first(PICTURES).paths:
        x = read(path).pixels
        top, left = ((side - SIDE) // 2 for side in x.shape[:2])
        x = x[top : top + SIDE, left : left + SIDE]
        x = to_grey(x) if channels == 1 else x
        y = parse(words).apply(x, np.random.default_rng(0))
        found.append((Image(np.rint(y.clip(0, 1) * 255).astype(np.float32) / np.float32(255)), x))
    return found


def gain(weights: Weights, words: str) -> float:
    """The mean gain of a net in dB; for undamaged pictures the mean PSNR of the result."""
    method, gains = METHODS[weights.card["method"]], []
    for y, x in pairs(words, weights.card["channels"]):
        found = diagnose(y) if to_measure(method, weights.name, {}) else None
        plan = plan_of_method(method.name, {}, found, weights=weights.name, precision="f32")
        before, after = (measure(each.pixels, x, PROTOCOLS["denoise"]).psnr for each in (y, restore(y, plan)[0]))
        gains.append(after if words == DAMAGES[-1] else after - before)
    return float(np.mean(gains))


def main() -> None:
    """Measure what is missing, print and write."""
    rows = read_table(RESULTS) if RESULTS.exists() else []
    for name in listed():
        weights = find(name)
        if weights.card["task"] not in TASKS or weights.card["method"] in NOT:
            continue
        for words in DAMAGES:
            if any((row["weights"], row["damage"]) == (name, words) for row in rows):
                continue
            row = {"weights": name, "damage": words, "seen": str(is_seen(weights, words))}
            row |= {"set": f"{SET}[:{PICTURES}]", "gain": f"{gain(weights, words):.3f}"}
            rows.append(row)
            print(*row.values(), flush=True)
        write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
