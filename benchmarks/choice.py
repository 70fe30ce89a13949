"""Does diagnosis choose well how to enlarge a small picture? Set5, by 2 and 4, with usual kinds of damage.

It compares `restora upscale`, which chooses by diagnosis, with EDSR with the weights for clean pictures, and with those
for real small pictures. PSNR of luma as in `restora bench superres`. Writes results/choice.csv.

    RESTORA_DATA=DIR python benchmarks/choice.py
"""

from collections import Counter
from functools import partial
from pathlib import Path

from restora.core.image import Image
from restora.core.plan import Plan
from restora.data.sets import test_set
from restora.work.bench import bench, write_table
from restora.work.diagnose import diagnose
from restora.work.plan import plan_to_enlarge_as_found
from restora.work.suite import Entry, plan_for

RESULTS = Path(__file__).parent.parent / "results" / "choice.csv"
SET = "Set5"
AFTER = (
    *(f" | jpeg(quality={quality})" for quality in (75, 90, 95)),
    *(f" | noise(sigma={sigma})" for sigma in (0.02, 0.06)),
    " | noise(sigma=0.04) | jpeg(quality=60)",
)


def main() -> None:
    """Enlarge, score, print and write."""
    rows, tests = [], test_set(SET)
    for scale in (2, 4):
        for after in AFTER:
            damage, chosen = f"shrink(scale={scale}){after}", Counter[str]()

            def by_diagnosis(y: Image, scale: int = scale, chosen: Counter[str] = chosen) -> Plan:
                plan = plan_to_enlarge_as_found(diagnose(y), y.shape, (y.shape[0] * scale, y.shape[1] * scale))
                chosen[" then ".join(str(step.weights) for step in plan.steps)] += 1
                return plan

            clean, real = (
                partial(plan_for, Entry(SET, damage, "edsr", f"edsr.x{scale}{tag}"), "f32") for tag in ("", "-real")
            )
            psnr = [bench(tests, damage, make_plan).psnr for make_plan in (clean, real, by_diagnosis)]
            row = {"set": SET, "damage": damage, "seed": 0, "protocol": "sr-y"}
            row |= zip(("psnr_clean", "psnr_real", "psnr_chosen"), psnr, strict=True)
            row["chosen"] = ", ".join(f"{name} ({count})" for name, count in chosen.most_common())
            rows.append({key: str(value) for key, value in row.items()})
            print(rows[-1], flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
