"""The table of signs: what is looked for in a picture, in order, and what is not looked for yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.camera_noise import camera_noise
from restora.signs.impulse import impulse, without_impulses
from restora.signs.jpeg_quality import jpeg_quality
from restora.signs.noise_level import noise_level
from restora.signs.speckle import speckle


@dataclass(frozen=True)
class Sign:
    """A sign of damage: its name, what people call it, and the function (crops) -> Finding that looks for it.

    between_impulses: it is shown the crops without black and white dots, which it would take for something else.
    needs: another sign without which it is not present, an earlier one.
    """

    name: str
    called: str
    find: Callable[[Sequence[np.ndarray]], Finding]
    between_impulses: bool = False
    needs: str = ""


SIGNS = {
    sign.name: sign
    for sign in (
        Sign("impulse", "black and white dots", impulse),
        Sign("noise_level", "noise", noise_level, between_impulses=True),
        Sign("speckle", "speckle", speckle, between_impulses=True, needs="noise_level"),
        Sign("camera_noise", "coarse grain", camera_noise, between_impulses=True),
        Sign("jpeg_quality", "JPEG blocks", jpeg_quality),
    )
}
NOT_LOOKED_FOR = ("blur", "scratches and dust", "missing parts", "faded colours")
"""Damage that no sign looks for yet: a picture with it may be told that nothing was found."""


def findings(crops: Sequence[np.ndarray]) -> dict[str, Finding]:
    """All signs in crops (h, w, C) on the 0..1 scale, from multiples of 8 pixels; noise is that between impulses."""
    clear = [without_impulses(crop) for crop in crops]
    found: dict[str, Finding] = {}
    for name, sign in SIGNS.items():
        finding = sign.find(clear if sign.between_impulses else crops)
        alone = finding.present and sign.needs and not found[sign.needs].present
        found[name] = replace(finding, present=False, plain="", says=f"no {sign.called}") if alone else finding
    return found
