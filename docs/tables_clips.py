"""The tables of docs/video.md on clips."""

from collections.abc import Sequence

from tables import ROOT, rows, table


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


def realtime_table() -> str:
    """Frames a second of denoising clips, by machine and size, and what others take."""
    parts = list[str]()
    measured = rows("realtime.csv") if (ROOT / "results" / "realtime.csv").exists() else []
    for machine in dict.fromkeys(row["machine"] for row in measured):
        parts += [f"{machine}:", "", *_realtime([row for row in measured if row["machine"] == machine]), ""]
    return "\n".join(parts[:-1])


def _realtime(measured: Sequence[dict[str, str]]) -> list[str]:
    sizes = list(dict.fromkeys(row["size"] for row in measured))
    head = [f"{size}: {what}" for size in sizes for what in ("frames/s", "processor ms a frame", "PSNR (dB)")]
    lines = [f"| | preset | {' | '.join(head)} |", "|---" * (len(head) + 2) + "|"]
    for way, precision, preset in dict.fromkeys((row["way"], row["precision"], row["preset"]) for row in measured):
        here = {row["size"]: row for row in measured
                if (row["way"], row["precision"], row["preset"]) == (way, precision, preset)}  # fmt: skip
        keys = ("frames_a_second", "cpu_ms", "psnr")
        cells = [here[size][key] if size in here else "" for size in sizes for key in keys]
        lines.append(f"| {way}{f', {precision}' if precision else ''} | {preset} | {' | '.join(cells)} |")
    return lines
