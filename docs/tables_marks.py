"""The tables of docs/fix.md about marks on photographs: how well they are found and repaired, and false alarms."""

from tables import rows


def marks_table() -> str:
    """Precision, recall and F1 for each kind of marks, plain and scanned."""
    lines = ["| marks | picture | pictures | marked | precision | recall | F1 |", "|---" * 7 + "|"]
    for row in rows("marks.csv"):
        cells = [row["kind"], row["picture"], row["pictures"], f"{100 * float(row['marked']):.1f} %"]
        lines.append(f"| {' | '.join([*cells, row['precision'], row['recall'], row['f1']])} |")
    return "\n".join(lines)


def marks_alarms_table() -> str:
    """Clean pictures in which something was found."""
    lines = ["| clean pictures | number | mask not empty | diagnosed | which |", "|---" * 5 + "|"]
    for row in rows("marks_alarms.csv"):
        cells = [row[key] for key in ("set", "pictures", "not_empty", "diagnosed", "which")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def marks_repair_table() -> str:
    """PSNR before and after filling, and in both orders with the removal of noise."""
    head = ["marks", "noise", "before", "filled, then denoised", "denoised, then filled", "denoised only"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows("marks_repair.csv"):
        noisy = "yes" if row["psnr_last"] else "no"
        scores = [row[f"psnr_{name}"] for name in ("before", "filled", "last", "only_denoised")]
        lines.append(f"| {' | '.join([row['kind'], noisy, *scores])} |")
    return "\n".join(lines)
