"""Make the pictures of docs/gallery.md: for each method a part of a photograph, clean, damaged and restored.

    python docs/gallery.py [METHOD ...]

The photographs are samples of scikit-image: astronaut (NASA, public domain), coffee and chelsea (CC0). Methods
that fit a net to each picture get the part alone, and fewer steps than by default.
"""

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from tables_gallery import WITHOUT_PICTURE

import restora
from restora.core.image import Image
from restora.core.method import Method
from restora.core.report import Report
from restora.damage.hole import with_hole
from restora.damage.words import parse
from restora.engines.choice import Backend
from restora.files.clip import Frame
from restora.methods.table import METHODS, task_of
from restora.stages.pipeline import Means
from restora.work.clips import FrameRestorer, Piece
from restora.work.interpolate import interpolate_pictures
from restora.work.neighbours import frames_around, surrounded
from restora.work.plan import plan_of_method
from restora.work.translate_suite import AGED

IMAGES = Path(__file__).parent / "images" / "gallery"
SIDE = 160
PHOTOGRAPHS = {"astronaut": (16, 150), "coffee": (130, 230), "chelsea": (70, 90)}
"""The photographs, and the corner of the part that is shown."""
BY_TASK = {"denoise": "astronaut", "jpeg": "coffee", "enlarge": "chelsea", "fill": "coffee", "deblur": "chelsea"} | {
    "find": "chelsea", "regions": "astronaut", "colour": "coffee", "translate": "astronaut", "video": "chelsea"
}  # fmt: skip
UNKNOWN = ("blind-deconvolution", "selfdeblur", "motion")
"""Methods that find the kernel themselves: a picture with more edges is shaken."""
SHAKEN = "blur(shake, length=12) | noise(sigma=0.008)"
DAMAGES = {
    "gaussian": "noise(sigma=0.098)",
    "salt-and-pepper": "noise(salt-and-pepper, amount=0.1)",
    "speckle": "noise(speckle, sigma=0.2)",
    "jpeg": "jpeg(quality=10)",
    "fading": "fade(red=0.3, green=0.2, blue=0.4)",
    "marks": "marks(scratches, count=6)",
    "translation": AGED[0],
    "hole": "hole(text, size=24)",
    "blur": "blur(motion, length=9, angle=30) | noise(sigma=0.008)",
    "regions": "regions(most=2)",
    "clips": "noise(sigma=0.098)",
}
"""The damage, by the first kind that a method treats."""
KERNEL = "motion(length=9, angle=30)"
STEPS = {"dip": 400, "deepdlp": 100, "dip-inpainting": 400, "deepdlp-inpainting": 100}
"""Fewer steps for untrained nets, of WIDTH channels, which see the part alone."""
WIDTH = 32
ALONE = (*STEPS, "selfdeblur")
"""Methods that fit a net to the picture get the part alone."""


def main() -> None:
    """Make those that are named, or all."""
    IMAGES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [name for name in METHODS if name not in WITHOUT_PICTURE]:
        parts = example(METHODS[name])
        eight_bit = np.rint(np.hstack(parts).clip(0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(IMAGES / f"{name}.jpg"), eight_bit[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(name, flush=True)


def example(method: Method) -> list[np.ndarray]:
    """The parts, each (SIDE, SIDE, 3): clean, damaged, restored."""
    photograph = "coffee" if method.name in UNKNOWN else BY_TASK[task_of(method.name)]
    x = getattr(skimage.data, photograph)()[:, :, :3].astype(np.float32) / 255
    top, left = PHOTOGRAPHS[photograph]
    part = np.s_[top : top + SIDE, left : left + SIDE]
    if method.name in ALONE:
        x, part = x[part], np.s_[:, :]
    x = x[: x.shape[0] // 4 * 4, : x.shape[1] // 4 * 4]
    y, x_hat = MAKERS.get(task_of(method.name), by_method)(method, x)
    if task_of(method.name) == "regions":
        change = cv2.blur(np.abs(x_hat - y).sum(2), (SIDE, SIDE), borderType=cv2.BORDER_CONSTANT)
        corner = [int(at) - SIDE // 2 for at in np.unravel_index(change.argmax(), change.shape)]
        top, left = (max(0, min(at, side - SIDE)) for at, side in zip(corner, x.shape, strict=False))
        part = np.s_[top : top + SIDE, left : left + SIDE]
    scale = x.shape[0] // y.shape[0]
    return [each[part] for each in (x, y.repeat(scale, 0).repeat(scale, 1), x_hat)]


def damaged(method: Method, x: np.ndarray) -> np.ndarray:
    """The damaged picture, as a file of 8 bits holds it."""
    words = SHAKEN if method.name in UNKNOWN else DAMAGES[method.treats[0]]
    y = parse(words).apply(x, np.random.default_rng(0))
    return (np.rint(y.clip(0, 1) * 255) / 255).astype(np.float32)


def by_method(method: Method, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Denoisers, methods that sharpen, colours, JPEG, regions: the function of their task."""
    y = damaged(method, x)
    knobs = {"iterations": STEPS[method.name], "width": WIDTH} if method.name in STEPS else {}
    knobs |= {"sigma": 0.098} if method.treats[0] == "gaussian" and has_knob(method, "sigma") else {}
    knobs |= {"sigma": 0.2} if method.treats[0] == "speckle" else {}
    if task_of(method.name) == "deblur":
        needs = any(each.name == "kernel" and each.required for each in method.inputs)
        return y, restora.deblur(y, KERNEL if needs else None, method=method.name, knobs=knobs).image
    if task_of(method.name) == "regions":
        return y, restora.repair(y).image
    if task_of(method.name) == "colour":
        return y, restora.correct(y).image
    if task_of(method.name) == "translate":
        others = {"reference": x} if method.inputs else {}
        return y, restora.translate(y, method=method.name, **others).image
    return y, restora.denoise(y, method=method.name, knobs=knobs).image


def has_knob(method: Method, name: str) -> bool:
    """Whether a method has a knob that is measured if it is not given."""
    return any(knob.name == name and knob.default is None for knob in method.knobs)


def larger(method: Method, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shrunk by the largest scale of the method, and enlarged."""
    scale = 4 if method.name == "srgan" else 2
    y = parse(f"shrink(scale={scale})").apply(x, np.random.default_rng(0)).clip(0, 1).astype(np.float32)
    weights = next((name for name in method.weights if name.endswith((f"x{scale}", "x234"))), None)
    return y, restora.upscale(y, scale=scale, method=method.name, weights=weights).image


def filled(method: Method, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a hole, and filled."""
    y, missing = with_hole(parse(DAMAGES["hole"]), x, np.random.default_rng(0))
    knobs = {"iterations": STEPS[method.name], "width": WIDTH} if method.name in STEPS else {}
    return y, restora.inpaint(y, missing[:, :, 0] > 0, method=method.name, knobs=knobs).image


def found(method: Method, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture with marks, and the marks that were found, in red."""
    y = damaged(method, x)
    mask = restora.inpaint(y, "found").products["mask"]
    return y, np.where(np.atleast_3d(mask) > 0.5, np.float32([1, 0, 0]), y)


def clips(method: Method, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames that move two pixels each: with noise and without, or the middle of two."""
    frames = [np.roll(x, (2 * step, 2 * step), (0, 1)) for step in range(-2, 3)]
    if method.name == "tgan":
        return frames[1], interpolate_pictures(
            Image(frames[1]), Image(frames[3]), (method.name, ""), Backend("openvino"), 8 * 10**9
        ).pixels
    rng = np.random.default_rng(0)
    noisy = [parse(DAMAGES["clips"]).apply(frame, rng).astype(np.float32) for frame in frames]
    knobs = {"sigma": 0.098} if has_knob(method, "sigma") else {}
    plan = plan_of_method(method.name, knobs, None, precision="f32" if method.learned else None)
    clip = [Frame(index, Fraction(index), y) for index, y in enumerate(noisy)]
    pieces = [Piece(frame, {}, around) for frame, around in surrounded(iter(clip), frames_around(plan))]
    restorer = FrameRestorer(plan, pieces[0], Report(plan), Means(Backend("openvino"), 8 * 10**9))
    return noisy[2], restorer(pieces[2])


MAKERS = {"enlarge": larger, "fill": filled, "find": found, "video": clips}

if __name__ == "__main__":
    main()
