"""The tables of deconvolution in docs/results.md."""

from tables import rows

NAMES = {"nothing": "the blurred picture"}


def deblur_table() -> str:
    """For each set and noise level every method, best first."""
    lines = ["| set | sigma | method | PSNR (dB) | SSIM | seconds per megapixel |", "|---|---|---|---|---|---|"]
    order = sorted(rows("deblur.csv"), key=lambda row: (row["set"], float(row["sigma"]), -float(row["psnr"])))
    for row in order:
        name, seconds = NAMES.get(row["method"], row["method"]), float(row["seconds_a_megapixel"])
        scores = f"{float(row['psnr']):.2f} | {float(row['ssim']):.4f} | {f'{seconds:.2f}' if seconds else ''}"
        lines.append(f"| {row['set']} | {float(row['sigma']):g} | {name} | {scores} |")
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
