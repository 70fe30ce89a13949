"""Make docs/images/deblur.jpg and inpaint.jpg: parts of photographs clean, damaged and restored.

    RESTORA_DATA=DIR python docs/pictures.py [deblur] [inpaint]

The photograph that is blurred (CC0) is held out from the training of all nets, and shrunk to half its size. Those with
holes are samples of scikit-image: astronaut (NASA, public domain), coffee, chelsea and rocket (CC0).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import skimage.data

import restora
from restora.damage.hole import with_hole
from restora.damage.words import parse
from restora.data.photographs import locate
from restora.files.picture import read
from restora.learn.pairs import smaller

IMAGES = Path(__file__).parent / "images"
PHOTOGRAPH = ("train/free2", "budgie_motherboard-circuits.jpg")
HEIGHT, WIDTH = 224, 320
BLURS = (
    ("blur(disk, radius=3)", (150, 150), restora.deblur),
    ("blur(moving, length=12, camera=2)", (110, 260), lambda y: restora.deblur(y, method="motion")),
    ("blur(shake, length=18)", (60, 200), lambda y: restora.deblur(y, method="blind-deconvolution")),
    ("blur(motion, length=15, angle=30)", (180, 300), lambda y: restora.deblur(y, "motion(length=15, angle=30)")),
)
"""Damage, the corner of the part that is shown, and what restores the whole picture."""
HOLES = (
    ("astronaut", "hole(scratches, count=14, width=4)", (10, 110), restora.inpaint),
    ("coffee", "hole(text, size=30)", (110, 150), restora.inpaint),
    ("chelsea", "hole(pixels, share=0.7)", (50, 70), restora.inpaint),
    ("rocket", "hole(rectangle, top=112, left=172, height=262, width=40)", (105, 60), restora.remove),
)
"""A photograph, its hole, the corner of the part that is shown, and what fills the hole."""


def main() -> None:
    """Make those that are named, or both."""
    names = sys.argv[1:] or ["deblur", "inpaint"]
    if "deblur" in names:
        deblur()
    if "inpaint" in names:
        inpaint()


def deblur() -> None:
    """Blur, restore, cut and write."""
    pixels = smaller(np.rint(read(locate(PHOTOGRAPH[0]) / PHOTOGRAPH[1]).pixels * 255).astype(np.uint8), 2)
    x = pixels.astype(np.float32) / 255
    rows = []
    for words, corner, sharpen in BLURS:
        y = parse(f"{words} | noise(sigma=0.008)").apply(x, np.random.default_rng(3))
        y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        rows.append(row([x, y, sharpen(y).image], corner))
    write(rows, "deblur.jpg")


def inpaint() -> None:
    """Cut holes, fill them, cut and write."""
    rows = []
    for name, words, corner, fill in HOLES:
        x = getattr(skimage.data, name)().astype(np.float32) / 255
        y, missing = with_hole(parse(words), x, np.random.default_rng(0))
        rows.append(row([x, y, fill(y, missing[:, :, 0] > 0).image], corner))
    write(rows, "inpaint.jpg")


def row(pictures: Sequence[np.ndarray], corner: tuple[int, int]) -> np.ndarray:
    """The same part of pictures, side by side."""
    top, left = corner
    return np.hstack([picture[top : top + HEIGHT, left : left + WIDTH] for picture in pictures])


def write(rows: Sequence[np.ndarray], name: str) -> None:
    """Rows below each other, as JPEG."""
    eight_bit = np.rint(np.vstack(rows).clip(0, 1) * 255).astype(np.uint8)
    cv2.imwrite(str(IMAGES / name), eight_bit[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
