"""What a blend changes: PSNR of the plan of `restora fix` with shares of its change, and with removed texture put back.

Shares above 1 are not offered; they show why. "twice" is strength strong. Pictures in which nothing was found are left
out. Writes results/blend.csv.

    RESTORA_DATA=DIR python benchmarks/blend.py
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.plan import Blend
from restora.damage.words import parse
from restora.data.sets import test_set
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.blend import Blending, noise_of
from restora.work.bench import write_table
from restora.work.diagnose import spread
from restora.work.fix import plan_to_fix, with_strength
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "blend.csv"
SHARES = (0.0, 0.5, 0.8, 1.0, 1.1, 1.25)
TEXTURES = (0.5, 1.0)
SYNTHETIC = ("noise(sigma=0.06)", "noise(sigma=0.1)", "noise(camera, sigma=0.08)")
PICTURES = 8
"""Of BSD100, for each synthetic noise."""


def pairs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The group, the noisy and the clean picture (H, W, C)."""
    real = test_set("CC15")
    for noisy, clean in zip(real.noisy, real.paths, strict=True):
        yield "CC15", read(noisy).pixels, read(clean).pixels
    for words in SYNTHETIC:
        for number, path in enumerate(test_set("BSD100").paths[:PICTURES]):
            x = read(path).pixels
            yield f"BSD100, {words}", parse(words).apply(x, np.random.default_rng(number)), x


def scores(y: np.ndarray, x: np.ndarray) -> dict[str, float]:
    """PSNR by the name of a column; empty if the plan has no step."""
    plan = plan_to_fix(Image(y))[1]
    if not plan.steps:
        return {}

    def psnr(x_hat: np.ndarray) -> float:
        return measure(x_hat, x, PROTOCOLS["denoise"]).psnr

    full = restore(Image(y), plan)[0].pixels
    told = {f"share_{share:g}": psnr(y + np.float32(share) * (full - y)) for share in SHARES}
    told["twice"] = psnr(restore(Image(y), with_strength(plan, "strong"))[0].pixels)
    removed = Image(y - full)
    noise = noise_of([removed.window(*part) for part in spread(*y.shape[:2])])
    whole = 0, 0, *y.shape[:2]
    for texture in TEXTURES:
        stage = Blending(Blend(1, texture, noise), Image(y).window, y.shape[:2])
        told[f"texture_{texture:g}"] = psnr(stage.run(Image(full).window, whole))
    return told


def main() -> None:
    """Measure, print and write the means of each group."""
    groups: dict[str, list[dict[str, float]]] = {}
    for group, y, x in pairs():
        if told := scores(y, x):
            groups.setdefault(group, []).append(told)
    rows = []
    for group, told in groups.items():
        means = {name: f"{np.mean([each[name] for each in told]):.2f}" for name in told[0]}
        rows.append({"group": group, "pictures": str(len(told)), **means})
        print(rows[-1], flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
