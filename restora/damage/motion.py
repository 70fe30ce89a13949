"""Motion blur of a photograph: a shaken camera, or an object that moves before a background.

Light adds up on the sensor before the tone curve, so the average is taken in linear light (a curve of exponent GAMMA).
The trajectory is drawn from the random generator: a point with inertia, pushed at random, as in Boracchi and Foi,
"Modeling the performance of image restoration from motion blur", IEEE TIP 2012.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from restora.damage.blur import traced
from restora.damage.chain import Damage

GAMMA = 2.2
"""Exponent of the tone curve, nearly that of sRGB."""
MOMENTS = 96
"""Points of a trajectory, evenly spaced in time."""
SOFTEST = 8
"""An object is a patch of smooth noise whose detail is about the shorter side divided by this."""


@dataclass(frozen=True)
class ShakeBlur(Damage):
    """The camera moved along a random curved path whose greatest extent is `length` pixels."""

    family: ClassVar[str] = "blur"
    kind: ClassVar[str] = "shake"
    length: float

    def __post_init__(self) -> None:
        self.need(1 <= self.length <= 200, "length must be from 1 to 200 pixels")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The average over the path, in linear light."""
        return _toned(_convolved(_light(x), shaken(self.length, rng)))


@dataclass(frozen=True)
class MovingBlur(Damage):
    """A part of the picture moves by about `length` pixels while the camera moves by at most `camera` pixels.

    What the moving part hides of the background is a smooth continuation of what is around it.
    """

    family: ClassVar[str] = "blur"
    kind: ClassVar[str] = "moving"
    length: float
    camera: float = 0.0

    def __post_init__(self) -> None:
        self.need(1 <= self.length <= 200, "length must be from 1 to 200 pixels")
        self.need(0 <= self.camera <= 200, "camera must be from 0 to 200 pixels")

    def apply(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The average over both paths, in linear light."""
        light, part = _light(x), _part(x.shape[:2], rng)
        around = max(2.0, self.length / 3)
        known = 1 - part
        least = np.float32(1e-3)  # far from everything known, the mean of the picture
        hidden = (_softened(light * known, around) + least * light.mean((0, 1))) / (_softened(known, around) + least)
        ground = light * known + hidden * part
        if self.camera >= 1:
            ground = _convolved(ground, shaken(self.camera * rng.uniform(), rng))
        path = shaken(self.length, rng)
        return _toned(_convolved(light * part, path) + (1 - _convolved(part, path)) * ground)


def shaken(length: float, rng: np.random.Generator) -> np.ndarray:
    """The kernel (kh, kw) of a random path of the extent `length` pixels; odd sides, sum 1, the mean at the centre."""
    heading = rng.uniform(0, 2 * np.pi)
    velocity = np.array([np.sin(heading), np.cos(heading)])
    wild = rng.uniform(0, 0.35) ** 1.5  # straight paths are more common than tangled ones
    pushes = wild * rng.standard_normal((MOMENTS, 2))
    if rng.random() < 0.2:  # a jerk: the path turns sharply once
        pushes[rng.integers(MOMENTS)] += 2 * rng.standard_normal(2)
    steps = np.empty((MOMENTS, 2))
    for moment, push in enumerate(pushes):
        velocity = velocity + push - 0.02 * velocity
        steps[moment] = velocity
    path = np.cumsum(steps, 0)
    extent = max(1e-6, float(np.hypot(*np.ptp(path, 0))))
    path = (path - path.mean(0)) * max(0.0, length - 1) / extent
    return traced(path[:, 0], path[:, 1])


def _part(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random part of a picture (H, W, 1), 0..1, with edges of about a pixel."""
    noise = cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), max(1.0, min(size) / SOFTEST))
    level = np.quantile(noise, rng.uniform(0.4, 0.8))
    return cv2.GaussianBlur((noise > level).astype(np.float32), (0, 0), 0.6)[:, :, None]


def _convolved(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """k * x, borders mirrored; (H, W, C)."""
    flipped = np.ascontiguousarray(k[::-1, ::-1], np.float32)
    y: np.ndarray = cv2.filter2D(np.ascontiguousarray(x), -1, flipped, borderType=cv2.BORDER_REFLECT)
    return y.reshape(x.shape)


def _softened(x: np.ndarray, sigma: float) -> np.ndarray:
    softened: np.ndarray = cv2.GaussianBlur(np.ascontiguousarray(x), (0, 0), sigma)
    return softened.reshape(x.shape)


def _light(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float32).clip(0, 1) ** np.float32(GAMMA)


def _toned(light: np.ndarray) -> np.ndarray:
    return light.clip(0, 1) ** np.float32(1 / GAMMA)
