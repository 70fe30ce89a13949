"""Measure denoisers on the field's test sets and write results/denoise.csv.

python benchmarks/quality.py                      every method, BSD68 and CBSD68 at sigma 25
python benchmarks/quality.py --method restora --set CBSD68 --sigma 15 25 50
"""

import argparse
import csv
from pathlib import Path

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.image import Image
from restora.core.plan import Plan
from restora.data.sets import test_set
from restora.learn.weights import find, listed, rescore
from restora.methods.table import METHODS
from restora.work.bench import bench, write_rows
from restora.work.plan import plan_of_method

RESULTS = Path(__file__).parent.parent / "results" / "denoise.csv"


def write_cards() -> None:
    """Copy the rows of each weights' results to their card."""
    with RESULTS.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in listed():
        mine = [
            {k: v for k, v in row.items() if k not in ("method", "weights")} for row in rows if row["weights"] == name
        ]
        losses = [bf16_loss(row, mine) for row in mine if row["precision"] == "bf16"]
        rescore(find(name), mine, max(losses) if losses else None)
        print(f"{name}: {len(mine)} scores, bf16 costs {losses} dB")


def bf16_loss(coarse: dict[str, str], rows: list[dict[str, str]]) -> float:
    """What a row in bf16 lost against the row in f32 of the same pictures and damage; engines agree in f32."""
    same = ("set", "damage", "seed")
    exact = next(row for row in rows if row["precision"] == "f32" and all(row[key] == coarse[key] for key in same))
    return round(float(exact["psnr"]) - float(coarse["psnr"]), 3)


def main() -> None:
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="*", default=["nothing", *METHODS])
    parser.add_argument("--weights")
    parser.add_argument("--set", nargs="*", default=["BSD68", "CBSD68"])
    parser.add_argument("--sigma", nargs="*", type=float, default=[25.0], help="of 255")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--engine", default="openvino")
    parser.add_argument(
        "--card", action="store_true", help="write the scores in results/ on the weights' cards, and stop"
    )
    arguments = parser.parse_args()
    if arguments.card:
        write_cards()
        return
    for name in arguments.set:
        tests = test_set(name)
        for sigma in arguments.sigma:
            for method in arguments.method:

                def plan_for(image: Image, method: str = method, level: float = sigma / 255) -> Plan:
                    if method == "nothing":
                        return Plan((), "the damaged picture itself")
                    # The level is given, as the protocol gives it to every method that asks for it.
                    known = Finding("noise_level", level, "0..1", 1.0, True, "given")
                    diagnosis = Diagnosis({"noise_level": known})
                    return (
                        plan_of_method(method, {}, diagnosis, weights=arguments.weights, precision=arguments.precision)
                        if METHODS[method].kind == "learned"
                        else plan_of_method(method, {}, diagnosis)
                    )

                row = bench(tests, f"noise(sigma={sigma / 255!r})", plan_for, engine=arguments.engine)
                write_rows(RESULTS, [row])
                print(
                    f"{name} sigma {sigma:g}: {row.method} {row.weights} {row.psnr:.2f} dB, SSIM {row.ssim:.4f},"
                    f" {row.seconds_a_megapixel:.2f} s/MP ({row.engine} {row.precision})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
