"""The tables of frames made between others, and of noise in clips, in docs/video.md."""

from tables import rows

LEFT_OUT, AS_IT_IS = "frames left out", "as it is"


def between_table() -> str:
    """For each set, the scores of every way to make the frame between two others."""
    lines = ["| set | frames | method | PSNR (dB) | SSIM | s/megapixel |", "|---" * 6 + "|"]
    for row in _f32():
        if row["damage"] == LEFT_OUT:
            name = row["weights"] or row["method"]
            scores = f"{float(row['psnr']):.2f} | {float(row['ssim']):.3f}"
            lines.append(f"| {row['set']} | {row['frames']} | {name} | {scores} | {row['seconds_a_megapixel']} |")
    return "\n".join(lines)


def clip_noise_table() -> str:
    """For each clip and noise level, PSNR and flicker of every denoiser."""
    here = [row for row in _f32() if row["damage"] != LEFT_OUT]
    names = list(dict.fromkeys(row["weights"] or AS_IT_IS for row in here))
    head = ["clip", "noise", *(f"{name}: dB" for name in names), *(f"{name}: flicker" for name in names)]
    head += [f"{name}: s/megapixel" for name in names]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, task in dict.fromkeys((row["set"], row["damage"]) for row in here):
        mine = {row["weights"] or AS_IT_IS: row for row in here if (row["set"], row["damage"]) == (name, task)}
        shown = [(key, each) for key in ("psnr", "flicker") for each in names]
        shown += [("seconds_a_megapixel", each) for each in names if each != AS_IT_IS]
        scores = [f"{float(mine[each][key]):.2f}" if each in mine else "not measured" for key, each in shown]
        lines.append(f"| {name} | {round(255 * float(task.split('=')[1][:-1]))} | {' | '.join(scores)} |")
    return "\n".join(lines)


def _f32() -> list[dict[str, str]]:
    return [row for row in rows("video.csv") if row["precision"] == "f32"]
