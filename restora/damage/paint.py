"""Colours (C,) of marks on a picture x (H, W, C): one value for a grey picture, a slight tint in colour."""

import numpy as np


def tone(x: np.ndarray, rng: np.random.Generator, stain: bool = False) -> np.ndarray:
    """A bright or dark colour (C,), mostly the one that is seen on the picture; a stain may have any."""
    bright = rng.random() < (0.85 if np.median(x) < 0.6 else 0.35)
    level = rng.uniform(0.7, 1) if bright else rng.uniform(0, 0.25)
    if stain and rng.random() < 0.5:
        level = rng.uniform(0.1, 0.9)
    tint = rng.normal(0, 0.06 if stain else 0.03, x.shape[2]) * (x.shape[2] > 1)
    return (level + tint).clip(0, 1).astype(np.float32)


def paper(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White, cream or light grey (C,)."""
    warm = rng.uniform(0, 0.06) * np.arange(x.shape[2])  # less in green than in red, and least in blue
    return np.asarray(rng.uniform(0.75, 1) - warm, np.float32)


def ink(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The colour of letters (C,): white, black, the orange of a date stamp, or any."""
    if x.shape[2] == 1:
        return tone(x, rng)
    which = rng.random()
    if which < 0.4:
        return tone(x, rng)
    if which < 0.65:
        return np.array([rng.uniform(0.85, 1), rng.uniform(0.25, 0.65), rng.uniform(0, 0.25)], np.float32)
    return np.asarray(rng.random(x.shape[2]), np.float32)
