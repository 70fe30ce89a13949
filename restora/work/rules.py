"""The table of rules: what treats what was found in a picture, the best first, as `benchmarks/rules.py` measured it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.signs.jpeg_quality import EDGES
from restora.signs.noise_level import ALIKE
from restora.signs.speckle import PHOTONS

WHITE, STRONG, PHOTON = "white noise", "strong noise", "photon noise"
SHARED, COARSE = "noise that channels or neighbours share", "coarse noise"
SPECKLE, DOTS, DENSE, JPEG = "speckle", "dots", "dense dots", "JPEG blocks"
KINDS = (WHITE, STRONG, SHARED, COARSE, PHOTON, SPECKLE, DOTS, DENSE, JPEG)
"""Kinds of damage, of which a diagnosis may show several."""

MOST_DOTS = 0.4
"""Share of impulses from which on they are dense: the flagship was trained on less."""
MOST_WHITE = 0.15
"""Sigma from which on white noise is strong: `restora.blind` is then behind `restora.noise`."""
Treatment = tuple[str, ...]
"""Weights of the flagship and classical methods, in the order in which they are applied."""

BLIND: Treatment = ("restora.blind",)
NOISE: Treatment = ("restora.noise",)
PHOTO: Treatment = ("restora.photo",)
MEDIAN: Treatment = ("adaptive-median",)


@dataclass(frozen=True)
class Rule:
    """What treats pictures that show kinds of damage among `covers`, and no others; the best treatment first."""

    covers: frozenset[str]
    treatments: tuple[Treatment, ...]


RULES = (
    Rule(frozenset({WHITE}), (BLIND, NOISE, PHOTO)),
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
    Rule(frozenset(KINDS) - {DENSE, JPEG}, (MEDIAN + PHOTO, MEDIAN + NOISE)),
    Rule(frozenset(KINDS) - {DENSE}, (NOISE + PHOTO, MEDIAN + PHOTO)),
    Rule(frozenset(KINDS) - {JPEG}, (MEDIAN + NOISE, MEDIAN + PHOTO)),
    Rule(frozenset(KINDS), (MEDIAN + PHOTO,)),
)
"""In order: the first that covers what was found is taken."""


def treatments_for(kinds: Iterable[str]) -> tuple[Treatment, ...]:
    """What treats pictures with these kinds of damage, the best first; empty if there are none."""
    found = frozenset(kinds)
    return next(rule.treatments for rule in RULES if found <= rule.covers) if found else ()


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
    return frozenset(kinds)


def _kind_of_noise(diagnosis: Diagnosis) -> str:
    """The kind of the noise that was found, which is not speckle."""
    if "noise_level" not in diagnosis.present:
        return COARSE
    level, growth = diagnosis.findings["noise_level"], diagnosis.findings.get("speckle")
    if growth and growth.facts.get("exponent", 0) >= PHOTONS:
        return PHOTON
    # Where they are unknown, flat places are few, or the noise is too coarse for them to look flat.
    if max(level.facts.get(name, 1.0) for name in ("channels", "neighbours")) >= ALIKE:
        return SHARED
    return STRONG if np.mean(level.value) >= MOST_WHITE else WHITE
