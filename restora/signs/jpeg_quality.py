"""JPEG: the grid from block edges, the quality from the DCT coefficients of the blocks.

The step across a block edge is larger than the steps beside it. Its mean over the picture is compared with that of the
other seven phases, so the grid is found at any offset, as in a JPEG that was cropped, saved as PNG or compressed again.
On the grid, coefficients of luma lie near multiples of the steps of the quantiser. The result is the lowest quality
of the standard table that fits these multiples (the multiples of a finer table contain those of no coarser one).
After Z. Fan, R. de Queiroz, "Identification of bitmap compression history", IEEE TIP 2003.
"""

from collections.abc import Sequence

import numpy as np

from restora.core.diagnosis import Finding
from restora.core.image import to_grey
from restora.damage.quantiser import steps

_DCT = np.cos(np.pi / 16 * np.arange(8)[:, None] * (2 * np.arange(8) + 1)) / 2
"""The DCT of JPEG as an orthonormal matrix; scipy.fft has it too, but takes a fifth of a second to import."""
_DCT[0] /= np.sqrt(2)

FREQUENCIES = 4
"""Minimum number of coefficients that are not zero: an even gradient has one or two, equal in all blocks."""
GOOD = 85
"""Quality from which blocks are invisible."""
STRENGTHS = ((60, "light"), (30, "clear"), (0, "strong"))
"""Words for the strength of the blocks, by minimum quality."""
EDGES = 9.0
"""t statistic from which block edges are present. Of 22 undamaged photographs one reaches 18, with edges left by an
earlier codec; the others reach at most 6."""
UNKNOWN = 60
"""The quality assumed if block edges are visible but the coefficients fit no table."""
BLOCKS = 1500
"""Number of blocks examined; more of them give the same result in more time."""
STEEP = 16
"""Limit on steps, of 255: larger steps are edges of the scene, and count as this."""


def jpeg_quality(crops: Sequence[np.ndarray]) -> Finding:
    """The JPEG quality of crops (h, w, C) whose top left corners are at multiples of 8; 100 if no grid is found.

    facts: `down` and `right`, the position of the picture's top left pixel on the grid; `edges`, the t statistic of the
    block edges in the weaker direction.
    """
    greys = _greys(crops)
    (down, right), edges = _grid(greys)
    offsets = [(0, 0)] if edges < EDGES else list(dict.fromkeys([(down, right), (0, 0)]))
    found = [(*_quality(np.concatenate([_blocks(grey, *offset) for grey in greys])), offset) for offset in offsets]
    quality, misfit, (down, right) = min(found)
    says = f"JPEG blocks of quality about {quality}" if quality < 100 else "no JPEG grid"
    if offsets[0] != (0, 0) and found[0][0] == 100 and quality >= GOOD:
        quality, misfit, (down, right) = UNKNOWN, 0.5, offsets[0]
        says = "JPEG blocks of unknown quality"
    if (down, right) != (0, 0):
        says += f"; the picture was cropped after it was saved as JPEG (grid {right} right, {down} down)"
    facts = {"down": down, "right": right, "edges": round(edges, 1)}
    sure = round(1 - misfit if quality < 100 else 1.0, 3)
    plain = f"{next(word for least, word in STRENGTHS if quality >= least)} JPEG blocks" if quality < GOOD else ""
    return Finding("jpeg_quality", quality, "1 to 100", sure, quality < GOOD, says, facts, plain)


def block_edges(crops: Sequence[np.ndarray]) -> float:
    """The t statistic of block edges in crops (h, w, C), in the weaker direction; 0 if there are none."""
    return _grid(_greys(crops))[1]


def _greys(crops: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [to_grey(crop)[:, :, 0].astype(np.float64) * 255 for crop in crops]


def _grid(greys: Sequence[np.ndarray]) -> tuple[tuple[int, int], float]:
    """The position of the first row and column on the grid; the t statistic of block edges in the weaker direction."""
    down, vertical = _columns([grey.T for grey in greys])
    right, horizontal = _columns(greys)
    return (down, right), min(vertical, horizontal)


def _columns(greys: Sequence[np.ndarray]) -> tuple[int, float]:
    """The position of the first column on the grid, and the t statistic of the steps across its block edges."""
    excess, column = [], []
    for grey in greys:
        step = np.minimum(np.abs(np.diff(grey, axis=1)), STEEP)
        if step.shape[1] >= 24:
            excess.append((step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2).mean(0))
            column.append(np.arange(len(excess[-1])) + 2)
    if not excess:
        return 0, 0.0
    values, phases = np.concatenate(excess), np.concatenate(column) % 8
    found = [_t(values[phases == phase], values[(phases - phase + 1) % 8 > 2]) for phase in range(8)]
    return -int(np.argmax(found)) % 8, float(max(found))


def _t(some: np.ndarray, others: np.ndarray) -> float:
    """Welch's t statistic."""
    return float((some.mean() - others.mean()) / (np.sqrt(some.var() / len(some) + others.var() / len(others)) + 1e-6))


def _quality(coefficients: np.ndarray) -> tuple[int, float]:
    """(quality, misfit) of coefficients (N, 8, 8); (100, 1) if no table fits."""
    coefficients = coefficients[:: -(-len(coefficients) // BLOCKS) or 1]
    for candidate in range(5, 96):
        if _misfit(coefficients, steps(candidate)) < 0.45:
            # Neighbouring qualities share most steps: use the best fit among the next few.
            misfit, quality = min((_misfit(coefficients, steps(q)), q) for q in range(candidate, candidate + 4))
            return quality, misfit
    return 100, 1.0


def _misfit(coefficients: np.ndarray, step: np.ndarray) -> float:
    """Mean distance to the nearest multiple of the step, 1 = random; of coefficients that are not near zero."""
    ratio = coefficients / step
    telling = (np.abs(ratio) > 0.5) & (step >= 3)
    telling[:, 0, 0] = False
    if telling.sum() < 50 or telling.any(0).sum() < FREQUENCIES:
        return 1.0
    return float(np.abs(ratio - np.rint(ratio))[telling].mean() / 0.25)


def _blocks(grey: np.ndarray, down: int, right: int) -> np.ndarray:
    """(h, w) on 0..255 as DCT coefficients (N, 8, 8) of the complete blocks of a grid with this offset."""
    grey = grey[-down % 8 :, -right % 8 :]
    height, width = grey.shape[0] // 8, grey.shape[1] // 8
    blocks = grey[: height * 8, : width * 8].reshape(height, 8, width, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    return _DCT @ (blocks - 128.0) @ _DCT.T
