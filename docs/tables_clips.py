"""The tables of docs/video.md."""

from tables import rows, table


def clips_table() -> str:
    """What a clip loses when nothing in it is changed."""
    measured = [
        row
        | {
            "psnr": "no bit changed" if row["psnr"] == "inf" else f"{float(row['psnr']):.1f} dB",
            "size": f"{row['size_ratio']} times" if row["size_ratio"] else "",
        }
        for row in rows("clips.csv")
    ]
    head = "| clip | frames | stored as | PSNR | times kept | size of the file |"
    return table(head, "{clip} | {frames} | {way} | {psnr} | {times_kept} | {size}", measured)


def clips_memory_table() -> str:
    """The peak memory for clips of different lengths."""
    return table("| frames | size | peak (MB) |", "{frames} | {size} | {peak_megabytes}", rows("clips_memory.csv"))


def clips_busy_table() -> str:
    """How busy the net is."""
    measured = [row | {"share": f"{100 * float(row['share']):.0f} %"} for row in rows("clips_busy.csv")]
    cells = "{clip} | {size} | {frames} | {weights}, {precision} | {share}"
    return table("| clip | size | frames | net | time in the net |", cells, measured)
