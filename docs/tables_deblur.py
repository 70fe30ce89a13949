"""The table of deconvolution in docs/results.md."""

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
