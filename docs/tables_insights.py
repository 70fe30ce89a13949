"""The tables of docs/insights.md."""

from statistics import mean

from tables import rows, table

from restora.work.benchmark_page import said

Arm = list[float]
"""The PSNR of an arm, or another score, for each seed."""
LEVELS = ("15", "25", "50")
PLAIN = "noise(sigma=0)"
SEEDS = 3
"""What a claim of a difference needs."""


def scores_of(arm: str, key: str = "psnr", sigma: str | None = None) -> Arm:
    """The scores of an arm, in the order of its seeds."""
    here = [row for row in rows("insights.csv") if row["arm"] == arm and sigma in (None, row["sigma"])]
    return [float(row[key]) for row in sorted(here, key=lambda row: int(row["seed"]))]


def verdict(ours: Arm, theirs: Arm) -> str:
    """Whether one arm is better: its worst seed is above the best of the other."""
    difference = f"{mean(ours) - mean(theirs):+.2f} dB"
    if min(ours) <= max(theirs) and max(ours) >= min(theirs):
        return f"{difference}, within the spread of seeds"
    return difference if min(len(ours), len(theirs)) >= SEEDS else f"{difference}; too few seeds yet"


def arms_table(*arms: str) -> str:
    """The scores of some arms beside those of the first."""
    lines = [
        "| net | parameters | PSNR of each seed (dB) | mean | against the first | processor seconds |",
        "|---" * 6 + "|",
    ]
    for arm in arms:
        found, facts = scores_of(arm), next(row for row in rows("insights.csv") if row["arm"] == arm)
        against = verdict(found, scores_of(arms[0])) if arm != arms[0] else ""
        seconds = round(mean(scores_of(arm, "seconds")))
        each = ", ".join(f"{score:.2f}" for score in found)
        lines.append(f"| {arm} | {int(facts['parameters']):,} | {each} | {mean(found):.2f} | {against} | {seconds} |")
    return "\n".join(lines)


def insight_residual() -> str:
    """Residual against direct learning."""
    return arms_table("base", "direct")


def insight_depth() -> str:
    """Three depths."""
    return arms_table("base", "depth 3", "depth 12")


def insight_skips() -> str:
    """U-Net with and without its skip connections."""
    return arms_table("u-net", "u-net without skips")


def insight_losses() -> str:
    """The squared and the absolute error."""
    return arms_table("base", "l1")


def insight_targets() -> str:
    """Clean and noisy targets."""
    return arms_table("base", "noisy targets")


def insight_data() -> str:
    """Few pictures and many."""
    return arms_table("base", "20 pictures", "2 pictures")


def insight_critic() -> str:
    """A critic: PSNR, and the perceptual distance."""
    lines = ["| net | PSNR of each seed (dB) | mean | distance of each seed | mean |", "|---" * 5 + "|"]
    for arm in ("u-net, sigma 50", "u-net and critic, sigma 50"):
        cells = []
        for key, digits in (("psnr", 2), ("distance", 3)):
            found = scores_of(arm, key)
            cells += [", ".join(f"{score:.{digits}f}" for score in found), f"{mean(found):.{digits}f}"]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def insight_levels() -> str:
    """One net for all levels, and one for each."""
    lines = [
        "| sigma | trained on this level | trained on 5 to 55 | one for all, against one for each |",
        "|---" * 4 + "|",
    ]
    for level, arm in zip(LEVELS, ("sigma 15", "base", "sigma 50"), strict=True):
        own, common = scores_of(arm, sigma=level), scores_of("sigma 5..55", sigma=level)
        lines.append(f"| {level} | {mean(own):.2f} | {mean(common):.2f} | {verdict(common, own)} |")
    return "\n".join(lines)


def insight_unseen() -> str:
    """The gain of every net on every damage."""
    found = rows("unseen.csv")
    damages = list(dict.fromkeys(row["damage"] for row in found))
    head = [said(words) if words != PLAIN else "none (PSNR)" for words in damages]
    lines = [f"| weights | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for name in dict.fromkeys(row["weights"] for row in found):
        mine = {row["damage"]: row for row in found if row["weights"] == name}
        lines.append(f"| {name} | {' | '.join(_cell(mine[words]) for words in damages)} |")
    return "\n".join(lines)


def _cell(row: dict[str, str]) -> str:
    text = f"{float(row['gain']):.1f}" if row["damage"] == PLAIN else f"{float(row['gain']):+.1f}"
    return f"**{text}**" if row["seen"] == "True" and row["damage"] != PLAIN else text


def insight_seconds() -> str:
    """Denoisers that no other one beats in both PSNR and time."""
    costs = {
        (row["method"], row["weights"]): row
        for row in rows("denoise_cost.csv")
        if (row["threads"], row["precision"]) == ("2", "f32")
    }
    here = []
    for row in rows("denoise.csv"):
        cost = costs.get((row["method"], row["weights"]))
        if (
            row["set"] == "BSD68"
            and row["damage"] == f"noise(sigma={25 / 255!r})"
            and row["precision"] == "f32"
            and cost
        ):
            here.append((float(cost["seconds_a_megapixel"]), float(row["psnr"]), row["weights"] or row["method"]))
    best = [each for each in sorted(here) if all(each[1] >= other[1] for other in here if other[0] <= each[0])]
    found = [{"name": name, "seconds": f"{time:.2f}", "psnr": f"{psnr:.2f}"} for time, psnr, name in best]
    return table("| s/megapixel | denoiser | PSNR (dB) |", "{seconds} | {name} | {psnr}", found)


def insight_priors() -> str:
    """Nets fitted to one picture beside classical methods and trained nets, on four pictures of Set12."""
    found = rows("deep_prior.csv")
    pictures = list(dict.fromkeys(row["picture"] for row in found))
    lines = [
        "| method | " + " | ".join(pictures) + " | mean (dB) | seconds a picture |",
        "|---" * (len(pictures) + 3) + "|",
    ]
    for method in dict.fromkeys(row["method"] for row in found):
        mine = {row["picture"]: row for row in found if row["method"] == method}
        if set(mine) == set(pictures):
            scores = [float(mine[name]["psnr"]) for name in pictures]
            seconds = mean(float(mine[name]["seconds"]) for name in pictures)
            cells = " | ".join(f"{score:.2f}" for score in scores)
            lines.append(f"| {method} | {cells} | {mean(scores):.2f} | {seconds:.1f} |")
    return "\n".join(lines)


INSIGHTS = {
    each.__name__: each
    for each in (
        insight_residual,
        insight_depth,
        insight_skips,
        insight_losses,
        insight_targets,
        insight_data,
        insight_critic,
        insight_levels,
        insight_unseen,
        insight_seconds,
        insight_priors,
    )
}
"""The function that makes each table, by name."""
