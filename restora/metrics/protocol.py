"""Protocols: the exact way to compare two pictures, so that scores are comparable."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from restora.core.errors import RestoraError
from restora.core.names import nearest


@dataclass(frozen=True)
class Protocol:
    """How two pictures are prepared for a metric."""

    name: str
    channel: str  # "as-is" or "y" (BT.601 studio range, as MATLAB's rgb2ycbcr)
    crop_scale: int = 0  # pixels cropped per unit of the scale, as for super-resolution
    rounding: bool = True  # to 8 bits, clipped, before comparing
    ssim: str = "wang"  # "wang": Gaussian 11x11, valid region; "uniform": the default of scikit-image, 7x7
    blocks: int = 0  # the side of the blocks of PSNR-B; 0: it is not measured
    about: str = ""

    def prepare(self, pixels: np.ndarray, scale: int = 1) -> np.ndarray:
        """(H, W, C) on the 0..1 scale as float64 on the 0..255 scale, prepared for comparison."""
        values = pixels.astype(np.float64) * 255
        if self.rounding:
            values = np.rint(np.clip(values, 0, 255))
        if self.channel == "y":
            values = luma(values)
        border = self.crop_scale * scale
        if 2 * border >= min(values.shape[:2]):
            raise RestoraError(
                f"a picture of {values.shape[1]}x{values.shape[0]} has no pixels left after cropping {border}"
            )
        return values[border : values.shape[0] - border, border : values.shape[1] - border]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to store with a score."""
        return asdict(self)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("denoise", "as-is", about="grey or RGB as in the file, no crop (BSD68, Set12, CBSD68, Kodak24)"),
        Protocol("sr-y", "y", crop_scale=1, about="luma, a border as wide as the scale cropped (Set5, Set14, BSD100)"),
        Protocol("sr-rgb", "as-is", crop_scale=1, about="RGB, a border as wide as the scale cropped"),
        Protocol("jpeg-y", "y", blocks=8, about="luma, no crop (Classic5, LIVE1; grey counts as luma)"),
        Protocol("deblur", "as-is", about="RGB, no crop (GoPro)"),
        Protocol("float", "as-is", rounding=False, about="unchanged, neither clipped nor rounded (Deep Image Prior)"),
    )
}


def protocol_named(name: str) -> Protocol:
    """A protocol by name. Raises RestoraError with the nearest name."""
    if name not in PROTOCOLS:
        raise RestoraError(f"no protocol is called {name!r}; {nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def luma(values: np.ndarray) -> np.ndarray:
    """(H, W, 3) on 0..255 as (H, W, 1) on 16..235, ITU-R BT.601; grey counts as luma already."""
    if values.shape[2] == 1:
        return values
    return 16 + values @ np.array([[65.481], [128.553], [24.966]]) / 255


def with_ssim(protocol: Protocol, variant: str) -> Protocol:
    """The protocol with another variant of SSIM."""
    if variant not in ("wang", "uniform"):
        raise RestoraError(f"no SSIM variant is called {variant!r}; known: uniform, wang")
    return replace(protocol, ssim=variant)
