"""The pictures behind the numbers: crops of the first picture of a test set, clean, damaged and restored, as HTML."""

import base64
from collections.abc import Callable
from html import escape

import cv2
import numpy as np

from restora.core.errors import MissingExtra, NoWeights
from restora.core.image import Image
from restora.damage.regions import Regions
from restora.damage.shrink import Shrink, shrink_in
from restora.damage.words import parse
from restora.data.photographs import locate, pictures
from restora.data.sets import test_set
from restora.data.survey import Selection, System
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS, Protocol
from restora.metrics.scores import measure
from restora.work import deblur_suite, inpaint_suite, translate_suite, video_suite
from restora.work.bench import MEMORY, damaged, protocol_of
from restora.work.decide import to_repair
from restora.work.interpolate import interpolate_pictures
from restora.work.restore import restore
from restora.work.suite import Entry, plan_for

CROP = 128
MOST = 2
"""Measured values of a system that are shown."""
SLOW = "deep_prior"
"""The results file of methods that take minutes for a picture."""
Example = tuple[np.ndarray, np.ndarray, np.ndarray, Protocol, int]
"""Clean, damaged and restored (H, W, C), the protocol of their scores, and the scale."""


def crops_of(system: System) -> str:
    """Figures for the first values of a system, each of one picture. Raises RestoraError without the data."""
    return "".join(_crops(system, each) for each in system.measured[:MOST])


def _crops(system: System, wanted: Selection) -> str:
    if wanted.file == SLOW:
        return "<p>No pictures: this method takes minutes for each.</p>"
    try:
        x, y, x_hat, protocol, scale = EXAMPLES[wanted.file](system, wanted)
    except (MissingExtra, NoWeights) as missing:
        why = str(missing).partition(";")[0]
        return f"<p>No pictures of {escape(wanted.label)}: {escape(why)}.</p>"
    window = _window(x, y)
    figures = [_figure("clean", x[window])]
    for name, side in (("damaged", y), ("restored", x_hat)):
        figures.append(_figure(f"{name}, {measure(side, x, protocol, scale).psnr:.2f} dB", side[window]))
    title = f"<p>{escape(wanted.label)}: a part of one picture; PSNR of the whole of it</p>"
    return f'{title}<div class="crops">{"".join(figures)}</div>'


def _by_plan(system: System, wanted: Selection) -> Example:
    """Noise and shrinking."""
    name, words = wanted.where["set"], wanted.where["damage"]
    x, y = next(damaged(test_set(name).first(1), words))
    entry = Entry(name, words, system.method, wanted.weights or system.weights)
    x_hat = restore(y, plan_for(entry, "f32", y), max_memory=MEMORY)[0].pixels
    protocol, scale = protocol_of(words)
    shrink = shrink_in(parse(words)) or Shrink(1)
    return x, y.pixels.repeat(shrink.scale, 0).repeat(shrink.scale, 1), x_hat, protocol, scale


def _deblurred(system: System, wanted: Selection) -> Example:
    sigma = float(wanted.where["sigma"]) if wanted.where["sigma"] else None
    task = deblur_suite.Task(wanted.where["set"], wanted.where["damage"], sigma, system.method, system.weights)
    x, y, kernel = next(deblur_suite.pairs(task, test_set(task.set).first(1)))
    return x, y, deblur_suite.restored(task, y, kernel), PROTOCOLS["deblur" if x.shape[2] == 3 else "denoise"], 1


def _filled(system: System, wanted: Selection) -> Example:
    task = inpaint_suite.Task(wanted.where["set"], wanted.where["damage"], 1.0, system.method, system.weights)
    x, y, missing = inpaint_suite.damaged(test_set(task.set).paths[0], task.damage, 1.0, 0)
    return x, y, inpaint_suite.filled(task, y, missing), PROTOCOLS["denoise"], 1


def _translated(system: System, wanted: Selection) -> Example:
    weights = wanted.weights or system.weights
    task = translate_suite.Task(wanted.where["set"], wanted.where["damage"], system.method, weights)
    y, x = translate_suite.examples(task.set, task.damage, 1)[0]
    return x, y, translate_suite.translated(task, y), PROTOCOLS["denoise"], 1


def _between(system: System, wanted: Selection) -> Example:
    """The frame before takes the place of the damaged picture."""
    folder, names = video_suite.TRIPLETS[wanted.where["set"]]
    place = min(path for path in locate(folder).iterdir() if path.is_dir())
    before, x, after = (read(place / name).pixels for name in names)
    how = (system.method, system.weights)
    made = interpolate_pictures(Image(before), Image(after), how, Backend("openvino"), MEMORY, precision="f32")
    return x, before, made.pixels, PROTOCOLS["denoise"], 1


def _repaired(system: System, wanted: Selection) -> Example:
    """The first picture in which something is found."""
    for seed, path in enumerate(pictures(locate(wanted.where["set"]))):
        x = read(path).pixels
        y = Regions(2, 1, "overlay").marked(x, np.random.default_rng(seed))[0]
        y = np.rint(y.clip(0, 1) * 255) / np.float32(255)
        x_hat = restore(Image(y), to_repair({}, {}), max_memory=MEMORY)[0].pixels
        if not np.array_equal(x_hat, y):
            break
    return x, y, x_hat, PROTOCOLS["denoise"], 1


EXAMPLES: dict[str, Callable[[System, Selection], Example]] = {
    "denoise": _by_plan,
    "superres": _by_plan,
    "deblur": _deblurred,
    "inpaint": _filled,
    "translate": _translated,
    "video": _between,
    "regions": _repaired,
}
"""What makes the example of a value, by its results file."""


def _window(x: np.ndarray, y: np.ndarray) -> tuple[slice, slice]:
    """The window of CROP pixels with the most damage; in equal damage, as of noise, one near the middle."""
    change = cv2.blur(np.abs(y - x).mean(2), (CROP, CROP), borderType=cv2.BORDER_CONSTANT)
    rows, columns = (np.abs(np.arange(side) - side / 2) / side for side in x.shape[:2])
    top, left = np.unravel_index((change - change.std() * (rows[:, None] + columns)).argmax(), change.shape)
    corner = [max(0, min(int(at) - CROP // 2, side - CROP)) for at, side in zip((top, left), x.shape, strict=False)]
    return slice(corner[0], corner[0] + CROP), slice(corner[1], corner[1] + CROP)


def _figure(caption: str, pixels: np.ndarray) -> str:
    eight_bit = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)[:, :, ::-1]  # OpenCV's order is blue, green, red
    data = base64.b64encode(cv2.imencode(".png", eight_bit)[1].tobytes()).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'
