"""docs/gallery.md: for each method its equation, a picture, and a result with its command."""

import tomllib
from collections.abc import Mapping

from tables import ROOT, rows

from restora.core.method import Method
from restora.data.survey import systems
from restora.methods.table import TASKS
from restora.work.benchmark_page import said
from restora.work.survey.lookup import command_of
from restora.work.translate_suite import AGED

TITLES = {
    "denoise": "Noise", "jpeg": "JPEG", "enlarge": "Enlarging", "fill": "Holes", "deblur": "Blur", "find": "Marks",
    "regions": "Regions", "colour": "Colours", "translate": "Translation", "video": "Clips",
}  # fmt: skip
WITHOUT_PICTURE = {
    "bm3d": "its package is not free for all uses, and not installed here",
    "foreign": "it is whatever net you import",
    "cyclegan": "no weights are shipped: train some on your own two folders of pictures",
}
"""Methods without a picture, and why."""
FILES = ("denoise", "jpeg", "superres", "deblur", "inpaint", "translate", "video")
"""Results files in which a method is looked for, in this order."""
LIKED = (
    {"set": "Set12", "damage": "noise(sigma=0.09803921568627451)"},
    {"set": "BSD68", "damage": "noise(sigma=0.09803921568627451)"},
    {"set": "Set12", "damage": "noise(salt-and-pepper, amount=0.1)"},
    {"set": "Set5", "damage": "shrink(scale=2)"},
    {"set": "Set5", "damage": "shrink(scale=4)"},
    {"set": "Set12", "damage": "hole(text, size=24)"},
    {"set": "Set12", "damage": "Levin's kernels", "sigma": "2.55"},
    {"set": "CBSD68[:6]", "damage": "blur(disk, radius=3.0) | noise(sigma=0.008)"},
    {"set": "CBSD68", "damage": AGED[0]},
)
"""What is shown of a method that was measured on several: the best row of the first of these, else its first row."""
ELSEWHERE = {
    "mark-finder": "How well it finds them: [repairing photographs](fix.md).",
    "faster-rcnn": "How well it finds them, and what repairing only these gains: [regions](regions.md).",
    "foreign": "It depends on the net.",
}
"""Methods whose results have a page of their own."""
HEAD = """# Gallery

Every method of Restora: what it does, its equation, and a part of a photograph, clean, damaged and restored. The
numbers are from `results/`, each with its command; those of all sets are in [methods](methods.md) and
[results](results.md). In the equations *y* is the damaged picture, *x̂* the result, *m* the mask (1 where a pixel is
known), *k* the kernel and *D* a denoiser.

The photographs are samples of scikit-image: astronaut (NASA, public domain), coffee and chelsea (CC0).
`python docs/gallery.py` makes the pictures. Methods that fit a net to each picture got a small part, a narrow net
and few steps."""


def gallery_page() -> str:
    """The whole page."""
    with (ROOT / "docs" / "gallery.toml").open("rb") as file:
        equations = tomllib.load(file)
    parts = [HEAD]
    for task, methods in TASKS.items():
        parts.append(f"## {TITLES[task]}")
        parts += [_method(method, equations[method.name]) for method in methods]
    return "\n\n".join(parts) + "\n"


def _method(method: Method, equation: str) -> str:
    name = method.name
    picture = f"![{name}: clean, damaged, restored](images/gallery/{name}.jpg)"
    if name in WITHOUT_PICTURE:
        picture = f"No picture: {WITHOUT_PICTURE[name]}."
    about = f"{method.about[0].upper()}{method.about[1:]}."
    return "\n\n".join([f"### {name}", about, f"$$\n{equation}\n$$", picture, _result(name)])


def _result(name: str) -> str:
    """A measured value with its command, or where to find some."""
    for file in FILES:
        here = [row for row in rows(f"{file}.csv") if row["method"] == name and row["precision"] == "f32"]
        if not here:
            continue
        groups = ([row for row in here if wanted.items() <= row.items()] for wanted in LIKED)
        liked = next(filter(None, groups), here[:1])
        row = max(liked, key=lambda each: float(each["psnr"]))
        where = {key: row[key] for key in ("set", "damage")}
        weights = f", weights {row['weights']}" if row["weights"] else ""
        scores = f"{float(row['psnr']):.2f} dB, SSIM {float(row['ssim']):.4f}"
        return f"**{scores}** on {row['set']}, {_said(row)}{weights}: `{command_of(file, name, where)}`"
    for system in systems():
        if system.method == name and system.measured[0].file == "deep_prior":
            return _of_untrained(name)
    for row in rows("blind.csv"):
        if row["method"] == name:
            count = int(row["images"]) * int(row["kernels"])
            command = f"RESTORA_DATA=DIR python benchmarks/blind.py --method {name} --images {row['images']}"
            return f"**{row['psnr']} dB** on {count} pictures of Levin et al.: `{command} --kernels {row['kernels']}`"
    return ELSEWHERE.get(name, "Not measured on a test set: it takes minutes for each picture.")


def _said(row: Mapping[str, str]) -> str:
    damage = said(row["damage"])
    return f"{damage}, sigma {row['sigma']}" if row.get("sigma") else f"`{damage}`" if "(" in damage else damage


def _of_untrained(name: str) -> str:
    mine = [row for row in rows("deep_prior.csv") if row["method"] == name]
    psnr, ssim = (sum(float(row[key]) for row in mine) / len(mine) for key in ("psnr", "ssim"))
    return (
        f"**{psnr:.2f} dB, SSIM {ssim:.4f}** on {len(mine)} pictures of Set12, white noise, sigma = 25 of 255, clipped:"
        f" `{command_of('deep_prior', name, {})}`"
    )
