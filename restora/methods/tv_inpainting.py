"""Total variation inpainting: of all pictures that keep the known pixels, the one with the least total variation.

    minimise sum |grad x|    with x = y outside the hole

The gradients of all channels at a pixel count as one vector, so edges of the channels stay together. It gives flat
areas with sharp edges. Edges are continued only across holes that are narrower than the object beside them. Solved by
the primal-dual algorithm of Chambolle and Pock, which starts from Navier-Stokes inpainting.

J. Shen, T. F. Chan, "Mathematical models for local nontexture inpaintings", SIAM Journal on Applied Mathematics 2002.
A. Chambolle, T. Pock, "A first-order primal-dual algorithm for convex problems", JMIV 2011.
"""

import cv2
import numpy as np
from scipy.sparse import csr_array, vstack

STEP = 0.35
"""Of both variables: STEP^2 times 8, the squared norm of the gradient, must be below 1."""
BOUND = 0.1
"""Of the dual variable; it scales the problem, not the solution. With 1 the first iterations change little."""
ENOUGH = 1e-4
"""Largest change of a pixel at which the iteration stops."""
THIN = 3
"""Number of rows or columns below which the start is the mean of the known pixels, as OpenCV needs more."""


def tv_inpainting(y: np.ndarray, mask: np.ndarray, iterations: int) -> np.ndarray:
    """y (H, W, C) filled where mask (H, W) is True, in at most so many iterations.

    Only pixels in the hole and beside it are in the equations.
    """
    x_hat = _start(y, mask)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    gradient, hole = _gradient(near), mask[near][:, None]
    x = leading = x_hat[near]
    p = np.zeros((2, *x.shape), np.float32)
    for _ in range(iterations):
        p += STEP * (gradient @ leading).reshape(p.shape)
        p /= np.maximum(1, np.sqrt(np.square(p).sum((0, 2), keepdims=True)) / BOUND)
        change = np.where(hole, -STEP * (gradient.T @ p.reshape(-1, x.shape[1])), np.float32(0))
        x = x + change
        leading = x + change
        if np.abs(change).max() < ENOUGH:
            break
    x_hat[near] = x
    return x_hat


def _gradient(near: np.ndarray) -> csr_array:
    """The matrix (2 n, n) of the differences to the pixel below and to that on the right, for the n pixels in near."""
    index = np.where(near, np.cumsum(near).reshape(near.shape) - 1, -1)
    count, parts = int(near.sum()), []
    for here, there in ((index[:-1], index[1:]), (index[:, :-1], index[:, 1:])):
        both = (here >= 0) & (there >= 0)
        i, j = here[both], there[both]
        values = np.repeat(np.array([-1, 1], np.float32), len(i))
        parts.append(csr_array((values, (np.tile(i, 2), np.concatenate([i, j]))), shape=(count, count)))
    return csr_array(vstack(parts))


def _start(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if min(mask.shape) < THIN:
        return np.where(mask[:, :, None], y[~mask].mean(0), y).astype(np.float32)
    planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(y, 2, 0)]
    return np.dstack([cv2.inpaint(plane, mask.astype(np.uint8), 3, cv2.INPAINT_NS) for plane in planes])
