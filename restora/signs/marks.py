"""Marks on the photograph itself: scratches, creases, dust, blotches, tears, letters. A trained net finds them."""

from collections.abc import Sequence

import cv2
import numpy as np

from restora.core.diagnosis import Finding
from restora.engines.marks import sure_of
from restora.learn.weights import find

WEIGHTS = "mark-finder.photo"
LOOKS = 5
"""Number of views examined: the first is the whole picture, shrunk if it is large."""
LEAST = 2e-4
"""Share of the pixels from which marks are worth filling."""
CLEAR = 20 * LEAST
"""Share from which there is no doubt."""


def marks(views: Sequence[np.ndarray]) -> Finding:
    """The share of marked pixels in views (h, w, C) of a picture, and the number of marks."""
    chosen = [views[i] for i in np.linspace(0, len(views) - 1, min(LOOKS, len(views))).astype(int)]
    shares, count, score = [], 0, 0.0
    for view in chosen:
        likely = likelihood(view)
        found = sure_of(likely)
        shares.append(float(found.mean()))
        count = max(count, cv2.connectedComponents(found.astype(np.uint8))[0] - 1)
        score = max(score, float(likely[found].mean()) / 255 if found.any() else 0.0)
    share = max(shares)
    present = share >= LEAST
    says = f"scratches and spots were found on {percent(share)} of the picture" if present else "no scratches or spots"
    plain = ("many " if share >= CLEAR else "") + "scratches and spots" if present else ""
    facts = {"marks": float(count), "score": round(score, 3)}
    sure = min(1.0, share / CLEAR + 0.3) if present else 1.0
    return Finding("marks", round(share, 6), "share of pixels", round(sure, 3), present, says, facts, plain)


def percent(share: float) -> str:
    """A share in words, such as "1.3 %"."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def likelihood(view: np.ndarray) -> np.ndarray:
    """The probability of a mark at each pixel of a view (h, w, C), (h, w) of 0 to 255."""
    from restora.engines.openvino_ import openvino_engine

    weights = find(WEIGHTS)
    height, width = view.shape[:2]
    down, right = (-side % weights.card["multiple"] for side in (height, width))
    y = np.pad(np.broadcast_to(view, (height, width, 3)), ((0, down), (0, right), (0, 0)), mode="symmetric")
    given = {"y": np.ascontiguousarray(y.transpose(2, 0, 1)[None], np.float32)}
    found = openvino_engine(weights.onnx, "f32")(given)["x_hat"][0, 0, :height, :width]
    return np.rint(255 * found).astype(np.uint8)
