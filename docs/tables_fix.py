"""The tables of docs/fix.md: signs, rules, the gain of each treatment, and the effect of `fix` on clean pictures."""

import csv
from pathlib import Path

import numpy as np

from restora.signs.table import SIGNS
from restora.work.rules import RULES

RESULTS = Path(__file__).parent.parent / "results"
SETS = {"held out": "photographs used to choose the rules", "LIVE1": "other photographs (LIVE1)"}
VERSIONS = {"it is": "original", "half as large": "half size"}


def _rows(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


def _words(damage: str) -> str:
    return f"`{damage}`".replace("|", "\\|")


def signs_table() -> str:
    """The signs of damage."""
    lines = ["| sign | in plain words | description |", "|---|---|---|"]
    for sign in SIGNS.values():
        module = __import__(sign.find.__module__, fromlist=["__doc__"])
        first = (module.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{sign.name}` | {sign.called} | {first} |")
    return "\n".join(lines)


def blur_sign_table() -> str:
    """How many pictures with each blur were found to be of each kind, and the errors of size and angle."""
    lines = [
        "| damage | sharp | Gaussian | disk | motion | not measured | error of size (pixels) | of angle (degrees) |"
    ]
    lines.append("|---" * 8 + "|")
    keys = ("sharp", "sigma", "radius", "length", "not measured", "size_error", "angle_error")
    lines += [
        f"| {' | '.join([_words(row['damage']), *(row[key] for key in keys)])} |" for row in _rows("blur_sign.csv")
    ]
    return "\n".join(lines)


def blur_alarms_table() -> str:
    """How many pictures that are not blurred were found blurred."""
    lines = ["| pictures | damage | number | found blurred |", "|---|---|---|---|"]
    for row in _rows("blur_sign_alarms.csv"):
        damage = _words(row["damage"]) if row["damage"] else ""
        lines.append(f"| {row['pictures']} | {damage} | {row['number']} | {row['found_blurred']} |")
    return "\n".join(lines)


def colours_table() -> str:
    """What was found in pictures with each damage of the colours, and the scores before and after the correction."""
    head = ["damage", "faded", "yellowed", "one hue", "damaged", "by `fix`", "by `correct`"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in _rows("colours.csv"):
        found = [row[sign] for sign in ("fading", "yellowing", "toned")]
        scores = [f"{row[f'psnr_{name}']}, {row[f'ciede2000_{name}']}" for name in ("damaged", "fixed", "asked")]
        lines.append(f"| {' | '.join([_words(row['damage']), *found, *scores])} |")
    return "\n".join(lines)


def colours_alarms_table() -> str:
    """In how many undamaged pictures something was found."""
    lines = ["| undamaged pictures | number | faded | yellowed | one hue |", "|---" * 5 + "|"]
    keys = ("pictures", "number", "fading", "yellowing", "toned")
    lines += [f"| {' | '.join(row[key] for key in keys)} |" for row in _rows("colours_alarms.csv")]
    return "\n".join(lines)


def rules_table() -> str:
    """The table of rules, in order."""
    lines = ["| found, alone or together | treatments, in order |", "|---|---|"]
    for rule in RULES:
        ways = "; ".join(" then ".join(treatment) for treatment in rule.treatments)
        lines.append(f"| {', '.join(sorted(rule.covers))} | {ways} |")
    return "\n".join(lines)


def gains_table() -> str:
    """The gain of every treatment on every damage of the benchmark; the best is bold."""
    rows = _rows("rules.csv")
    treatments = list(rows[0])[list(rows[0]).index("fix") + 1 :]
    lines = [f"| damage | found (pictures) | damaged (dB) | **fix** | {' | '.join(treatments)} |"]
    lines.append("|---" * (4 + len(treatments)) + "|")
    for row in rows:
        best = max(float(row[name]) for name in treatments if row[name])
        gained = [f"{float(row[name]):+.2f}" if row[name] else "" for name in treatments]
        cells = [f"**{gain}**" if gain == f"{best:+.2f}" else gain for gain in gained]
        fixed = [f"{float(row['psnr_damaged']):.2f}", f"{float(row['fix']):+.2f}"]
        lines.append(f"| {' | '.join([_words(row['damage']), row['found'], *fixed, *cells])} |")
    return "\n".join(lines)


def mixtures_table() -> str:
    """How many pictures `fix` improved, by the number of kinds of damage and by the set of pictures."""
    lines = ["| damage | pictures | better | worse | mean gain (dB) |", "|---|---|---|---|---|"]
    groups: dict[str, list[float]] = {}
    for row in _rows("mixtures.csv"):
        kind = "two kinds at once" if "|" in row["damage"] else "one kind"
        name = f"{kind}, {SETS[row['set']]}" if row["set"] in SETS else "noise of real cameras (CC15)"
        groups.setdefault(name, []).append(float(row["psnr_fixed"]) - float(row["psnr_damaged"]))
    for name, gains in sorted(groups.items()):
        better, worse = sum(gain > 0.05 for gain in gains), sum(gain < -0.05 for gain in gains)
        share = f"{better} ({100 * better / len(gains):.0f} %)"
        lines.append(f"| {name} | {len(gains)} | {share} | {worse} | {np.mean(gains):+.2f} |")
    return "\n".join(lines)


def look_table() -> str:
    """Seconds for diagnosis and trial."""
    lines = ["| machine | damage | picture | diagnosis (s) | diagnosis and trial (s) |", "|---|---|---|---|---|"]
    for row in _rows("look.csv"):
        cells = [row["machine"], _words(row["damage"]), row["pixels"], row["diagnosis"], row["plan"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def harm_table() -> str:
    """The effect of `fix` on clean pictures."""
    lines = ["| clean pictures | version | pictures | unchanged | changed, 45 dB or more | below 45 dB | lowest (dB) |"]
    lines.append("|---|---|---|---|---|---|---|")
    rows = _rows("harm.csv")
    for group, kind in dict.fromkeys((row["group"], row["kind"]) for row in rows):
        values = [float(r["psnr"]) for r in rows if (r["group"], r["kind"]) == (group, kind)]
        same, near = sum(value == float("inf") for value in values), sum(45 <= v < float("inf") for v in values)
        worst = f"{min(values):.1f}" if min(values) < float("inf") else ""
        cells = [group, VERSIONS.get(kind, kind), len(values), same, near, len(values) - same - near, worst]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
