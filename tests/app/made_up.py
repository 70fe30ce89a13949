"""Made-up methods: one finds a blur itself and returns three products, one finds what to fill."""

import numpy as np

from restora.core.inputs import Input, Product
from restora.core.knobs import Knob
from restora.core.method import Made, Method

KERNEL = np.array([[0, 0, 1], [0, 2, 0], [1, 0, 0]]) / 4
BOXES = [[1, 2, 3, 4]]
FINDER = Method(
    name="finder",
    entry="tests.app.made_up:find",
    stage="whole",
    about="finds a blur",
    treats=("blur",),
    paper="none",
    knobs=(Knob("gain", float, 0.9, 0, 1, "times", "brightness"),),
    products=(
        Product("kernel", "kernel", "the kernel that was found"),
        Product("where", "plane", "where it is sharp"),
        Product("faces", "boxes", "rectangles"),
        Product("never", "plane", "what this method does not make for any picture"),
    ),
)


def find(y: np.ndarray, gain: float) -> Made:
    """y (H, W, C) times a gain, and the products."""
    return Made((gain * y).astype(np.float32), {"kernel": KERNEL, "where": y[:, :, 0] > 0.5, "faces": BOXES})


MARKER = Method(
    name="marker",
    entry="tests.app.made_up:mark",
    stage="whole",
    about="finds white scratches and makes them grey",
    treats=("hole",),
    paper="none",
    inputs=(Input("mask", "plane", "what is filled: white", required=False),),
    products=(Product("mask", "plane", "what was filled: white"),),
)


def mark(y: np.ndarray, mask: np.ndarray | None = None) -> Made:
    """y (H, W, C) with 0.5 where the mask (H, W) bool is True or, without one, where y is white."""
    where = (y.min(2) > 0.99) if mask is None else mask
    return Made(np.where(where[:, :, None], np.float32(0.5), y), {"mask": where})
