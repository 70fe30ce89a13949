"""The tables of deblurring in docs/results.md."""

from tables import rows

NAMES = {"nothing": "the blurred picture"}
HEAD = "| {} | method | PSNR (dB) | without borders | SSIM | seconds per megapixel |"


def deblur_known_table() -> str:
    """For each set and noise level with known kernels every method, best first."""
    return _table("set | sigma", [row for row in rows("deblur.csv") if row["sigma"]], ("set", "sigma"))


def deblur_unknown_table() -> str:
    """For each set and blur that nobody knows every method, best first."""
    return _table(
        "set | blur",
        [row for row in rows("deblur.csv") if not row["sigma"] and row["precision"] == "f32"],
        ("set", "damage"),
    )


def _table(named: str, found: list[dict[str, str]], keys: tuple[str, str]) -> str:
    lines = [HEAD.format(named), "|---|---|---|---|---|---|---|"]
    order = sorted(found, key=lambda row: (row["set"], row["damage"], float(row["sigma"] or 0), -float(row["psnr"])))
    for row in order:
        name = row["weights"] or NAMES.get(row["method"], row["method"])
        first, second = (f"`{row[key]}`".replace("|", r"\|") if key == "damage" else row[key] for key in keys)
        seconds = float(row["seconds_a_megapixel"])
        scores = f"{float(row['psnr']):.2f} | {float(row['psnr_inside']):.2f} | {float(row['ssim']):.4f}"
        lines.append(f"| {first} | {second} | {name} | {scores} | {f'{seconds:.2f}' if seconds else ''} |")
    return "\n".join(lines)


def blind_table() -> str:
    """Every method on the pictures of Levin et al., best first."""
    lines = [
        "| method | pictures | PSNR (dB) | error ratio | below 3 | seconds per picture |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows("blind.csv"), key=lambda row: -float(row["psnr"])):
        name, pictures = NAMES.get(row["method"], row["method"]), int(row["images"]) * int(row["kernels"])
        seconds = float(row["seconds"])
        scores = f"{row['psnr']} | {row['error_ratio']} | {float(row['under_3']):.0%}"
        lines.append(f"| {name} | {pictures} | {scores} | {f'{seconds:.1f}' if seconds else ''} |")
    return "\n".join(lines)
