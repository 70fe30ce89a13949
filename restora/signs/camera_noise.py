"""Noise that is not white, from cameras, scanners and compression: what the flagship removes in flat places.

Such noise is correlated between neighbours, as texture is, so statistics of pixels cannot distinguish the two. A net
trained on both can: it keeps most of the texture and removes the noise. Noise is present if the net removes nearly all
variation in the flattest places of the picture, and if this is more than a little.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from restora.core.diagnosis import Finding
from restora.learn.weights import find
from restora.signs.noise_level import noise_level, strength

WEIGHTS = "restora.noise"
LOOKS = 3
"""Number of crops examined; each takes a tenth of a second."""
SIDE = 192
"""Maximum side of the crops in pixels."""
SQUARE = 16
FLAT = 10
"""One square of this many, the flattest, is examined."""
ENOUGH = 4
"""Minimum number of flat squares."""
LEAST = 1.5 / 255
"""Standard deviation from which noise is worth removing."""
CLEAR = 4.5 / 255
"""Standard deviation from which noise is clear. Weaker noise counts only if it looks like that of a photograph."""
GRAINY = 0.4
"""Correlation of neighbours from which clear noise is grain: on photographs grain has 0.48 to 0.68, sand 0.32."""
OF_ITS_OWN, ALIKE = 0.4, 0.3
"""Minimum share of independent noise per channel, and minimum correlation of neighbours, in developed photographs.
Eight real shots have 0.37 to 0.74 and 0.35 to 0.66. Weak film grain is grey and weak scan noise is white; both stay."""
MOST = 0.15
"""Standard deviation above which the variation is a pattern: the flagship was trained on less."""
COARSE = 1.5
"""Factor over the level of white noise from which noise is not white: only a part of coarse noise looks white."""
NEARLY_ALL = 0.8
"""Share of the deviation in flat squares. This detects four of eight real shots at ISO 1600 to 3200, and none of the
means of many shots of the same scenes; clean textures mostly stay below 0.7."""


def camera_noise(crops: Sequence[np.ndarray]) -> Finding:
    """The standard deviation, on the 0..1 scale, of coarse noise in flat places of crops (h, w, C)."""
    looks = [_middle(crops[i]) for i in np.linspace(0, len(crops) - 1, min(LOOKS, len(crops))).astype(int)]
    white = float(np.mean(noise_level(looks).value))
    before, removed, noises = [], [], []
    for look in looks:
        height, width = (side // SQUARE * SQUARE for side in look.shape[:2])
        if not height or not width:
            continue
        y = np.broadcast_to(look[:height, :width], (height, width, 3))
        inside = unclipped(squares(y))
        noise = squares(y - _denoised(y))
        before.append(deviations(squares(y))[inside])
        removed.append(deviations(noise)[inside])
        noises.append(noise[inside])
    if sum(map(len, before)) < FLAT * ENOUGH:
        return _finding(0.0, 0.0, "too few flat places to measure coarse noise", {})
    all_before, all_removed = np.concatenate(before), np.concatenate(removed)
    flattest = np.argsort(all_before)[: len(all_before) // FLAT]
    value, varies = float(np.median(all_removed[flattest])), float(np.median(all_before[flattest]))
    if value < COARSE * white:
        return _finding(0.0, 0.0, "no coarse noise: the noise is white", {})
    says = f"coarse noise of {255 * value:.1f} of 255 in flat places"
    return _finding(value, value / max(varies, 1e-6), says, shape_of(np.concatenate(noises)[flattest]))


def beneath_blocks(finding: Finding) -> Finding:
    """The finding in a picture with JPEG blocks, which change the shape of noise: only its strength counts."""
    value = float(np.mean(finding.value))
    if not CLEAR <= value <= MOST or finding.facts["share"] < NEARLY_ALL:
        return finding
    says = f"noise of about {255 * value:.1f} of 255 in flat places, beneath JPEG blocks"
    return replace(finding, present=True, says=says, plain=f"{strength(value)} noise beneath the blocks")


def shape_of(noise: np.ndarray) -> dict[str, float]:
    """Statistics of the noise of squares (N, pixels, C).

    `colour`: the share of its deviation that the channels do not have in common. `neighbours`: the correlation of
    neighbouring pixels in the mean of the channels.
    """
    noise = noise - noise.mean(1, keepdims=True)
    grey = noise.mean(2)
    square = grey.reshape(-1, SQUARE, SQUARE)
    lags = [(square[:, :, 1:] * square[:, :, :-1]).mean(), (square[:, 1:] * square[:, :-1]).mean()]
    own = np.square(noise - grey[:, :, None]).mean() / max(float(np.square(noise).mean()), 1e-12)
    return {
        "colour": round(float(np.sqrt(own)), 3),
        "neighbours": round(float(np.mean(lags)) / max(float(np.square(grey).mean()), 1e-12), 3),
    }


def _middle(crop: np.ndarray) -> np.ndarray:
    height, width = (min(SIDE, side) for side in crop.shape[:2])
    top, left = (crop.shape[0] - height) // 2, (crop.shape[1] - width) // 2
    return crop[top : top + height, left : left + width]


def _finding(value: float, share: float, says: str, facts: dict[str, float]) -> Finding:
    facts = facts | {"share": round(share, 3)}
    colour, neighbours = facts.get("colour", 0.0), facts.get("neighbours", 0.0)
    is_noise = neighbours >= GRAINY if value >= CLEAR else colour >= OF_ITS_OWN and neighbours >= ALIKE
    present = LEAST <= value <= MOST and share >= NEARLY_ALL and is_noise
    sure = min(1.0, 4 * abs(share - NEARLY_ALL), abs(value - LEAST) / LEAST) if value >= LEAST else 1.0
    if value and not present:
        says = "no significant coarse noise: the variation in flat places is texture or very small"
    plain = f"{strength(value)} grain" if present else ""
    unit = "0..1 scale, in flat places"
    return Finding("camera_noise", round(value, 5), unit, round(sure, 3), present, says, facts, plain)


def _denoised(y: np.ndarray) -> np.ndarray:
    """The output of the flagship for y (H, W, 3), sides multiples of eight."""
    from restora.engines.openvino_ import openvino_engine

    weights = find(WEIGHTS)
    told = np.zeros((int(weights.takes("sigma")), *y.shape[:2]), np.float32)
    planes = np.concatenate([y.transpose(2, 0, 1), told]).astype(np.float32)
    return openvino_engine(weights.onnx, "f32")({"y": planes[None]})["x_hat"][0].transpose(1, 2, 0)


def unclipped(parts: np.ndarray) -> np.ndarray:
    """(N,) bool: which squares (N, pixels, C) are neither black nor white, where noise is clipped."""
    return np.asarray(np.abs(parts.mean((1, 2)) - 0.5) < 0.47)


def squares(picture: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (N, SQUARE * SQUARE, C), the complete squares of a picture."""
    rows, columns = picture.shape[0] // SQUARE, picture.shape[1] // SQUARE
    whole = picture[: rows * SQUARE, : columns * SQUARE]
    apart = whole.reshape(rows, SQUARE, columns, SQUARE, picture.shape[2]).swapaxes(1, 2)
    return apart.reshape(rows * columns, SQUARE * SQUARE, picture.shape[2])


def deviations(squares: np.ndarray) -> np.ndarray:
    """The standard deviation of each square (N,) from its best quadratic surface, averaged over the colours."""
    v, u = np.mgrid[-1 : 1 : SQUARE * 1j, -1 : 1 : SQUARE * 1j].reshape(2, -1)
    basis = np.linalg.qr(np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], 1))[0]
    rest = squares - np.einsum("pk,qk,nqc->npc", basis, basis, squares, optimize=True)
    return rest.std(1).mean(1)
