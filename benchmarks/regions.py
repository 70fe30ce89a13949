"""How well damaged regions are found, and what repairing only these gains, on photographs that no net has seen.

Found: every picture of BSD100 with one to four regions of random classes (seed: its number), in 8 bits; average
precision at an intersection over union of 0.5, and precision and recall at the default score. False boxes: those found
on the same pictures without damage. The default score and the use of mirror images were chosen with BSD100 in view, so
the same is measured on a hundred photographs of train/bsds400, which neither choice nor training has seen. Repaired:
the first PICTURES of BSD100 with regions of one class; PSNR by protocol "denoise" of the input, of `restora repair`, of
the same with the true boxes given, and of the net of the class on the whole picture (where the class is filled and not
restored by a net: that of restora.photo). The seconds are of each picture in turn, one way after the other. Writes
results/regions.csv, and the scores to the card; sets that are not named keep their rows.

    RESTORA_DATA=DIR python benchmarks/regions.py [SET ...]
"""

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.regions import CLASSES, Regions
from restora.data.photographs import gather
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.learn.weights import find, rescore
from restora.methods.table import method_named
from restora.metrics.detection import average_precision, mean_average_precision, overlaps
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.detect import LEAST, NETS
from restora.stages.find import find_regions
from restora.stages.load import load_net
from restora.work.bench import write_table
from restora.work.decide import to_repair
from restora.work.restore import restore

RESULTS = Path(__file__).parent.parent / "results" / "regions.csv"
NAME, SET, UNSEEN, PICTURES = "faster-rcnn.regions", "eval/BSD100", "train/bsds400", 6
WHOLE = "restora.photo"
SCORE = next(float(knob.default or 0) for knob in method_named("faster-rcnn").knobs if knob.name == "score")


def eight_bit(y: np.ndarray) -> np.ndarray:
    """y as a file of 8 bits holds it."""
    return (np.rint(y.clip(0, 1) * 255) / 255).astype(np.float32)


def counts(found: list[np.ndarray], true: list[np.ndarray], kind: int) -> tuple[int, int, int]:
    """(right, found, existing) boxes of a class at the default score; one that is found twice is right once."""
    right = several = existing = 0
    for boxes, theirs in zip(found, true, strict=True):
        mine = boxes[(boxes[:, 4] == kind) & (boxes[:, 5] >= SCORE)]
        wanted = theirs[theirs[:, 4] == kind]
        right += int((overlaps(wanted, mine) >= 0.5).any(1).sum()) if len(mine) else 0
        several, existing = several + len(mine), existing + len(wanted)
    return right, several, existing


def detection_rows(photos: list[np.ndarray], folder: str) -> list[dict[str, str]]:
    """Average precision, precision, recall and false boxes, by class, then of all."""
    weights = find(NAME)
    engine = load_net(weights, method_named("faster-rcnn"), Backend("openvino"), "f32")

    def regions_in(y: np.ndarray) -> np.ndarray:
        return find_regions(y, lambda tile: engine({"y": tile})["boxes"], weights.card["side"], LEAST)

    damaged = [Regions(4, 1).marked(x, np.random.default_rng(seed)) for seed, x in enumerate(photos)]
    true = [regions for _, regions in damaged]
    found, clean = [regions_in(eight_bit(y)) for y, _ in damaged], [regions_in(x) for x in photos]
    rows = []
    for kind, name in enumerate((*CLASSES, "all")):
        of = range(len(CLASSES)) if name == "all" else (kind,)
        right, several, existing = np.sum([counts(found, true, each) for each in of], 0)
        alone = average_precision(found, true, kind)
        score = mean_average_precision(found, true, len(CLASSES)) if name == "all" else (alone or 0.0)
        false = [int(((boxes[:, 5] >= SCORE) & np.isin(boxes[:, 4], of)).sum()) for boxes in clean]
        row = {
            "class": name,
            "set": folder,
            "pictures": str(len(photos)),
            "regions": str(existing),
            "ap50": f"{score:.3f}",
        }
        row |= {"precision": f"{right / max(1, several):.3f}", "recall": f"{right / existing:.3f}"}
        row |= {"clean_pictures": str(len(photos)), "false_boxes": str(sum(false))}
        rows.append(row | {"pictures_with_false_boxes": str(sum(map(bool, false)))})
        print(rows[-1], flush=True)
    return rows


def repaired(photos: list[np.ndarray], kind: str) -> dict[str, str]:
    """PSNR and seconds of both ways of repair, the mean over pictures with regions of one class."""
    weights = NETS.get(kind, WHOLE)
    whole = Plan((Step("restora", "", weights),), "")
    scores, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed, x in enumerate(photos):
            y, regions = Regions(2, 1, kind).marked(x, np.random.default_rng(seed))
            if not len(regions) or len(scores) == PICTURES:
                continue
            y, boxes = eight_bit(y), Path(folder) / "boxes.json"
            boxes.write_text(str(regions[:, :4].tolist()))
            plans = to_repair({}, {}), to_repair({"boxes": str(boxes)}, {}), whole
            results, times = [y], []
            for plan in plans:
                started = time.perf_counter()
                results.append(restore(Image(y), plan)[0].pixels)
                times.append(time.perf_counter() - started)
            scores.append([measure(x_hat, x, PROTOCOLS["denoise"]).psnr for x_hat in results])
            seconds.append(times)
    names = ("psnr_damaged", "psnr_repaired", "psnr_repaired_in_true_boxes", "psnr_whole_picture")
    row = {"repaired_pictures": str(len(scores))}
    row |= {name: f"{value:.2f}" for name, value in zip(names, np.mean(scores, 0), strict=True)}
    times = np.median(seconds, 0)
    return row | {"seconds_repaired": f"{times[0]:.2f}", "seconds_whole_picture": f"{times[2]:.2f}"}


def photos_of(folder: str) -> list[np.ndarray]:
    """The first hundred photographs of a set, without those that are in other test sets."""
    chosen = gather([folder], "", "train/leave_out.txt" if folder == UNSEEN else "")[:100]
    return [read(photo.path).pixels for photo in chosen]


def main() -> None:
    """Find, repair, measure, print, write, and put the scores on the card."""
    kept: dict[str, list[dict[str, str]]] = {SET: [], UNSEEN: []}
    if RESULTS.exists():
        with RESULTS.open(newline="") as lines:
            for row in csv.DictReader(lines):
                kept[row["set"]].append(row)
    for folder in sys.argv[1:] or kept:
        photos = photos_of(folder)
        rows = detection_rows(photos, folder)
        if folder == SET:
            with_repair(rows, photos)
        kept[folder] = rows
        write_table(RESULTS, [row for rows in kept.values() for row in rows])
    weights = find(NAME)
    same = {"protocol": "regions", "weights_sha256": weights.checksum[:16], "precision": "f32"}
    rescore(weights, [row | same for rows in kept.values() for row in rows], None)


def with_repair(rows: list[dict[str, str]], photos: list[np.ndarray]) -> None:
    """Add what repair gains to the row of each class, and the mean to that of all."""
    kinds = [row for row in rows if row["class"] in CLASSES]
    for row in kinds:
        row.update(repaired(photos, row["class"]))
        print(row, flush=True)
    for name in list(kinds[0])[list(kinds[0]).index("repaired_pictures") :]:
        rows[-1][name] = f"{np.mean([float(row[name]) for row in kinds]):.2f}"
    rows[-1]["repaired_pictures"] = str(sum(int(row["repaired_pictures"]) for row in kinds))


if __name__ == "__main__":
    main()
