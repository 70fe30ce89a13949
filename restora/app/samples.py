"""Sample pictures for the page: photographs of scikit-image, damaged as by `restora degrade`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from restora.core.image import Image
from restora.damage.words import parse
from restora.files.save import write
from restora.work.degrade import degrade

SAMPLES = (
    ("cat", "chelsea", "noise(sigma=0.1)", "A cat in poor light", 1),
    ("cup", "coffee", "noise(camera, sigma=0.08)", "A grainy cup of coffee", 1),
    ("portrait", "astronaut", "shrink(scale=2)", "A small portrait, to enlarge", 2),
)
"""File name, photograph, damage, caption, scale."""


@dataclass(frozen=True)
class Sample:
    """A damaged picture and its clean original."""

    damaged: Path
    clean: Path
    caption: str
    scale: int


def samples(folder: Path) -> list[Sample]:
    """The samples; missing ones are made in `folder`."""
    import skimage.data

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, photograph, words, caption, scale in SAMPLES:
        sample = Sample(folder / f"{name}.png", folder / f"{name}-clean.png", caption, scale)
        if not (sample.damaged.exists() and sample.clean.exists()):
            clean = Image(getattr(skimage.data, photograph)().astype(np.float32) / 255)
            write(clean, sample.clean, force=True)
            write(degrade(clean, parse(words), seed=1), sample.damaged, force=True)
        made.append(sample)
    return made
