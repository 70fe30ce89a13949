"""The table of rules: treatments for each kind of damage, best first, as measured by `benchmarks/rules.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.signs.camera_noise import LEAST
from restora.signs.jpeg_quality import EDGES
from restora.signs.noise_level import ALIKE

WHITE, STRONG, PHOTON = "white noise", "strong noise", "photon noise"
SHARED, COARSE = "noise that channels or neighbours share", "coarse noise"
SPECKLE, DOTS, DENSE, JPEG = "speckle", "dots", "dense dots", "JPEG blocks"
SOFT, MOTION = "softness", "motion blur"
SHARP_KINDS = (WHITE, STRONG, SHARED, COARSE, PHOTON, SPECKLE, DOTS, DENSE, JPEG)
"""Kinds of damage of sharp pictures."""
KINDS = (*SHARP_KINDS, SOFT, MOTION)
"""Kinds of damage; a diagnosis may show several."""

MOST_DOTS = 0.4
"""Share of impulses from which they count as dense: the flagship was trained on less."""
MOST_WHITE = 15 / 255
"""Sigma from which white noise counts as strong: there `restora.noise` is better than `restora.prior`, in 8 bits."""
GROWING = 0.4
"""Slope of noise over brightness from which noise that may be white is treated as photon noise: `restora.prior` leaves
noise above the sigma that it is told."""
MILD = 1.5
"""Sigma up to which softness does not count where the net of camera_noise removes something, present or not: pictures
of cameras at full resolution are that soft, and sharpening them removes 1 to 3 dB (CC15)."""
Treatment = tuple[str, ...]
"""Weights and classical methods, in the order of their use."""

PRIOR: Treatment = ("restora.prior",)
"""For white noise; it is told the sigma that was found."""
NOISE: Treatment = ("restora.noise",)
PHOTO: Treatment = ("restora.photo",)
MEDIAN: Treatment = ("adaptive-median",)
MCTF: Treatment = ("mctf",)
"""For noise in clips: it moves frames onto each other."""
TEMPORAL: Treatment = ("temporal.clip",)
"""For noise in clips, whose frames it reads together."""
SHARP: Treatment = ("restora.sharp",)
"""For softness and defocus."""
SHAKEN: Treatment = ("blind-deconvolution",)
"""For motion blur that is the same everywhere."""
STEADY: Treatment = ("motion.photo",)
"""For motion blur of which no kernel can be found."""
SHARPENING = SHARP + STEADY
"""The weights that sharpen."""


@dataclass(frozen=True)
class Rule:
    """Treatments for pictures with kinds of damage among `covers`, and no others; best first."""

    covers: frozenset[str]
    treatments: tuple[Treatment, ...]


def with_blur(blur: str, *ways: Treatment) -> tuple[Rule, ...]:
    """The rules for a kind of blur and the ways to sharpen it. Whatever else was found is removed first."""

    def after(*first: Treatment) -> tuple[Treatment, ...]:
        return tuple(each + way for way in ways for each in first)

    return (
        Rule(frozenset({blur}), ways),
        Rule(frozenset({blur, WHITE}), after(PRIOR, NOISE)),
        Rule(frozenset({blur, WHITE, STRONG, PHOTON}), after(NOISE)),
        Rule(frozenset({blur, DOTS}), after(MEDIAN, NOISE)),
        Rule(frozenset({blur, *SHARP_KINDS}) - {DOTS, DENSE}, after(PHOTO, NOISE)),
        Rule(frozenset({blur, *SHARP_KINDS}), after(MEDIAN + PHOTO)),
    )


RULES = (
    Rule(frozenset({WHITE}), (PRIOR, NOISE, PHOTO)),
    Rule(frozenset({STRONG}), (NOISE, PHOTO)),
    Rule(frozenset({SHARED}), (PHOTO, NOISE)),
    Rule(frozenset({COARSE}), (NOISE, PHOTO)),
    Rule(frozenset({PHOTON}), (NOISE, PHOTO)),
    Rule(frozenset({SPECKLE}), (NOISE, PHOTO)),
    Rule(frozenset({WHITE, SHARED, COARSE, PHOTON, JPEG}), (PHOTO, NOISE)),
    Rule(frozenset({STRONG, SPECKLE, JPEG}), (NOISE + PHOTO, PHOTO)),
    Rule(frozenset({DENSE}), (MEDIAN,)),
    Rule(frozenset({DOTS}), (MEDIAN, NOISE)),
    Rule(frozenset({DOTS, WHITE, STRONG, PHOTON, SPECKLE}), (NOISE + PHOTO, NOISE)),
    Rule(frozenset(SHARP_KINDS) - {DENSE, JPEG}, (MEDIAN + PHOTO, MEDIAN + NOISE)),
    Rule(frozenset(SHARP_KINDS) - {DENSE}, (NOISE + PHOTO, MEDIAN + PHOTO)),
    Rule(frozenset(SHARP_KINDS) - {JPEG}, (MEDIAN + NOISE, MEDIAN + PHOTO)),
    Rule(frozenset(SHARP_KINDS), (MEDIAN + PHOTO,)),
    *with_blur(SOFT, SHARP),
    *with_blur(MOTION, SHAKEN, STEADY),
)
"""In order: the first rule that covers what was found is used."""
CLIP_RULES = (Rule(frozenset({WHITE, STRONG, SHARED}), (MCTF, TEMPORAL)),)
"""For clips, before RULES, as measured by `restora bench video`. Channels share noise that was stored with chroma of
half size."""


def treatments_for(kinds: Iterable[str], rules: Sequence[Rule] = RULES) -> tuple[Treatment, ...]:
    """Treatments for pictures with these kinds of damage, best first; empty if no rule covers them."""
    found = frozenset(kinds)
    return next((rule.treatments for rule in rules if found <= rule.covers), ()) if found else ()


def kinds_of(diagnosis: Diagnosis) -> frozenset[str]:
    """The kinds of damage that a diagnosis shows."""
    found = diagnosis.present
    kinds = set()
    if "impulse" in found:
        kinds.add(DENSE if np.mean(found["impulse"].value) >= MOST_DOTS else DOTS)
    if "speckle" in found:
        kinds.add(SPECKLE)
    elif "noise_level" in found or "camera_noise" in found:
        kinds.add(_kind_of_noise(diagnosis))
    edges = diagnosis.findings["jpeg_quality"].facts.get("edges", 0) if "jpeg_quality" in diagnosis.findings else 0
    if "jpeg_quality" in found or (kinds and edges >= EDGES):  # noise hides the quality, not the edges
        kinds.add(JPEG)
    if "blur" in found and not _as_cameras_do(diagnosis):
        kinds.add(MOTION if "length" in found["blur"].facts else SOFT)
    return frozenset(kinds)


def _as_cameras_do(diagnosis: Diagnosis) -> bool:
    """Whether a picture is a little soft and has coarse noise, as of a camera at full resolution."""
    coarse = diagnosis.findings.get("camera_noise")
    mild = diagnosis.findings["blur"].facts.get("sigma", MILD) < MILD
    return mild and coarse is not None and float(np.mean(coarse.value)) >= LEAST


def _kind_of_noise(diagnosis: Diagnosis) -> str:
    """The kind of the noise that was found, except speckle."""
    if "noise_level" not in diagnosis.present:
        return COARSE
    level, growth = diagnosis.findings["noise_level"], diagnosis.findings.get("speckle")
    if growth and growth.facts.get("exponent", 0) >= GROWING:
        return PHOTON
    # They are unknown if flat areas are few or hidden by coarse noise; then shared noise is assumed.
    if max(level.facts.get(name, 1.0) for name in ("channels", "neighbours")) >= ALIKE:
        return SHARED
    return STRONG if np.mean(level.value) >= MOST_WHITE else WHITE
