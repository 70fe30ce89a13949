"""Marks on the photograph itself: scratches, creases, dust, blotches, tears, letters. A trained net finds them."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding
from restora.engines.marks import candidates, certain, drawn
from restora.learn.weights import find

WEIGHTS = "mark-finder.photo"
QUIET = "restora.blind-small"
"""The weights that remove noise: the fastest ones."""
LOOKS = 5
"""Number of views examined: the first is the whole picture, shrunk if it is large."""
MANY = 0.01
"""Share of the pixels from which marks are called many."""


def marks(views: Sequence[np.ndarray]) -> Finding:
    """The share of marked pixels in views (h, w, C) of a picture, and the number of marks.

    The first view and the others are judged apart: one shows all, shrunk, the others show thin marks.
    """
    chosen = [views[i] for i in np.linspace(0, len(views) - 1, min(LOOKS, len(views))).astype(int)]
    likely = [likelihood(view) for view in chosen]
    found = [candidates(each) for each in likely]
    share, count, score = 0.0, 0, 0.0
    for part in (slice(0, 1), slice(1, None)):
        if drawn(chosen[part]) or not certain(likely[part], found[part]):
            continue
        mine = sum(int(each.sum()) for each in found[part]) / sum(each.size for each in found[part])
        number = sum(cv2.connectedComponents(each.astype(np.uint8))[0] - 1 for each in found[part])
        levels = np.concatenate([each[marked] for each, marked in zip(likely[part], found[part], strict=True)])
        if mine > share:
            share, count, score = mine, number, float(levels.mean()) / 255
    says = f"scratches and spots were found on {percent(share)} of the picture" if share else "no scratches or spots"
    plain = ("many " if share >= MANY else "") + "scratches and spots" if share else ""
    facts = {"marks": float(count), "score": round(score, 3)}
    return Finding("marks", round(share, 6), "share of pixels", round(score or 1.0, 3), share > 0, says, facts, plain)


def percent(share: float) -> str:
    """A share in words, such as "1.3 %"."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def likelihood(view: np.ndarray) -> np.ndarray:
    """The probability of a mark at each pixel of a view (h, w, C), (h, w) of 0 to 255."""
    return np.rint(255 * _through(WEIGHTS, view)[:, :, 0]).astype(np.uint8)


def without_noise(view: np.ndarray) -> np.ndarray:
    """A view (h, w, C) without noise. Beneath noise, edges and highlights of the scene look like marks."""
    return _through(QUIET, view)


def _through(name: str, view: np.ndarray) -> np.ndarray:
    """What a net with three channels makes of a view (h, w, C): (h, w, channels of its output)."""
    from restora.engines.openvino_ import openvino_engine

    weights = find(name)
    height, width = view.shape[:2]
    down, right = (-side % weights.card["multiple"] for side in (height, width))
    y = np.pad(np.broadcast_to(view, (height, width, 3)), ((0, down), (0, right), (0, 0)), mode="symmetric")
    given = {"y": np.ascontiguousarray(y.transpose(2, 0, 1)[None], np.float32)}
    made = openvino_engine(weights.onnx, "f32")(given)["x_hat"][0]
    return made.transpose(1, 2, 0)[:height, :width]
