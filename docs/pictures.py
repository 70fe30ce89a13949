"""Make docs/images/deblur.jpg: parts of a photograph sharp, blurred and restored.

    RESTORA_DATA=DIR python docs/pictures.py

The photograph (CC0) is held out from the training of all nets, and shrunk to half its size.
"""

from pathlib import Path

import cv2
import numpy as np

import restora
from restora.damage.words import parse
from restora.data.photographs import locate
from restora.files.picture import read
from restora.learn.pairs import smaller

PHOTOGRAPH = ("train/free2", "budgie_motherboard-circuits.jpg")
IMAGE = Path(__file__).parent / "images" / "deblur.jpg"
HEIGHT, WIDTH = 224, 320
ROWS = (
    ("blur(disk, radius=3)", (150, 150), restora.deblur),
    ("blur(moving, length=12, camera=2)", (110, 260), lambda y: restora.deblur(y, method="motion")),
    ("blur(shake, length=18)", (60, 200), lambda y: restora.deblur(y, method="blind-deconvolution")),
    ("blur(motion, length=15, angle=30)", (180, 300), lambda y: restora.deblur(y, "motion(length=15, angle=30)")),
)
"""Damage, the corner of the part that is shown, and what restores the whole picture."""


def main() -> None:
    """Blur, restore, cut and write."""
    pixels = smaller(np.rint(read(locate(PHOTOGRAPH[0]) / PHOTOGRAPH[1]).pixels * 255).astype(np.uint8), 2)
    x = pixels.astype(np.float32) / 255
    rows = []
    for words, (top, left), sharpen in ROWS:
        y = parse(f"{words} | noise(sigma=0.008)").apply(x, np.random.default_rng(3))
        y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        parts = (x, y, sharpen(y).image)
        rows.append(np.hstack([part[top : top + HEIGHT, left : left + WIDTH] for part in parts]))
    eight_bit = np.rint(np.vstack(rows).clip(0, 1) * 255).astype(np.uint8)
    cv2.imwrite(str(IMAGE), eight_bit[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
