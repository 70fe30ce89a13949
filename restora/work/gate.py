"""The gate: whether a net computed in another way still gives the results of f32."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from restora.engines.channels import from_y
from restora.engines.choice import Engine
from restora.engines.tiling import around, cores, restore_piece
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.load import INT8_LOSS

WORST_LOSS = 0.5
"""Limit on the loss of PSNR in dB for any single picture."""
SHIFT = 0.1
"""Limit on the mean change of brightness, of 255."""
EXACT = 1e-5
"""Limit on the difference between a picture restored by tiles and restored whole, on the 0..1 scale."""
TILE = 256


@dataclass(frozen=True)
class Verdict:
    """The comparison with f32 over some pictures; losses in dB of PSNR, shift of 255, tiled on 0..1."""

    pictures: int
    mean_loss: float
    worst_loss: float
    shift: float
    tiled: float
    finite: bool

    @property
    def objections(self) -> list[str]:
        """The objections in words; empty if it passes."""
        if not self.finite:
            return ["results hold NaN or infinity"]
        rules = [
            (self.mean_loss <= INT8_LOSS, f"the mean loss is {self.mean_loss:.3f} dB, more than {INT8_LOSS:g}"),
            (self.worst_loss <= WORST_LOSS, f"one picture loses {self.worst_loss:.2f} dB, more than {WORST_LOSS:g}"),
            (abs(self.shift) <= SHIFT, f"brightness shifts by {self.shift:+.3f} of 255, more than {SHIFT:g}"),
            (self.tiled <= EXACT, f"tiles differ from the whole by {self.tiled:.1e}, more than {EXACT:g}"),
        ]
        return [objection for holds, objection in rules if not holds]

    @property
    def passed(self) -> bool:
        """Whether there are no objections."""
        return not self.objections

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a card; None for NaN and infinity, which JSON does not have."""
        measured = {key: value if math.isfinite(value) else None for key, value in asdict(self).items()}
        return {"passed": self.passed, **measured, "objections": self.objections}


def judge(
    candidate: Engine,
    reference: Engine,
    samples: Sequence[tuple[np.ndarray, np.ndarray]],
    large: np.ndarray,
    halo: int | None,
    multiple: int,
) -> Verdict:
    """Compare two engines on samples y (planes, H, W), x (H, W, C), and tiles with the whole on `large` (planes, H, W).

    y must be the only input of their nets; it may hold the planes of several frames. PSNR is that of protocol
    "denoise": all channels, clipped and rounded to 8 bits. halo: None for a net whose pixels see the whole picture,
    which is never tiled.
    """
    losses, shifts = [], []
    for y, x in samples:
        ours, theirs = (from_y(engine)(y[None])[0].transpose(1, 2, 0) for engine in (candidate, reference))
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            return Verdict(len(samples), np.nan, np.nan, np.nan, np.nan, finite=False)
        losses.append(_psnr(theirs, x) - _psnr(ours, x))
        shifts.append(255 * float(np.mean(ours - theirs)))
    return Verdict(
        pictures=len(samples),
        mean_loss=round(float(np.mean(losses)), 4),
        worst_loss=round(float(np.max(losses)), 3),
        shift=round(float(np.mean(shifts)), 4),
        tiled=0.0 if halo is None else tiles_apart(candidate, large, halo, multiple),
        finite=True,
    )


def tiles_apart(engine: Engine, y: np.ndarray, halo: int, multiple: int) -> float:
    """The largest difference between y (planes, H, W) restored by tiles and restored whole; NaN if one is NaN."""
    run = from_y(engine)
    whole = run(y[None])[0].transpose(1, 2, 0)
    size = y.shape[1], y.shape[2]
    scale, apart = whole.shape[0] // size[0], []
    picture = y.transpose(1, 2, 0)
    for top, left, height, width in cores(*size, (TILE, TILE)):
        part = restore_piece(
            around((top, left, height, width), size, halo, multiple),
            lambda t, l, h, w: picture[t : t + h, l : l + w],  # noqa: E741
            lambda window: run(window.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0),
            multiple,
            scale,
        )
        same = whole[scale * top : scale * (top + height), scale * left : scale * (left + width)]
        apart.append(np.abs(part - same).max())
    return float(np.max(apart))  # NaN if one is: max(0.0, NaN) would be 0


def _psnr(x_hat: np.ndarray, x: np.ndarray) -> float:
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr
