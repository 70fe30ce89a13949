"""The tables of frames made between others, and of noise in clips, in docs/video.md."""

from statistics import median

from tables import rows

from restora.methods.table import METHODS

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
    """For each clip and noise level, the PSNR of every denoiser."""
    return _by_clip("psnr", 2)


def clip_flicker_table() -> str:
    """The same for the flicker."""
    return _by_clip("flicker", 1)


def clip_seconds_table() -> str:
    """The time of every denoiser, the median over all clips and noise levels."""
    lines = ["| method | s/megapixel |", "|---|---|"]
    for name in _denoisers()[1:]:
        times = [float(row["seconds_a_megapixel"]) for row in _noisy() if _name(row) == name]
        lines.append(f"| {name} | {median(times):.2f} |")
    return "\n".join(lines)


def _by_clip(score: str, digits: int) -> str:
    """A line for each clip and noise level, a column for each denoiser; empty where it was not measured."""
    names = _denoisers()
    lines = [f"| clip | noise | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for clip, task in dict.fromkeys((row["set"], row["damage"]) for row in _noisy()):
        mine = {_name(row): row for row in _noisy() if (row["set"], row["damage"]) == (clip, task)}
        cells = [f"{float(mine[name][score]):.{digits}f}" if name in mine else "" for name in names]
        lines.append(f"| {clip} | {round(255 * float(task.split('=')[1][:-1]))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _denoisers() -> list[str]:
    """The names of what was measured; first what is done by nothing, then methods without a net."""
    rank = {name: index for index, name in enumerate(("nothing", *METHODS))}
    here = sorted(_noisy(), key=lambda row: (row["method"] != "nothing", bool(row["weights"]), rank[row["method"]]))
    return list(dict.fromkeys(map(_name, here)))


def _name(row: dict[str, str]) -> str:
    return row["weights"] or (AS_IT_IS if row["method"] == "nothing" else row["method"])


def _noisy() -> list[dict[str, str]]:
    return [row for row in _f32() if row["damage"] != LEFT_OUT]


def _f32() -> list[dict[str, str]]:
    return [row for row in rows("video.csv") if row["precision"] == "f32"]
