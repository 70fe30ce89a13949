"""Write the files that the examples of docs/commands.md name into the current folder.

    python examples/files.py

Photographs of scikit-image (astronaut, cat, coffee, rocket), damaged; a mask, a clip, recipes for a small net, and, if
torch and spandrel are installed, a net in the form in which others publish theirs, with random parameters.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage.data

from restora.core.image import Image
from restora.damage.words import parse
from restora.files.save import write

PHOTOGRAPHS = [
    getattr(skimage.data, name)().astype(np.float32) / 255 for name in ("astronaut", "chelsea", "coffee", "rocket")
]
ASTRONAUT, CAT = PHOTOGRAPHS[:2]
FACE = ASTRONAUT[:256, 96:352]
DAMAGED = {
    "clean.png": "",
    "photo.png": "noise(sigma=0.05)",
    "photo.jpg": "noise(sigma=0.06)",
    "old.jpg": "fade(contrast, black=0.2, white=0.85)",
    "print.jpg": "fade(dyes, red=0.3, green=0.25, blue=0.4) | yellow(amount=0.3) | noise(sigma=0.03)",
    "scan.jpg": "marks(scratches)",
}
"""Pictures, and the damage of each."""
RECIPE = """# A small net, to see how training works.
method = "dncnn"
tag = "small"
terms = "CC0-1.0"
channels = 1
steps = 20
batch = 2
patch = 32
validate_every = 10
knobs = { depth = 4, width = 8 }

[data]
folders = ["photos"]
damage = "noise(sigma=0.1)"
licence = "public domain and CC0-1.0"
hold_out = 2
"""
CAMPAIGN = """[[runs]]
recipe = "dncnn.small"
share = 1
"""


def main() -> None:
    """Write them; what is there is replaced."""
    for name, words in DAMAGED.items():
        save(damaged(FACE, words), Path(name))
    mask = np.zeros((256, 256, 1), np.float32)
    mask[100:103, 30:220], mask[40:200, 128:130] = 1, 1
    save(mask, Path("scratches.png"))
    for number in range(8):
        top, left = 12 * number, 28 * number
        noisy = damaged(CAT[top : top + 200, left : left + 240], "noise(sigma=0.1)", seed=number)
        save(noisy, Path("photos") / ("more" if number % 2 else "") / f"{number}.png")
    for number, x in enumerate(PHOTOGRAPHS):
        save(damaged(x, "noise(sigma=0.1)", seed=number), Path("my-photos") / f"{number}.png")
    for number in range(12):
        clean = ASTRONAUT[20 * number :][:256, 16 * number :][:, :256]
        save(np.hstack([clean, damaged(clean, "yellow(amount=0.3)")]), Path("my-pairs") / f"{number}.jpg")
    write_clip(Path("clip.mp4"))
    Path("small").mkdir(exist_ok=True)
    Path("small/dncnn.small.toml").write_text(RECIPE)
    Path("small/campaign.toml").write_text(CAMPAIGN)
    write_net(Path("net.safetensors"))


def damaged(x: np.ndarray, words: str, seed: int = 0) -> np.ndarray:
    """A picture (H, W, C) with damage."""
    return parse(words).apply(x, np.random.default_rng(seed)).clip(0, 1) if words else x


def save(pixels: np.ndarray, path: Path) -> None:
    """Write a picture."""
    path.parent.mkdir(exist_ok=True, parents=True)
    write(Image(pixels), path, force=True)


def write_clip(path: Path) -> None:
    """Write a second of a cat that moves."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(12))
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for step in range(12):
            part = np.uint8(255 * CAT[60:156, 100 + 3 * step : 228 + 3 * step])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        file.mux(stream.encode())


def write_net(path: Path) -> None:
    """Write a net that makes pictures twice as large."""
    try:
        from safetensors.torch import save_file
        from spandrel.architectures.Compact import Compact
    except ModuleNotFoundError as error:
        print(f"{path} was not written: it needs {error.name}; install it with: pip install 'restora[lab,zoo]'")
        return
    save_file(Compact(num_feat=16, num_conv=2, upscale=2).state_dict(), path)


if __name__ == "__main__":
    main()
