"""The tables of translation in docs/translate.md."""

from tables import rows

NAMED = {"nothing": "the picture as it is"}


def translate_table() -> str:
    """For each set and damage, the scores of every method."""
    lines = ["| set | method | PSNR (dB) | SSIM | L1 | kernel distance | cycle error | s/megapixel |", "|---" * 8 + "|"]
    here = [row for row in rows("translate.csv") if row["precision"] == "f32"]
    numbers = {damage: number for number, damage in enumerate(dict.fromkeys(row["damage"] for row in here), 1)}
    for row in here:
        name = row["weights"] or NAMED.get(row["method"], row["method"])
        what = row["set"] if row["damage"] == "labels" else f"{row['set']}, print {numbers[row['damage']]}"
        cells = [what, name, f"{float(row['psnr']):.2f}", f"{float(row['ssim']):.3f}", f"{float(row['l1']):.4f}"]
        cells += [f"{float(row['kernel_distance']):.0f}", row["cycle_error"], row["seconds_a_megapixel"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def prints_list() -> str:
    """The damage words of the prints, with their numbers in the table."""
    words = dict.fromkeys(row["damage"] for row in rows("translate.csv") if row["damage"] != "labels")
    return "\n".join(f"{number}. `{each}`" for number, each in enumerate(words, 1))
