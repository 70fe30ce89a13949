"""The sign of blur: what it finds in sharp and in blurred photographs, with what size and angle.

The centre of each photograph, of up to 640x640 pixels, gets each damage; the sign is computed on the crops that
diagnosis takes. results/blur_sign.csv has a row for each damage: how many pictures were found sharp, Gaussian, disk or
motion, or were not measured; and the median error of size and angle where the kind is right. The photographs are 24 of
`train/free` and `train/free2`; sizes and thresholds were set on others when blurred, but the sharp ones were seen.
results/blur_sign_alarms.csv has the number of pictures found blurred in sets of sharp pictures, and in pictures that
must be left alone: shallow focus (a sharp ellipse of a sixth of the area, the rest blurred by a disk of radius 4), fog
(40 % of the contrast, on light grey) and sky (a smooth gradient with weak noise).

    RESTORA_DATA=DIR python benchmarks/blur_sign.py
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from restora.core.diagnosis import Finding
from restora.core.image import Image
from restora.damage.words import parse
from restora.data.photographs import gather
from restora.data.sets import test_set
from restora.files.picture import read
from restora.signs.blur import blur
from restora.signs.cepstrum import apart
from restora.work.bench import write_table
from restora.work.diagnose import spread

RESULTS = Path(__file__).parent.parent / "results"
LARGEST = 640
EVERY = 8
BLURS = (
    "blur(sigma=0.7)", "blur(sigma=1.0)", "blur(sigma=1.2)", "blur(sigma=1.6)", "blur(sigma=2.5)",
    "blur(disk, radius=1.5)", "blur(disk, radius=2)", "blur(disk, radius=3)", "blur(disk, radius=5)",
    "blur(motion, length=5, angle=20)", "blur(motion, length=7, angle=75)", "blur(motion, length=9, angle=130)",
    "blur(motion, length=13, angle=0)", "blur(motion, length=19, angle=45)", "blur(motion, length=25, angle=100)",
)  # fmt: skip
LATER = ("", " | noise(sigma=0.008) | jpeg(quality=90)")
SHARP = ("noise(sigma=0)", "jpeg(quality=75)", "jpeg(quality=90)", "noise(sigma=0.008)")
SETS = ("BSD100", "Set14", "LIVE1", "Classic5")
KINDS = ("sharp", "sigma", "radius", "length", "not measured")
"""What is found, by the fact that tells the size."""


def main() -> None:
    """Damage, look, count, print and write."""
    photographs = [middle(photo.path) for photo in gather(["train/free", "train/free2"], "")[1::EVERY]]
    rows = []
    for words in (each + later for each in ("noise(sigma=0)", *BLURS) for later in LATER):
        rows.append(counted(words, [look(damaged(x, words)) for x in photographs]))
        print(rows[-1], flush=True)
    write_table(RESULTS / "blur_sign.csv", rows)
    write_table(RESULTS / "blur_sign_alarms.csv", list(alarms(photographs)))


def alarms(photographs: list[np.ndarray]) -> Iterator[dict[str, str]]:
    """Rows with the number of pictures that were found blurred although they are not."""
    sets = {name: [middle(path) for path in test_set(name).paths] for name in SETS}
    for name, pictures in ({"photographs": photographs} | sets).items():
        for words in SHARP:
            yield row(name, words, [look(damaged(x, words)) for x in pictures])
    made = {"shallow focus": shallow, "fog": lambda x: 0.55 + 0.4 * x, "sky": sky}
    for name, make in made.items():
        yield row(name, "", [look(damaged(make(x), "noise(sigma=0.004)")) for x in photographs])
    yield row(
        "cameras at full resolution (CC15, means)", "", [look(read(path).pixels) for path in test_set("CC15").paths]
    )


def row(name: str, words: str, found: list[Finding]) -> dict[str, str]:
    """A row of the table of alarms."""
    present = sum(each.present for each in found)
    result = {"pictures": name, "damage": words, "number": str(len(found)), "found_blurred": str(present)}
    print(result, flush=True)
    return result


def look(y: np.ndarray) -> Finding:
    """The finding in the crops that diagnosis takes."""
    picture = Image(y)
    return blur([picture.window(*rectangle) for rectangle in spread(*picture.shape[:2])])


def counted(words: str, found: list[Finding]) -> dict[str, str]:
    """A row with the number of each kind, and the median error of size and angle where the kind is right."""
    kinds = [next((k for k in KINDS if k in each.facts), KINDS[0] if each.confidence else KINDS[-1]) for each in found]
    counts = Counter(kinds)
    result = {"damage": words} | {kind: str(counts[kind]) for kind in KINDS}
    told = re.search(r"blur\(.*?(sigma|radius|length)=([\d.]+)", words)
    right = [each for kind, each in zip(kinds, found, strict=True) if told and kind == told[1]]
    sizes = [abs(float(np.mean(each.value)) - float(told[2])) for each in right if told]
    result["size_error"] = f"{np.median(sizes):.2f}" if sizes else ""
    angle = re.search(r"angle=(\d+)", words)
    angles = [apart(each.facts["angle"], float(angle[1])) for each in right if angle]
    return result | {"angle_error": f"{np.median(angles):.1f}" if angles else ""}


def damaged(x: np.ndarray, words: str) -> np.ndarray:
    """The picture with a damage, rounded to 8 bits."""
    y = parse(words).apply(x, np.random.default_rng(0))
    return np.rint(y.clip(0, 1) * 255).astype(np.float32) / np.float32(255)


def shallow(x: np.ndarray) -> np.ndarray:
    """A photograph of which only an ellipse of a sixth of the area is sharp."""
    height, width = x.shape[:2]
    mask = np.zeros((height, width), np.float32)
    axes = round(width * 0.23), round(height * 0.23)
    cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)[:, :, None]
    return np.asarray(mask * x + (1 - mask) * parse("blur(disk, radius=4)").apply(x, np.random.default_rng(0)))


def sky(x: np.ndarray) -> np.ndarray:
    """A smooth gradient between the mean colours of the upper and the lower half of a photograph."""
    above, below = (half.mean((0, 1)) for half in np.array_split(x, 2))
    share = np.linspace(0, 1, x.shape[0], dtype=np.float32)[:, None, None]
    return np.asarray((1 - share) * above + share * below + 0 * x)


def middle(path: Path) -> np.ndarray:
    """The centre of a picture."""
    x = read(path).pixels
    top, left = (max(0, side - LARGEST) // 2 for side in x.shape[:2])
    return x[top : top + LARGEST, left : left + LARGEST]


if __name__ == "__main__":
    main()
