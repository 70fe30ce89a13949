"""The loss by saving a restored JPEG as JPEG again, and the size of the file, by the quality of both.

Photographs are saved as JPEG, some with noise, and restored by `restora fix`, if it finds something. The result is
saved at the given quality, at that of `quality_like`, which is the default of the commands, and at 95. `gain_db` is how
much nearer to the photograph the result is than what was given, before it is saved, and `loss_db` how much of that
saving costs: PSNR without rounding, means, and the largest loss. `size` is the size of the file, of that of the given
one. Writes results/saving.csv.

    RESTORA_DATA=DIR python benchmarks/saving.py
"""

import tempfile
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.damage.words import parse
from restora.data.sets import test_set
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.bench import write_table
from restora.work.fix import plan_to_fix
from restora.work.restore import restore
from restora.work.saving import quality_like

RESULTS = Path(__file__).parent.parent / "results" / "saving.csv"
PICTURES, SIDE = 6, 384
GIVEN = (20, 40, 60, 75, 85, 92)
NOISES = ("", "noise(sigma=0.04)")


def main() -> None:
    """Damage, restore, save, measure, print and write."""
    rows = []
    paths = test_set("LIVE1").paths
    chosen = paths[:: len(paths) // PICTURES][:PICTURES]
    with tempfile.TemporaryDirectory() as folder:
        for noise in NOISES:
            for given in GIVEN:
                found = [each for path in chosen if (each := measured(path, noise, given, Path(folder)))]
                for saved in found[0] if found else ():
                    losses, sizes, gains = np.array([each[saved] for each in found]).T
                    rows.append({
                        "noise": noise, "given": given, "saved": saved, "pictures": len(found),
                        "gain_db": f"{gains.mean():.2f}", "loss_db": f"{losses.mean():.2f}",
                        "largest_loss_db": f"{losses.max():.2f}", "size": f"{np.exp(np.log(sizes).mean()):.2f}",
                    })  # fmt: skip
                    print(rows[-1], flush=True)
                write_table(RESULTS, rows)


def measured(path: Path, noise: str, quality: int, folder: Path) -> dict[int, tuple[float, float, float]]:
    """(loss in dB, size, gain in dB) of a picture by the quality of its result; empty if nothing was found in it."""
    x, rng = read(path).pixels[:SIDE, :SIDE], np.random.default_rng(0)
    y = parse(noise).apply(x, rng).clip(0, 1) if noise else x
    given, saved = folder / "given.jpg", folder / "saved.jpg"
    write(Image(y), given, force=True, quality=quality)
    picture = open_picture(given)
    plan = plan_to_fix(picture)[1]
    if not plan.steps:
        return {}
    x_hat = restore(picture.load(), plan)[0].pixels.clip(0, 1)
    before, after = (measure(each, x, PROTOCOLS["float"]).psnr for each in (picture.load().pixels, x_hat))
    found = {}
    for each in sorted({quality, quality_like(quality), 95}):
        write(Image(x_hat), saved, force=True, quality=each)
        loss = after - measure(read(saved).pixels, x, PROTOCOLS["float"]).psnr
        found[each] = loss, saved.stat().st_size / given.stat().st_size, after - before
    return found


if __name__ == "__main__":
    main()
