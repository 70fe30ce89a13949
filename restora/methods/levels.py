"""Levels: the black and the white point of each channel are put back, along a curve between density and contrast.

    x_hat + b = (1 + b) ((y / white + b) / (1 + b))^k
    k = log((target + b) / (1 + b)) / log((black / white + b) / (1 + b))

so that black becomes `target` and white 1. For small b this multiplies the density log(y + b), which is exact for dyes
that lost a share of it; for large b it stretches the range linearly, which is exact for stray light. B lies between. A
channel with a black below the target keeps its curve. The curve depends on one value only, so tiles are exact.

W. K. Pratt, "Digital Image Processing", 4th edition, 2007, section 10.1 (contrast manipulation).
"""

import numpy as np

B = 0.4
"""A compromise: after faded dyes smaller values gain more, after lost contrast larger ones."""
TARGET = 0.02
"""Value that the black point becomes: darker pixels keep some room above 0."""


def levels(
    y: np.ndarray,
    black_red: float, black_green: float, black_blue: float,
    white_red: float, white_green: float, white_blue: float,
) -> np.ndarray:  # fmt: skip
    """y (H, W, C) on 0..1, each channel with its points; a grey picture with those of green."""
    points = (black_red, white_red), (black_green, white_green), (black_blue, white_blue)
    x_hat = np.empty(y.shape, np.float32)
    for channel, (black, white) in enumerate(points if y.shape[2] == 3 else points[1:2]):
        x_hat[:, :, channel] = _curve(y[:, :, channel], black, white)
    return x_hat


def _curve(y: np.ndarray, black: float, white: float) -> np.ndarray:
    lowest = black / white
    k = np.log((TARGET + B) / (1 + B)) / np.log((lowest + B) / (1 + B)) if lowest > TARGET else 1.0
    return np.asarray((1 + B) * np.power(np.maximum(y / white + B, 0) / (1 + B), k) - B)
