"""Richardson-Lucy deconvolution: x <- x K^T(y / K x), the most likely picture for photon noise, stopped in time.

It is stopped when what it predicts differs from y by no more than the noise (discrepancy principle), as it would fit
the noise then. The picture is taken to go on beyond its borders without being seen there, so borders do not ring.

W. H. Richardson, JOSA 1972; L. B. Lucy, Astronomical Journal 1974. M. Bertero, P. Boccacci, "A simple method for the
reduction of boundary effects in the Richardson-Lucy approach", Astronomy and Astrophysics 2005.
"""

import numpy as np

from restora.core.method import Made
from restora.nets.deconvolution import bordered, edge_note, forward, inverse, transfer

LEAST = 1e-4
"""Of the 0..1 scale: the smallest value of a pixel, as the method needs positive ones."""


def richardson_lucy(y: np.ndarray, kernel: np.ndarray, sigma: float, iterations: int) -> Made:
    """x_hat for y (H, W, C), blurred with kernel (kh, kw), with noise sigma; at most so many iterations."""
    x_hat, taken = np.empty_like(y), []
    for channel in range(y.shape[2]):
        x_hat[:, :, channel], steps = _plane(y[:, :, channel], kernel, sigma, iterations)
        taken.append(steps)
    return Made(x_hat, note=f"{max(taken)} iterations; {edge_note(kernel)}")


def _plane(y: np.ndarray, kernel: np.ndarray, sigma: float, iterations: int) -> tuple[np.ndarray, int]:
    start = bordered(y, kernel)
    size = start.plane.shape
    k = transfer(kernel, size)

    def seen_through(plane: np.ndarray, transposed: bool = False) -> np.ndarray:
        return inverse((np.conj(k) if transposed else k) * forward(plane), size)

    observed, mask = np.zeros(size, np.float32), np.zeros(size, np.float32)
    start.inside(observed)[:] = np.maximum(y, LEAST)
    start.inside(mask)[:] = 1
    weight = np.maximum(seen_through(mask, transposed=True), 0.01)
    x = np.maximum(start.plane, LEAST)
    for step in range(1, iterations + 1):
        predicted = np.maximum(seen_through(x), LEAST)
        if float(np.mean((start.inside(predicted) - y) ** 2)) <= sigma**2:
            return start.inside(x), step - 1
        x = np.maximum(x * seen_through(observed / predicted, transposed=True) / weight, LEAST)
    return start.inside(x), iterations
