"""The tables of the README and of docs/, from the cards of the weights and the files in results/."""

import csv
import re
from collections.abc import Sequence
from itertools import accumulate
from math import log2
from pathlib import Path
from typing import Any

from restora.data.sets import published
from restora.learn.weights import SHIPPED, listed, trainings, verify
from restora.methods.table import METHODS
from restora.work.plan import AS_FOUND

ROOT = Path(__file__).parent.parent
NAMES = {"bm3d": "BM3D", "dncnn": "DnCNN", "cdncnn": "colour DnCNN", "drunet": "DRUNet"}


def rows(name: str) -> list[dict[str, str]]:
    """A results file."""
    with (ROOT / "results" / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


def table(head: str, cells: str, measured: Sequence[dict[str, str]]) -> str:
    """A table: its head, and a line for each row; `cells` names the columns of the row in braces."""
    lines = [head, "|---" * (head.count("|") - 1) + "|", *(f"| {cells.format(**row)} |" for row in measured)]
    return "\n".join(lines)


def level(row: dict[str, str]) -> str:
    """Sigma of 255 of a row, as text."""
    found = re.fullmatch(r"noise\(sigma=([\d.]+)\)", row["damage"])
    return f"{255 * float(found[1]):g}" if found else row["damage"]


def scores(row: dict[str, str]) -> str:
    """PSNR and SSIM as two cells."""
    return f"{float(row['psnr']):.2f} | {float(row['ssim']):.4f}"


def quoted(name: str, damage: str) -> str:
    """The published numbers for a set and damage."""
    here = {who: value for (test, words, who), value in published().items() if (test, words) == (name, damage)}
    return ", ".join(f"{NAMES[who]} {value:.2f}" for who, value in here.items())


def seconds(row: dict[str, str]) -> str:
    """Seconds per megapixel with two cores, measured separately in a fresh process; empty if not measured."""
    path = ROOT / "results" / "denoise_cost.csv"
    costs = rows(path.name) if path.exists() else []
    same = [c for c in costs if (c["method"], c["weights"], c["threads"]) == (row["method"], row["weights"], "2")]
    return f"{float(same[0]['seconds_a_megapixel']):.2f}" if same else ""


def label(row: dict[str, str]) -> str:
    """The label of a row: its weights, otherwise its method."""
    return f"**{row['weights']}**" if row["weights"] else row["method"]


def quality_table() -> str:
    """Every measured denoiser at sigma 25, best first, with the literature below."""
    lines = []
    for name, kind in (("CBSD68", "68 colour photographs"), ("BSD68", "the same 68 in grey")):
        here = [row for row in rows("denoise.csv") if (row["set"], level(row), row["precision"]) == (name, "25", "f32")]
        lines += [f"**{name}** ({kind}), sigma = 25", ""]
        lines += ["| method | PSNR (dB) | SSIM | s per megapixel |", "|---|---|---|---|"]
        for row in sorted(here, key=lambda row: -float(row["psnr"])):
            lines.append(f"| {label(row)} | {scores(row)} | {seconds(row)} |")
        lines += ["", f"Published, same protocol: {quoted(name, here[0]['damage'])} dB.", ""]
    return "\n".join(lines).strip()


def levels_table() -> str:
    """The learned denoisers at every measured set and level, beside the literature."""
    lines = ["| weights | set | sigma | PSNR (dB) | SSIM | published (dB) |", "|---|---|---|---|---|---|"]
    learned = [
        row
        for row in rows("denoise.csv")
        if row["weights"] and row["precision"] == "f32" and level(row) != row["damage"]
    ]
    for row in sorted(learned, key=lambda row: (row["weights"], row["set"], float(level(row)))):
        literature = quoted(row["set"], row["damage"])
        lines.append(f"| {row['weights']} | {row['set']} | {level(row)} | {scores(row)} | {literature} |")
    return "\n".join(lines)


def kinds_table() -> str:
    """Noise other than white: every method that treats it, best first."""
    here = [row for row in rows("denoise.csv") if row["precision"] == "f32" and level(row) == row["damage"]]
    lines = []
    for name, damage in sorted({(row["set"], row["damage"]) for row in here}):
        lines += [f"**{name}**, `{damage}`", "", "| method | PSNR (dB) | SSIM | s per megapixel |", "|---|---|---|---|"]
        for row in sorted(here, key=lambda row: -float(row["psnr"])):
            if (row["set"], row["damage"]) == (name, damage):
                lines.append(f"| {label(row)} | {scores(row)} | {seconds(row)} |")
        lines.append("")
    return "\n".join(lines).strip()


def superres_table(sets: Sequence[str] = ("Set5", "Set14", "BSD100"), found: bool = False) -> str:
    """Every measured super-resolution method, by set and scale, with the published number in brackets.

    found: for realistic small pictures, which are soft, noisy and JPEG, instead of clean ones.
    """
    here = [row for row in rows("superres.csv") if row["precision"] == "f32" and ("|" in row["damage"]) == found]
    lines = []
    for name in sets:
        mine = {(row["damage"], way(row)): row for row in here if row["set"] == name}
        if not mine:
            continue
        shrinks = sorted({damage for damage, _ in mine})
        short = [damage if found else damage.replace("shrink(scale=", "x").rstrip(")") for damage in shrinks]
        titles = [f"{words}: PSNR (dB), SSIM".replace("|", "\\|") for words in short]
        lines += [f"**{name}**", "", f"| method | {' | '.join(titles)} |", "|---" * (1 + len(shrinks)) + "|"]
        best = sorted(mine, key=lambda key: (key[0], -float(mine[key]["psnr"])))
        for method in dict.fromkeys(method for _, method in best):
            cells = []
            for damage in shrinks:
                found, quote = mine.get((damage, method)), published().get((name, damage, method))
                cell = f"{float(found['psnr']):.2f}, {float(found['ssim']):.4f}" if found else ""
                cells.append(cell + (f" ({quote:.2f})" if quote and found else ""))
            label = f"**{method}**" if any(mine.get((d, method), {}).get("weights") for d in shrinks) else method
            lines.append(f"| {label} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines).strip()


def way(row: dict[str, str]) -> str:
    """The label of a row whose weights differ by scale: its method, with `-real` for weights for realistic pictures."""
    return row["method"] + (AS_FOUND if row["weights"].endswith(AS_FOUND) else "")


def found_table() -> str:
    """The same for realistic small pictures."""
    return superres_table(found=True)


def perceptual_table() -> str:
    """PSNR, and the perceptual distance."""
    lines = ["| Set14 shrunk by | method | PSNR (dB) | distance of features |", "|---|---|---|---|"]
    for row in rows("perceptual.csv"):
        words = row["damage"].replace("|", "\\|")
        lines.append(f"| `{words}` | {label(row)} | {float(row['psnr']):.2f} | {float(row['distance']):.3f} |")
    return "\n".join(lines)


def choice_table() -> str:
    """The weights that diagnosis chooses for a small picture, beside the two kinds of weights."""
    lines = [
        "| Set5 | weights for clean pictures (dB) | `-real` (dB) | chosen by diagnosis (dB) | choice |",
        "|---|---|---|---|---|",
    ]
    for row in rows("choice.csv"):
        words = row["damage"].replace("|", "\\|")
        cells = [f"{float(row[key]):.2f}" for key in ("psnr_clean", "psnr_real", "psnr_chosen")]
        lines.append(f"| `{words}` | {' | '.join(cells)} | {row['chosen']} |")
    return "\n".join(lines)


def set5_table() -> str:
    """The same for Set5 alone."""
    return superres_table(["Set5"])


def adapt_table() -> str:
    """The gain from adapting to the pictures of a camera."""
    lines = ["| camera | pictures | noisy (dB) | before (dB) | adapted (dB) | steps |", "|---|---|---|---|---|---|"]
    for row in rows("adapt.csv"):
        cells = [f"{float(row[key]):.2f}" for key in ("psnr_noisy", "psnr_start", "psnr_adapted")]
        lines.append(f"| {row['camera']} | {row['pictures']} | {' | '.join(cells)} | {row['steps']} |")
    return "\n".join(lines)


def deep_prior_table() -> str:
    """The untrained nets beside their classical rivals, picture by picture."""
    here = rows("deep_prior.csv")
    methods = [name for name in METHODS if any(row["method"] == name for row in here)]
    lines = [f"| picture of Set12 | {' | '.join(methods)} |", "|---" * (len(methods) + 1) + "|"]
    for picture in dict.fromkeys(row["picture"] for row in here):
        mine = {row["method"]: row for row in here if row["picture"] == picture}
        cells = [f"{float(mine[name]['psnr']):.2f}" if name in mine else "" for name in methods]
        lines.append(f"| {picture} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_table() -> str:
    """The speed benchmark as it was run, machine by machine."""
    parts = []
    for machine in dict.fromkeys(row["machine"] for row in rows("speed.csv")):
        mine = [row for row in rows("speed.csv") if row["machine"] == machine]
        parts += [
            f"{machine}:",
            "",
            "| weights | side | engine | precision | s per megapixel | times eager torch f32 | of ceiling | peak MB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in mine:
            share = f"{100 * float(row['gops']) / float(row['ceiling_gops']):.0f} %" if row["ceiling_gops"] else ""
            parts.append(
                f"| {row['weights']} | {row['size']} | {row['engine']} | {row['precision']} |"
                f" {float(row['seconds_a_megapixel']):.2f} | {float(row['times_eager']):.2f} | {share} |"
                f" {float(row['peak_megabytes']):.0f} |"
            )
        parts.append("")
    return "\n".join(parts[:-1])


def int8_sets_table() -> str:
    """What int8 costs on test sets, which the gate never sees."""
    lines = ["| weights | set | damage | f32 (dB) | int8 (dB) |", "|---|---|---|---|---|"]
    measured = rows("denoise.csv") + rows("superres.csv") + rows("jpeg.csv")
    same = ("weights", "set", "damage", "seed", "engine")
    for row in (row for row in measured if row["precision"] == "int8"):
        fine = [
            each["psnr"]
            for each in measured
            if each["precision"] == "f32" and all(each[key] == row[key] for key in same)
        ]
        words = row["damage"].replace("|", "\\|")
        lines.append(
            f"| {row['weights']} | {row['set']} | `{words}` | {float(fine[0]):.2f} | {float(row['psnr']):.2f} |"
        )
    return "\n".join(lines)


def fastest_table() -> str:
    """The fastest engine and precision of each net on each machine."""
    lines = ["| weights | machine | fastest | s per megapixel | times eager torch f32 |", "|---|---|---|---|---|"]
    best: dict[tuple[str, str], dict[str, str]] = {}
    for row in sorted(rows("speed.csv"), key=lambda row: -float(row["times_eager"])):
        if row["size"] == "512":
            best.setdefault((row["weights"], row["machine"]), row)
    for (weights, machine), row in sorted(best.items()):
        lines.append(
            f"| {weights} | {machine} | {row['engine']} {row['precision']} |"
            f" {float(row['seconds_a_megapixel']):.2f} | {float(row['times_eager']):.2f} |"
        )
    return "\n".join(lines)


def int8_table() -> str:
    """The findings of the gate, from the cards."""
    lines = [
        "| weights | int8 | mean loss (dB) | largest loss (dB) | brightness (of 255) | layers in float | pictures |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(name for name, folder in listed().items() if folder == SHIPPED):
        facts = verify(name, SHIPPED).card.get("int8")
        if facts and "shift" in facts:  # else the gate was not finished
            lines.append(
                f"| {name} | {'passed' if facts['passed'] else 'refused'} | {facts['mean_loss']:.3f} |"
                f" {facts['worst_loss']:.2f} | {facts['shift']:+.3f} | {len(facts['float_layers'])} |"
                f" {facts['pictures']} |"
            )
    return "\n".join(lines)


def memory_table() -> str:
    """Memory for large files."""
    head = "| megapixels | file | method | allowed | peak MB | tiles | minutes |"
    lines = [
        f"| {float(row['megapixels']):.0f} | {row['format']} | {row['method']} | {row['max_memory']} |"
        f" {float(row['peak_megabytes']):.0f} | {row['tiles']} | {float(row['seconds']) / 60:.1f} |"
        for row in rows("memory.csv")
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *lines])


def big_table() -> str:
    """The flagship on large TIFF files, compared with one of four megapixels in the same run."""
    return table(
        "| pixels | precision | allowed | peak MB | s per megapixel | with 4 megapixels | ratio |",
        "{width}x{height} | {precision} | {max_memory} | {peak_megabytes} | {seconds_per_megapixel} |"
        " {of_4_megapixels} | {ratio}",
        rows("big.csv"),
    )


def start_table() -> str:
    """Commands in cold processes."""
    return table(
        "| machine | command | picture | first (s) | median (s) | slowest (s) |",
        "{machine} | `{command}` | {picture} | {first} | {median} | {slowest}",
        rows("start.csv"),
    )


def streams_table() -> str:
    """Tile sizes, with one or two tiles at a time."""
    here = rows("streams.csv")
    lines = ["| weights | precision | tile | one at a time | two at a time |", "|---|---|---|---|---|"]
    for weights, precision, side in dict.fromkeys((r["weights"], r["precision"], r["side"]) for r in here):
        mine = [r for r in here if (r["weights"], r["precision"], r["side"]) == (weights, precision, side)]
        seconds = {row["streams"]: f"{float(row['seconds_a_megapixel']):.2f}" for row in mine}
        lines.append(f"| {weights} | {precision} | {side}x{side} | {seconds['1']} | {seconds['2']} |")
    return "\n".join(lines)


def training_table() -> str:
    """Images per second of training, compared with plain torch."""
    return table(
        "| machine | recipe | batch | images per second | plain torch | ratio | pairs per second of one worker |"
        " share of time waiting | compiled |",
        "{machine} | {recipe} | {batch} of {patch}x{patch} | {images_a_second} | {plain_images_a_second} | {ratio} |"
        " {pairs_a_worker} | {waiting_share} | {compiled_ratio}",
        rows("training.csv"),
    )


def smaller_table() -> str:
    """The flagship and a smaller net: quality on CBSD68 against time, as last measured."""
    lines = [
        "| weights | parameters | CBSD68, sigma 25 (dB) | s per megapixel, f32 | times as fast |",
        "|---|---|---|---|---|",
    ]
    names = ("restora.noise", "restora.blind-small")
    here = [r for r in rows("speed.csv") if (r["engine"], r["precision"]) == ("openvino", "f32")]
    machine = next(r["machine"] for r in here if r["weights"] == names[1])
    seconds = {r["weights"]: float(r["seconds_a_megapixel"]) for r in here if r["machine"] == machine}
    noise = f"noise(sigma={25 / 255})"
    for name in names:
        psnr = next(
            r["psnr"] for r in rows("denoise.csv")
            if (r["weights"], r["set"], r["damage"], r["precision"]) == (name, "CBSD68", noise, "f32")
        )  # fmt: skip
        size = verify(name, SHIPPED).card["parameters"] / 1e6
        lines.append(
            f"| {name} | {size:.2f} M | {float(psnr):.2f} | {seconds[name]:.2f} |"
            f" {seconds[names[0]] / seconds[name]:.2f} |"
        )
    return "\n".join(lines)


def weights_table() -> str:
    """The shipped weights, from the cards."""
    lines = ["| weights | parameters | trained on | steps | minutes | terms of use |", "|---|---|---|---|---|---|"]
    for name in sorted(name for name, folder in listed().items() if folder == SHIPPED):
        card = verify(name, SHIPPED).card
        recipe = card["recipe"]
        clips = recipe["data"].get("clips", [])
        kind = "photographs and clips" if clips else "photographs"
        photographs = f"{len(card['photographs'])} {kind} of {' and '.join([*recipe['data']['folders'], *clips])}"
        runs = trainings(card)[::-1]  # the earliest first
        steps, minutes = (
            " + ".join(f"{run[key] / unit:.0f}" for run in runs) for key, unit in (("steps", 1), ("seconds", 60))
        )
        lines.append(
            f"| {name} | {card['parameters'] / 1e6:.2f} M | {photographs} | {steps} | {minutes} | {card['terms']} |"
        )
    return "\n".join(lines)


def longer_table() -> str:
    """The gain of each run, for weights trained in several runs: total steps, and PSNR on held-out photographs."""
    lines = [
        "| weights | total steps: PSNR (dB) | steps of the last run | gain (dB) | gain per doubling (dB) |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(name for name, folder in listed().items() if folder == SHIPPED):
        card, runs = verify(name, SHIPPED).card, list[dict[str, Any]]()
        while card.get("name") == name:  # start weights of another name had another task
            runs.insert(0, card["trained"])
            card = card.get("start", {})
        if len(runs) < 2 or any("held_out_psnr" not in run for run in runs):
            continue
        steps = list(accumulate(run["steps"] for run in runs))
        psnrs = [run["held_out_psnr"] for run in runs]
        gain = psnrs[-1] - psnrs[-2]
        so_far = ", ".join(f"{count}: {psnr:.2f}" for count, psnr in zip(steps, psnrs, strict=True))
        doubling = gain / log2(steps[-1] / steps[-2])
        lines.append(f"| {name} | {so_far} | {runs[-1]['steps']} | {gain:.2f} | {doubling:.2f} |")
    return "\n".join(lines)


def methods_table() -> str:
    """The table of methods."""
    lines = ["| method | kind | for | what it does | source |", "|---|---|---|---|---|"]
    lines += [f"| {m.name} | {m.kind} | {', '.join(m.treats)} | {m.about} | {m.paper} |" for m in METHODS.values()]
    return "\n".join(lines)


TABLES = {name.removesuffix("_table"): make for name, make in list(globals().items()) if name.endswith("_table")}
"""The function that makes each table, by name."""
