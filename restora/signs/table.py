"""The table of signs: the damage that is looked for, in order, and the damage that is not looked for yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from restora.core.diagnosis import Finding
from restora.signs.blur import blur
from restora.signs.camera_noise import beneath_blocks, camera_noise
from restora.signs.fading import fading
from restora.signs.impulse import impulse, without_impulses
from restora.signs.jpeg_quality import jpeg_quality
from restora.signs.marks import marks, without_noise
from restora.signs.noise_level import noise_level
from restora.signs.speckle import speckle
from restora.signs.yellowing import yellowing


@dataclass(frozen=True)
class Sign:
    """A sign of damage: its name, its name in plain words, and the function (crops) -> Finding that looks for it.

    clear: it gets the crops without black and white dots, which it would take for noise or for sharp edges.
    noise: it looks for noise. JPEG blocks look flat, so beneath them it can find only what `beneath` finds.
    everywhere: it measures the whole picture, so what crops show must be confirmed by more of it.
    needs: an earlier sign that must be present for this one to be present.
    unless: an earlier sign whose damage looks like it, so that it cannot be told then.
    all_over: it gets the whole picture, shrunk if it is large, before the crops.
    quiet: removes noise from a view; where noise was found, the sign must be found without it too.
    """

    name: str
    called: str
    find: Callable[[Sequence[np.ndarray]], Finding]
    clear: bool = False
    noise: bool = False
    needs: str = ""
    unless: str = ""
    all_over: bool = False
    beneath: Callable[[Finding], Finding] | None = None
    everywhere: bool = False
    quiet: Callable[[np.ndarray], np.ndarray] | None = None


BLOCKS = "jpeg_quality"
"""The sign of the damage that hides noise."""
SIGNS = {
    sign.name: sign
    for sign in (
        Sign("impulse", "black and white dots", impulse),
        Sign("jpeg_quality", "JPEG blocks", jpeg_quality),
        Sign("noise_level", "fine noise", noise_level, clear=True, noise=True),
        Sign("speckle", "speckle", speckle, clear=True, noise=True, needs="noise_level"),
        Sign("camera_noise", "coarse grain", camera_noise, clear=True, noise=True, beneath=beneath_blocks),
        Sign("blur", "blur", blur, clear=True),
        Sign("marks", "scratches and spots", marks, unless="impulse", all_over=True, quiet=without_noise),
        Sign("fading", "faded colours", fading, clear=True, everywhere=True),
        Sign("yellowing", "yellowing", yellowing, clear=True, everywhere=True),
    )
}
NOT_LOOKED_FOR = ("missing parts", "stains")
"""Damage that no sign looks for yet: a picture that has only such damage is reported without findings."""


def findings(
    crops: Sequence[np.ndarray], overview: np.ndarray | None = None, tell: Callable[[str], None] | None = None
) -> dict[str, Finding]:
    """All signs in crops (h, w, C) on the 0..1 scale, starting at multiples of 8 pixels; dots do not count as noise.

    overview: the whole picture, shrunk, if the crops do not show all of it. tell: called with what is looked for next.
    """
    clear = [without_impulses(crop) for crop in crops]
    found: dict[str, Finding] = {}
    for name, sign in SIGNS.items():
        if tell:
            tell(f"Looking for {sign.called}")
        if sign.unless and found[sign.unless].present:
            says = f"{sign.called} cannot be told from {SIGNS[sign.unless].called}"
            found[name] = Finding(name, 0.0, "share of pixels", 0.0, False, says)
            continue
        views = clear if sign.clear else crops
        views = [overview, *views] if sign.all_over and overview is not None else views
        finding = sign.find(views)
        if finding.present and sign.quiet and _noisy(found):
            finding = sign.find([sign.quiet(view) for view in views])
        if finding.present and sign.needs and not found[sign.needs].present:
            finding = replace(finding, present=False, plain="", says=f"no {sign.called}")
        if hidden(sign, finding.present, found):
            finding = sign.beneath(finding) if sign.beneath else finding
        if hidden(sign, finding.present, found):
            says = f"{sign.called} cannot be detected beneath {SIGNS[BLOCKS].called}"
            finding = replace(finding, says=says, confidence=0.0)
        found[name] = finding
    return found


def _noisy(found: Mapping[str, Finding]) -> bool:
    return any(sign.noise and name in found and found[name].present for name, sign in SIGNS.items())


def hidden(sign: Sign, present: bool, found: Mapping[str, Finding]) -> bool:
    """Whether a sign cannot be detected because JPEG blocks hide it."""
    return not present and sign.noise and found[BLOCKS].present


def absent(found: Mapping[str, Finding]) -> tuple[list[str], list[str], list[str]]:
    """What was looked for and not found, what JPEG blocks hide, and what could not be measured, in plain words.

    If noise of one kind was found below JPEG blocks, the other kinds are in none of these.
    """
    signs = [sign for sign in SIGNS.values() if not found[sign.name].present]
    noisy = _noisy(found)
    beneath = [sign for sign in signs if hidden(sign, False, found)]
    told = [sign for sign in signs if sign not in beneath and found[sign.name].confidence > 0]
    unmeasured = [sign for sign in signs if sign not in beneath and sign not in told]
    return _called(told), _called([] if noisy else beneath), _called(unmeasured)


def _called(signs: Sequence[Sign]) -> list[str]:
    return [sign.called for sign in signs]
