"""How well marks on photographs are found and repaired, and how often clean pictures are taken for marked ones.

Made marks of each kind lie on photographs that training did not see: 16 of BSD100, and the middle 512x512 of the
photographs held out in training, every other one in grey. Precision is the share of the found pixels that are at most
two pixels from a mark, recall the share of the marked pixels that were found, F1 their harmonic mean, over all pixels
of all pictures. Clean are BSD100, Set14, LIVE1, Classic5, samples of scikit-image, and pages drawn by matplotlib; the
first and the samples are also examined with noise.
Repaired are 6 pictures of BSD100 with each kind of marks, plain and with noise: PSNR over all channels before, and
after filling and removing noise in both orders, with the mask that was found. Writes results/marks.csv,
marks_alarms.csv and marks_repair.csv, and the scores of marks.csv to the card of the weights.

    RESTORA_DATA=DIR python benchmarks/marks.py [kinds] [alarms] [repair]
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from matplotlib.figure import Figure

from restora.core.image import Image, to_grey
from restora.core.plan import Plan
from restora.damage.marks import marked
from restora.damage.words import KINDS, parse
from restora.data.photographs import gather, pixels_of, split
from restora.data.sets import test_set
from restora.engines.marks import marks_of
from restora.engines.openvino_ import openvino_engine
from restora.files.picture import read
from restora.learn.recipe import recipe_from
from restora.learn.weights import find, rescore
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.signs.marks import WEIGHTS
from restora.work.bench import write_table
from restora.work.diagnose import diagnose
from restora.work.plan import FILLING, plan_to_fill
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results"
SCANS = {"clean": "", "scanned": " | noise(sigma=0.015) | jpeg(quality=85)"}
SAMPLES = [
    "astronaut", "camera", "chelsea", "coffee", "rocket", "moon", "page", "text", "brick", "clock", "coins",
    "cell", "colorwheel", "horse", "hubble_deep_field", "immunohistochemistry", "logo", "retina", "stereo_motorcycle",
]  # fmt: skip
NEAR = 2
NOISE = "noise(sigma=0.03)"
NOISY, NOISES = ("BSD100", "samples of scikit-image"), ("noise(sigma=0.04)", "noise(sigma=0.1)")


def mask_of(y: np.ndarray) -> np.ndarray:
    """The mask (H, W) that is found in y (H, W, C)."""
    weights = find(WEIGHTS)
    engine, image = openvino_engine(weights.onnx, "f32"), Image(np.asarray(y, np.float32))
    return marks_of(image.window, image.shape[:2], engine, weights.card["halo"], weights.card["multiple"])


def eight_bit(y: np.ndarray) -> np.ndarray:
    """y as a file of 8 bits holds it."""
    return np.rint(y.clip(0, 1) * 255).astype(np.float32) / 255


def pictures() -> list[np.ndarray]:
    """The pictures that get marks; every other one is grey."""
    recipe = recipe_from(find(WEIGHTS).recipe, WEIGHTS)
    held = split(gather(recipe.data.folders, recipe.data.licence), recipe.data.hold_out)[1]
    found = [read(path).pixels for path in test_set("BSD100").paths[:16]]
    for photo in held:
        pixels = pixels_of(photo).astype(np.float32) / 255
        top, left = (max(0, side - 512) // 2 for side in pixels.shape[:2])
        found.append(pixels[top : top + 512, left : left + 512])
    return [to_grey(x) if number % 2 else x for number, x in enumerate(found)]


def kinds() -> list[dict[str, str]]:
    """Precision, recall and F1 for each kind of marks, plain and scanned."""
    rows, photographs = [], pictures()
    for kind in KINDS["marks"]:
        for scan, after in SCANS.items():
            near = right = there = found = 0
            for number, x in enumerate(photographs):
                y, m = marked(parse(f"marks({kind.kind}){after}"), x, np.random.default_rng(number))
                m_hat = mask_of(eight_bit(y))
                close = cv2.dilate(m.astype(np.uint8), np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)) > 0
                near, right = near + int((m_hat & close).sum()), right + int((m_hat & m).sum())
                there, found = there + int(m.sum()), found + int(m_hat.sum())
            precision, recall = near / max(1, found), right / max(1, there)
            f1 = 2 * precision * recall / max(1e-9, precision + recall)
            row = {"kind": kind.kind, "picture": scan, "damage": f"marks({kind.kind}){after}"}
            row |= {
                "pictures": str(len(photographs)),
                "marked": f"{there / sum(x[:, :, 0].size for x in photographs):.4f}",
            }
            row |= {"precision": f"{precision:.3f}", "recall": f"{recall:.3f}", "f1": f"{f1:.3f}"}
            print(row, flush=True)
            rows.append(row)
    return rows


def clean() -> Iterator[tuple[str, str, np.ndarray]]:
    """Pictures without marks: (set, name, pixels)."""
    for name in ("BSD100", "Set14", "LIVE1", "Classic5"):
        for path in test_set(name).paths:
            yield name, path.stem, read(path).pixels
    for name in SAMPLES:
        sample = getattr(skimage.data, name, None)
        try:
            pixels = sample() if sample else None
        except (OSError, ImportError, RuntimeError):  # it would have to be downloaded
            continue
        if pixels is None:
            continue
        pixels = pixels[0] if isinstance(pixels, tuple) else pixels
        pixels = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else max(1, pixels.max()))
        yield "samples of scikit-image", name, np.atleast_3d(pixels)[:, :, :3]
    for number in range(20):
        yield "drawn pages", f"page {number}", page(number)


def noisy() -> Iterator[tuple[str, str, np.ndarray]]:
    """Some of them with noise."""
    for words in NOISES:
        for number, (name, called, x) in enumerate(clean()):
            if name in NOISY:
                yield f"{name}, {words}", called, eight_bit(parse(words).apply(x, np.random.default_rng(number)))


def page(number: int) -> np.ndarray:
    """A page (h, w, 3) with text, curves, bars or a grid."""
    rng = np.random.default_rng(number)
    figure = Figure(figsize=(6, 4), dpi=100, facecolor="white" if number % 4 else "black")
    if number % 5 == 0:
        for line in range(20):
            words = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz      "), 70))
            figure.text(0.05, 0.95 - 0.045 * line, words, size=10, color="black" if number % 4 else "white")
    else:
        axes = figure.add_subplot(title=f"Figure {number}", xlabel="time (s)", ylabel="value")
        axes.grid(visible=number % 2 == 0)
        for curve in range(1 + number % 4):
            axes.plot(np.cumsum(rng.standard_normal(200)), label=f"curve {curve}", linewidth=1 + curve / 2)
        axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    pixels = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return pixels[:, :, ::-1].astype(np.float32) / 255


def alarms() -> list[dict[str, str]]:
    """The clean pictures in which something was found, by set."""
    told: dict[str, list[tuple[str, float, bool]]] = {}
    for name, called, x in (*clean(), *noisy()):
        share, present = float(mask_of(x).mean()), diagnose(Image(x)).findings["marks"].present
        told.setdefault(name, []).append((called, share, present))
        if share:
            print(f"{name} {called}: {100 * share:.3f} %", flush=True)
    rows = []
    for name, each in told.items():
        wrong = [f"{called} {100 * share:.3f} %" for called, share, _ in each if share]
        row = {"set": name, "pictures": str(len(each)), "not_empty": str(len(wrong))}
        row |= {"diagnosed": str(sum(present for *_, present in each)), "largest": f"{max(s for _, s, _ in each):.5f}"}
        rows.append(row | {"which": "; ".join(wrong)})
        print(row, flush=True)
    return rows


def repair() -> list[dict[str, str]]:
    """PSNR before and after, for each kind of marks, plain and noisy."""
    rows, photographs = [], [read(path).pixels for path in test_set("BSD100").paths[:6]]
    fill = plan_to_fill({"mask": "found"}, {"grain": 0.0}, FILLING)
    denoise = restore_noise()
    cases = {"": {"filled": fill}, f" | {NOISE}": {"filled": both(fill, denoise), "last": both(denoise, fill)}}
    for kind in KINDS["marks"]:
        for after, plans in cases.items():
            scores: dict[str, list[float]] = {}
            for number, x in enumerate(photographs):
                words = f"marks({kind.kind}){after}"
                y = eight_bit(marked(parse(words), x, np.random.default_rng(100 + number))[0])
                scores.setdefault("before", []).append(psnr(y, x))
                for name, plan in plans.items():
                    scores.setdefault(name, []).append(psnr(restore(Image(y), plan)[0].pixels, x))
                if after:
                    scores.setdefault("only_denoised", []).append(psnr(restore(Image(y), denoise)[0].pixels, x))
            row = {"kind": kind.kind, "damage": words, "filler": FILLING, "pictures": str(len(photographs))}
            for name in ("before", "filled", "only_denoised", "last"):
                row[f"psnr_{name}"] = f"{np.mean(scores[name]):.2f}" if name in scores else ""
            print(row, flush=True)
            rows.append(row)
    return rows


def restore_noise() -> Plan:
    """The plan that removes the noise of `repair`."""
    from restora.work.plan import plan_of_treatment
    from restora.work.rules import NOISE as FOR_NOISE

    return plan_of_treatment(FOR_NOISE, "white noise")


def both(first: Plan, second: Plan) -> Plan:
    """One plan after the other."""
    return Plan((*first.steps, *second.steps), "", precision="f32")


def psnr(x_hat: np.ndarray, x: np.ndarray) -> float:
    """PSNR over all channels in 8 bits."""
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr


def main() -> None:
    """Measure, print and write."""
    for name, make in {"kinds": kinds, "alarms": alarms, "repair": repair}.items():
        if name in (sys.argv[1:] or ("kinds", "alarms", "repair")):
            rows = make()
            write_table(RESULTS / ("marks.csv" if name == "kinds" else f"marks_{name}.csv"), rows)
            if name == "kinds":
                weights = find(WEIGHTS)
                facts = {"weights_sha256": weights.checksum[:16], "precision": "f32", "protocol": "marks"}
                rescore(weights, [row | facts for row in rows], None)


if __name__ == "__main__":
    main()
