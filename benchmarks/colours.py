"""Faded and yellowed photographs: what the signs find, and what `fix` gains.

Each damage is made on the centres of photographs, of up to 640x640 pixels, and rounded to 8 bits. results/colours.csv
has a row for each damage: the number of pictures, how many were found faded, yellowed and toned; PSNR, and the mean
colour difference CIEDE2000 (scikit-image), before and after the correction that the plan has, over all pictures; and
over all pictures if the correction is asked for. The photographs are those of `train/free` and `train/free2` that are
held out of training, and LIVE1. The thresholds were set on all undamaged pictures and on damaged ones of BSD100 and of
`train/free`, some of these among them, so the figures are a little optimistic.
results/colours_alarms.csv has the number of undamaged pictures in which either sign was
found, and of which the tone was called one hue.

    RESTORA_DATA=DIR python benchmarks/colours.py
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from skimage.color import deltaE_ciede2000, rgb2lab

from restora.core.diagnosis import Diagnosis
from restora.core.image import Image
from restora.core.plan import Plan
from restora.damage.words import parse
from restora.data.photographs import gather, split
from restora.data.sets import test_set
from restora.files.picture import read
from restora.metrics.scores import psnr
from restora.signs.fading import fading
from restora.signs.yellowing import yellowing
from restora.work.bench import write_table
from restora.work.colours import plan_to_correct, with_colours
from restora.work.diagnose import scattered, spread
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results"
LARGEST = 640
NOTHING = "noise(sigma=0)"
DAMAGES = (
    NOTHING,
    "fade(red=0.3, green=0.3, blue=0.3)", "fade(red=0.4, green=0.4, blue=0.4)", "fade(red=0.5, green=0.5, blue=0.5)",
    "fade(red=0.6, green=0.6, blue=0.6)", "fade(red=0.6, green=0.5, blue=0.55)", "fade(red=0.5, green=0.65, blue=0.6)",
    "fade(contrast, black=0.15)", "fade(contrast, black=0.25)", "fade(contrast, black=0.25, white=0.85)",
    "yellow(amount=0.2)", "yellow(amount=0.3)",
    "fade(red=0.4, green=0.4, blue=0.4) | yellow(amount=0.2)",
    "fade(red=0.5, green=0.5, blue=0.5) | yellow(amount=0.3)",
    "sepia()", "sepia() | fade(red=0.5, green=0.5, blue=0.5)", "stain(count=2)",
    "fade(red=0.5, green=0.5, blue=0.5) | noise(sigma=0.02) | jpeg(quality=90)",
)  # fmt: skip
SAMPLES = (
    "astronaut", "camera", "chelsea", "coffee", "rocket", "cat", "page", "text", "brick", "grass", "gravel", "coins",
    "moon", "clock", "hubble_deep_field", "immunohistochemistry", "retina", "colorwheel",
)  # fmt: skip
SETS = ("BSD100", "Set14", "LIVE1", "Classic5")


def main() -> None:
    """Damage, look, correct, compare, print and write."""
    _, held = split(gather(["train/free", "train/free2"], ""), 20)
    photographs = [middle(path) for path in [*(photo.path for photo in held), *test_set("LIVE1").paths]]
    write_table(RESULTS / "colours_alarms.csv", list(alarms()))
    rows = []
    for words in DAMAGES:
        rows.append(row_of(words, [x for x in photographs if x.shape[2] == 3]))
        print(rows[-1], flush=True)
    write_table(RESULTS / "colours.csv", rows)


def look(y: np.ndarray) -> Diagnosis:
    """Both findings, in the parts that diagnosis takes; where they are present, also in the parts that confirm them."""
    picture = Image(y)
    for places in (spread, scattered):
        crops = [picture.window(*rectangle) for rectangle in places(*y.shape[:2])]
        found = Diagnosis({"fading": fading(crops), "yellowing": yellowing(crops)})
        if len(crops) == 1 or not found.present:
            break
    return found


def alarms() -> Iterator[dict[str, str]]:
    """Rows with the number of undamaged pictures in which something was found."""
    groups = {name: test_set(name).paths for name in SETS}
    groups["photographs of train/free and train/free2"] = tuple(
        p.path for p in gather(["train/free", "train/free2"], "")
    )
    for name, paths in groups.items():
        yield alarm_row(name, [look(read(path).pixels) for path in paths])
    samples = [getattr(skimage.data, name)() for name in SAMPLES]
    pictures = [y.reshape(*y.shape[:2], -1)[:, :, :3].astype(np.float32) / 255 for y in samples]
    yield alarm_row("samples of scikit-image", [look(y) for y in pictures])


def alarm_row(name: str, found: list[Diagnosis]) -> dict[str, str]:
    """A row of the table of alarms."""
    row = {"pictures": name, "number": str(len(found))} | counts(found)
    print(row, flush=True)
    return row


def counts(found: list[Diagnosis]) -> dict[str, str]:
    """How many were found faded, yellowed and toned."""
    return {sign: str(sum(sign in each.present for each in found)) for sign in ("fading", "yellowing")} | {
        "toned": str(sum(bool(each.findings["yellowing"].facts.get("toned")) for each in found))
    }


def row_of(words: str, pictures: list[np.ndarray]) -> dict[str, str]:
    """A row: what was found, and the scores before, after `fix`, and after the correction that was asked for."""
    damaged = [rounded(parse(words).apply(x, np.random.default_rng(0))) for x in pictures]
    found = [look(y) for y in damaged]
    nothing = Plan((), "")
    fixed = [run(with_colours(nothing, each), y) for y, each in zip(damaged, found, strict=True)]
    asked = [run(plan_to_correct({}, each), y) for y, each in zip(damaged, found, strict=True)]
    row = {"damage": words, "pictures": str(len(pictures))} | counts(found)
    for name, results in {"damaged": damaged, "fixed": fixed, "asked": asked}.items():
        scores = [compared(x_hat, x) for x_hat, x in zip(results, pictures, strict=True)]
        psnr = np.mean([min(score[0], 99.0) for score in scores])  # undamaged: infinite
        row |= {f"psnr_{name}": f"{psnr:.2f}", f"ciede2000_{name}": f"{np.mean([score[1] for score in scores]):.2f}"}
    return row


def run(plan: Plan, y: np.ndarray) -> np.ndarray:
    """The result of a plan, rounded."""
    return rounded(restore(Image(y), plan)[0].pixels) if plan.steps else y


def compared(x_hat: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """PSNR in dB, and the mean CIEDE2000 over every other pixel of every other row."""
    difference = deltaE_ciede2000(rgb2lab(x[::2, ::2]), rgb2lab(x_hat[::2, ::2])).mean()
    return psnr(255 * x_hat, 255 * x), float(difference)


def rounded(y: np.ndarray) -> np.ndarray:
    """Clipped and rounded to 8 bits."""
    return np.rint(y.clip(0, 1) * 255).astype(np.float32) / np.float32(255)


def middle(path: Path) -> np.ndarray:
    """The centre of a picture."""
    x = read(path).pixels
    top, left = (max(0, side - LARGEST) // 2 for side in x.shape[:2])
    return x[top : top + LARGEST, left : left + LARGEST]


if __name__ == "__main__":
    main()
