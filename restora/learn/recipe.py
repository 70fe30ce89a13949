"""Recipes: everything that decides what a training run makes, in one flat TOML file."""

import math
import tomllib
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.names import nearest
from restora.damage.chain import Chain
from restora.damage.shrink import Enlarge, Shrink
from restora.damage.words import draw

Value = int | float | str | list[int]


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, and how. Levels are on the 0..1 scale."""

    method: str  # a name of the table of methods
    tag: str  # the weights will be called method.tag
    photographs: str  # a folder of pictures; see data.photographs.locate
    licence: str  # of those pictures that their folder's SOURCES.csv does not name
    terms: str  # of use of the weights, for their card
    damage: str | list[str]  # damage words, ranges a..b drawn anew for every patch; of several, each patch gets one
    steps: int
    channels: int = 3
    leave_out: str = ""  # a file that lists pictures not to train on
    hold_out: int = 8  # pictures kept for validation, chosen by their checksums
    grey_share: float = 0.0  # share of the patches shown grey, all channels alike, noise too
    eight_bit_share: float = 0.0  # share of the damaged patches as a file would hold them: clipped, in 256 levels
    told_share: float = 0.0  # share of the patches with Gaussian noise whose net is told sigma (knob `told`)
    targets: str = "clean"  # "noisy": a second damaged version takes the clean one's place (Noise2Noise)
    teacher: str = ""  # weights whose answers take the clean pictures' place (distillation)
    start: str = ""  # weights to begin from, as far as they fit, or, of a wider net, pruned; dead channels begin anew
    shrinks: list[int] = field(default_factory=lambda: [1])  # each picture is also used this many times smaller
    batch: int = 8  # over all processes
    patch: int = 128
    lr: float = 0.01  # of Muon, for the inner convolutions
    lr_rest: float = 0.001  # of AdamW, for the first and last layer and the biases
    centred: bool = False  # Muon keeps the mean of each output channel's weights: for plain chains of convolutions
    warm_up: int = 50  # steps from zero to the full rate
    decay: float = 0.6  # share of the steps, at the end, over which the rate falls to zero
    loss: str = "l1"
    pixels: float = 1.0  # weight of that loss beside the two that follow
    content: float = 0.0  # weight of the distance between features of EfficientNet-lite0
    adversary: float = 0.0  # weight of what a critic says, which is trained along; 0: there is none
    clip: float = 1.0  # norm to which a larger gradient is scaled down
    ema: float = 0.999  # decay of the averaged weights, which are the result
    validate_every: int = 250
    seed: int = 0
    knobs: dict[str, Value] = field(default_factory=dict)  # of the net's constructor

    @property
    def damages(self) -> list[str]:
        """The damage words, one or several."""
        return [self.damage] if isinstance(self.damage, str) else self.damage

    @property
    def planes(self) -> int:
        """What the net takes: the channels, and the noise level if it can be told."""
        return self.channels + int(self.knobs.get("told", 0))  # type: ignore[arg-type]

    @property
    def scales(self) -> list[int]:
        """How many times smaller its damages make a picture; empty for a net that does not restore size."""
        return sorted({scale for words in self.damages if (scale := _factor(words, "shrink")) > 1})

    @property
    def scale(self) -> int:
        """How many times larger what the net gives is than what it takes."""
        return _factor(self.damages[0], "shrink") // _factor(self.damages[0], "enlarge")

    @property
    def name(self) -> str:
        """The name of the weights, as `dncnn.gray-s25`."""
        return f"{self.method}.{self.tag}"

    def __post_init__(self) -> None:
        rules = [
            (self.channels in (1, 3), "channels must be 1 or 3"),
            (self.loss in LOSSES, f"loss must be one of {', '.join(LOSSES)}"),
            (self.steps >= 1, "steps must be 1 or more"),
            (self.batch >= 1 and self.patch >= 8, "batch must be 1 or more, and patch 8 or more"),
            (self.lr > 0 and self.lr_rest > 0, "lr and lr_rest must be above 0"),
            *((0 <= getattr(self, name) <= 1, f"{name} must be from 0 to 1") for name in SHARES),
            (bool(self.damages), "damage must not be empty"),
            (self.targets in ("clean", "noisy"), "targets must be clean or noisy"),
            (not self.teacher or self.targets == "clean", "targets cannot be noisy and a teacher's too"),
            (self.knobs.get("told", 0) in (0, 1), "told must be 0 or 1"),
            (not self.told_share or bool(self.knobs.get("told")), "told_share needs a net with the knob told = 1"),
            (0 < self.decay <= 1, "decay must be above 0 and at most 1"),
            (0 <= self.ema < 1, "ema must be at least 0 and below 1"),
            (bool(self.shrinks) and min(self.shrinks) >= 1, "shrinks must be whole numbers of 1 or more"),
            (self.hold_out >= 1, "hold_out must be 1 or more"),
            (self.validate_every >= 1, "validate_every must be 1 or more"),
            (self.seed >= 0, "seed must be 0 or more"),
            (self.clip > 0, "clip must be above 0"),
            (min(self.pixels, self.content, self.adversary) >= 0, "pixels, content and adversary must be 0 or more"),
            (not (self.teacher and self.adversary > 0), "a teacher and an adversary cannot both be"),
            (self.adversary > 0 or (self.content == 0 and self.pixels == 1), "content and pixels need an adversary"),
            (self.tag.replace("-", "").isalnum(), "tag must be letters, digits and hyphens"),
        ]
        for holds, rule in rules:
            if not holds:
                raise BadRecipe(f"recipe {self.name}: {rule}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)


def _factor(words: str, family: str) -> int:
    """The product of the scales of shrinks or of enlargements in some damage words."""
    damage = draw(words, np.random.default_rng(0))
    parts = damage.damages if isinstance(damage, Chain) else (damage,)
    return math.prod(part.scale for part in parts if isinstance(part, Shrink | Enlarge) and part.family == family)


SHARES = ("grey_share", "eight_bit_share", "told_share")
LOSSES = ("l1", "l2")
"""Mean absolute error, mean squared error."""


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises BadRecipe on a file, key or value that is not right, naming it."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadRecipe(f"cannot read the recipe {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}") from error
    return recipe_from(values, str(path))


def recipe_from(values: dict[str, Any], origin: str) -> Recipe:
    """The recipe of plain values; `origin` is named in errors."""
    known = {entry.name: entry for entry in fields(Recipe)}
    for name, value in values.items():
        if name not in known:
            raise BadRecipe(f"{origin} has an unknown key {name!r}; {nearest(name, known)}")
        if not _fits(value, known[name].type):
            raise BadRecipe(f"{origin}: {name} cannot be {value!r}")
    required = [e.name for e in known.values() if e.default is MISSING and e.default_factory is MISSING]
    missing = [name for name in required if name not in values]
    if missing:
        raise BadRecipe(f"{origin} lacks {', '.join(missing)}")
    return Recipe(**values)


def _fits(value: object, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in (int, str, bool):
        return type(value) is kind
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    return isinstance(value, dict) and all(_fits(item, get_args(kind)[1]) for item in value.values())
