"""Blend: after all steps, a share of the change is applied, and fine texture that was removed is put back.

The texture T comes from the luma of what was removed, r = y - x_hat. The undecimated wavelet transform with the B3
spline divides r into bands of detail, w_1 and w_2 being the two finest. Removed noise has the same energy everywhere,
removed texture has more where the picture has structure. So each value is multiplied by max(0, 1 - 2 sigma^2 / E),
where E is the mean of w^2 in the 5x5 values around it, and sigma the level of the noise in this band.

J.-L. Starck, F. Murtagh, M. Bertero, "Starlet transform in astronomical data processing", Handbook of Mathematical
Methods in Imaging, 2011; G. Chen, T. Bui, A. Krzyzak, "Image denoising with neighbour dependency and customized wavelet
and threshold", Pattern Recognition 2005, for the weights.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import convolve1d, uniform_filter

from restora.core.errors import BadPlan
from restora.core.image import to_grey
from restora.core.plan import Blend
from restora.engines.tiling import Read, around
from restora.stages.stage import Size, Stage, Window, blended

SPLINE = np.array([1, 4, 6, 4, 1], np.float32) / 16
BANDS = 2
NEAR = 5
"""Side of the neighbourhood whose energy decides."""
SHARE = 2.0
"""Multiple of the energy of noise up to which nothing is put back."""
REACH = 2 * (2**BANDS - 1) + NEAR // 2
"""Pixels that a value of the texture depends on, in each direction."""
MEMORY = 80
"""Bytes for each pixel of a window."""


def bands_of(plane: np.ndarray) -> list[np.ndarray]:
    """The finest bands of detail of a plane (H, W), each (H, W), the finest first."""
    bands, smooth = [], plane.astype(np.float32)
    for level in range(BANDS):
        kernel = np.zeros(4 * 2**level + 1, np.float32)
        kernel[:: 2**level] = SPLINE
        smoother = convolve1d(convolve1d(smooth, kernel, axis=0, mode="reflect"), kernel, axis=1, mode="reflect")
        bands.append(smooth - smoother)
        smooth = smoother
    return bands


def texture_of(removed: np.ndarray, noise: Sequence[float]) -> np.ndarray:
    """The texture (H, W, 1) in what was removed (H, W, C), with a noise of these levels in its bands."""
    texture = np.zeros(removed.shape[:2], np.float32)
    for band, sigma in zip(bands_of(to_grey(removed)[:, :, 0]), noise, strict=True):
        energy = uniform_filter(band * band, NEAR, mode="reflect")
        texture += band * np.maximum(0, 1 - np.float32(SHARE * sigma**2) / np.maximum(energy, np.float32(1e-12)))
    return texture[:, :, None]


def noise_of(removed: Sequence[np.ndarray]) -> tuple[float, float]:
    """The levels of noise in the bands of what was removed from parts (h, w, C) of a picture: medians over the parts.

    The level of a part is its median absolute value, divided by that of a normal distribution of deviation one.
    """
    levels = [
        [float(np.median(np.abs(band))) / 0.6745 for band in bands_of(to_grey(part)[:, :, 0])] for part in removed
    ]
    first, second = np.median(levels, axis=0).clip(0, 1).tolist()
    return first, second


class Blending(Stage):
    """The stage of a blend; `given` reads the given picture, which has the size of the result."""

    def __init__(self, blend: Blend, given: Read, size: Size) -> None:
        self.name, self.before, self.after = "blend", size, size
        self.blend, self.given = blend, given
        self.halo = REACH if blend.texture else 0

    def reads(self, size: Size) -> Size:
        """The window with the reach of the texture."""
        height, width = (min(whole, side + 2 * self.halo) for whole, side in zip(self.before, size, strict=True))
        return height, width

    def bytes_for(self, size: Size) -> int:
        """The memory for both pictures and the bands."""
        height, width = self.reads(size)
        return MEMORY * height * width

    def run(self, read: Read, window: Window) -> np.ndarray:
        """The window, blended."""
        piece = around(window, self.before, self.halo, 1)
        y, x_hat = self.given(*piece.read), read(*piece.read)
        full = x_hat + self.blend.texture * texture_of(y - x_hat, self.blend.noise) if self.blend.texture else x_hat
        top, left = window[0] - piece.read[0], window[1] - piece.read[1]
        inside = slice(top, top + window[2]), slice(left, left + window[3])
        return blended(y[inside], full[inside].astype(np.float32), self.blend.strength)


def blending(blend: Blend, given: Read, given_size: Size, size: Size) -> Blending:
    """The stage of a blend. Raises BadPlan if the steps change the size."""
    if size != given_size:
        raise BadPlan("a result of another size cannot be blended with the given picture: leave out the plan's blend")
    return Blending(blend, given, size)
