"""Damage words: `parse("blur(motion, length=15, angle=30) | noise(sigma=0.1)")`; `str` converts back.

A word is `family(kind, knob=value, ...)`; the kind may be omitted if the family has a default kind.
Values are numbers or quoted file names. Damages are joined with ` | ` and applied from left to right.
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import cast

import numpy as np

from restora.core.errors import BadDamage
from restora.core.names import nearest
from restora.damage.ageing import DyeFading, LostContrast, Sepia, Stain, Yellowing
from restora.damage.blur import DiskBlur, GaussianBlur, KernelBlur, MotionBlur
from restora.damage.chain import Chain, Damage
from restora.damage.hole import BlobHole, MaskHole, PixelHole, RectangleHole, ScratchHole, StrokeHole, TextHole
from restora.damage.jpeg import Jpeg
from restora.damage.marks import (
    Blotches,
    Creases,
    DeadPixels,
    Dust,
    FilmScratches,
    Letters,
    Mixed,
    Scratches,
    Tears,
)
from restora.damage.motion import MovingBlur, ShakeBlur
from restora.damage.noise import CameraNoise, GaussianNoise, PoissonNoise, SaltAndPepper, Speckle
from restora.damage.regions import Regions
from restora.damage.scene import Grid, Hair, Print, Stars, Wires
from restora.damage.shrink import Enlarge, Shrink

KINDS: dict[str, tuple[type[Damage], ...]] = {
    "noise": (GaussianNoise, PoissonNoise, SaltAndPepper, Speckle, CameraNoise),
    "blur": (GaussianBlur, MotionBlur, DiskBlur, ShakeBlur, MovingBlur, KernelBlur),
    "jpeg": (Jpeg,),
    "shrink": (Shrink,),
    "enlarge": (Enlarge,),
    "hole": (RectangleHole, PixelHole, MaskHole, ScratchHole, TextHole, StrokeHole, BlobHole),
    "fade": (DyeFading, LostContrast),
    "sepia": (Sepia,),
    "yellow": (Yellowing,),
    "stain": (Stain,),
    "marks": (Mixed, Scratches, FilmScratches, Creases, Dust, Blotches, Tears, Letters, DeadPixels),
    "scene": (Print, Wires, Hair, Grid, Stars),
    "regions": (Regions,),
}
"""Every family and its kinds; the first kind of a family may be omitted."""

# A word may contain quoted text, so `)`, `|` and `,` within quotes end nothing.
_WORD = re.compile(r'\s*([a-z]+)\s*\(((?:"(?:[^"\\]|\\.)*"|[^()"])*)\)\s*')
_ENTRY = re.compile(r'\s*(?:([a-z_]+)\s*=\s*)?("(?:[^"\\]|\\.)*"|[^,"=]+?)\s*(?:,|$)')
_NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})")


def parse(text: str) -> Damage:
    """The damage that `text` describes; `parse(str(d)) == d`. Raises BadDamage, which names the wrong word."""
    return _parse(text, None)


def _parse(text: str, rng: np.random.Generator | None) -> Damage:
    damages = []
    position = 0
    while True:
        word = _WORD.match(text, position)
        if not word:
            raise BadDamage(f'cannot read {text[position:].strip()!r} as damage; write it like "noise(sigma=0.1)"')
        damages.append(_build(word[1], word[2], rng))
        position = word.end()
        if position == len(text):
            break
        if text[position] != "|":
            raise BadDamage(f"expected '|' between damages before {text[position:]!r}")
        position += 1
    return damages[0] if len(damages) == 1 else Chain(tuple(damages))


def draw(text: str, rng: np.random.Generator) -> Damage:
    """A damage drawn from words with ranges: `noise(sigma=0..0.2)` draws sigma uniformly; integers stay integers."""
    return _parse(text, rng)


def _build(family: str, inside: str, rng: np.random.Generator | None) -> Damage:
    if family not in KINDS:
        raise BadDamage(f"no damage is called {family!r}; {nearest(family, KINDS)}")
    kinds = {kind.kind: kind for kind in KINDS[family]}
    chosen = KINDS[family][0]
    values: dict[str, str] = {}
    for index, (name, value) in enumerate(_entries(family, inside)):
        if name is None and index == 0:
            if value not in kinds:
                raise BadDamage(f"{family} has no kind {value!r}; {nearest(value, kinds)}")
            chosen = kinds[value]
        elif name is None:
            raise BadDamage(f"{family}(...) takes knob=value after its kind, not {value!r}")
        elif name in values:
            raise BadDamage(f"{family}(...) was given {name} twice")
        else:
            values[name] = value
    return _construct(chosen, values, rng)


def _construct(chosen: type[Damage], values: dict[str, str], rng: np.random.Generator | None) -> Damage:
    word = f"{chosen.family}({chosen.kind})"
    # The annotations of a kind are types, not names, because no damage file postpones their evaluation.
    types = {field.name: cast(type, field.type) for field in fields(chosen)}  # type: ignore[arg-type]
    typed: dict[str, float | int | str] = {}
    for name, value in values.items():
        if name not in types:
            raise BadDamage(f"{word} has no knob {name!r}; {nearest(name, types)}")
        try:
            typed[name] = _value(value, types[name], rng)
        except (ValueError, OverflowError) as error:
            raise BadDamage(f"{word} needs a {types[name].__name__} for {name}, got {value}") from error
    try:
        return chosen(**typed)
    except TypeError as error:
        missing = [name for name in types if name not in typed]
        raise BadDamage(f"{word} needs {' and '.join(missing)}") from error


def _value(text: str, kind: type, rng: np.random.Generator | None) -> float | int | str:
    if kind is str:
        return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
    span = _RANGE.fullmatch(text.strip()) if rng is not None else None
    if span and rng is not None:
        low, high = kind(span[1]), kind(span[2])
        return int(rng.integers(low, high + 1)) if kind is int else float(rng.uniform(low, high))
    return kind(text)


def _entries(family: str, inside: str) -> Iterator[tuple[str | None, str]]:
    position = 0
    while position < len(inside.rstrip()):
        entry = _ENTRY.match(inside, position)
        if not entry:
            raise BadDamage(f"cannot read {inside[position:]!r} in {family}({inside})")
        yield entry[1], entry[2]
        position = entry.end()
