"""The tables of docs/regions.md: how well damaged regions are found, and what repairing only these gains."""

from tables import rows, table


def regions_found_table() -> str:
    """Average precision, precision and recall by class, and false boxes on clean pictures."""
    return table(
        "| set | class | regions | average precision | precision | recall | false boxes | pictures with one |",
        "{set} | {class} | {regions} | {ap50} | {precision} | {recall} | {false_boxes} | {pictures_with_false_boxes}",
        rows("regions.csv"),
    )


def regions_repaired_table() -> str:
    """PSNR and seconds of repairing regions and whole pictures."""
    return table(
        "| class | pictures | damaged (dB) | regions found (dB) | regions given (dB) | whole picture (dB) |"
        " s, regions | s, whole picture |",
        "{class} | {repaired_pictures} | {psnr_damaged} | {psnr_repaired} | {psnr_repaired_in_true_boxes} |"
        " {psnr_whole_picture} | {seconds_repaired} | {seconds_whole_picture}",
        [row for row in rows("regions.csv") if row["repaired_pictures"]],
    )
