"""Recipes: everything that determines the result of training, in one TOML file.

A recipe has a flat common part, a table `[data]` that describes the training pairs, and at most one table for its game:
`[distillation]`, `[adversarial]`, `[cycle]` or `[detection]`; without one, training is supervised. `[[stages]]` lists
runs that follow one another: each uses the recipe with the listed keys changed, and starts from the weights of the
previous run.
"""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin

import numpy as np

from restora.core.errors import BadRecipe
from restora.core.names import nearest
from restora.damage.chain import Chain
from restora.damage.shrink import Enlarge, Shrink
from restora.damage.words import draw
from restora.learn.recipe_tables import Adversarial, Cycle, Data, Detection, Distillation, check

Value = int | float | str | list[int]

LOSSES = ("l1", "l2", "dice")
"""Mean absolute error, mean squared error, and that of masks (learn.game.dice)."""
FIXED = ("method", "tag", "terms", "channels", "start", "knobs", "stages")
"""Keys that a stage cannot change."""
PLANES = {"told": "sigma", "masked": "mask"}
"""Knobs of nets that add an input plane, and its name."""
BETWEEN = 3
"""Frames of which a net with the knob `between` makes the middle one; its input is four pictures (nets/halfway.py)."""
HALVINGS = {"srgan": 4, "patchgan": 5, "temporal": 3}
"""How often a critic (nets.critic) halves its input, or nearly so."""
GATHERED = ("folders", "licence", "leave_out", "hold_out", "unpaired", "pairs", "direction", "clips")
"""Keys of data that a stage cannot change either: photographs are collected once."""


@dataclass(frozen=True)
class Recipe:
    """What to train, on which data, and how."""

    method: str  # a name in the table of methods
    tag: str  # the weights are named method.tag
    terms: str  # terms of use of the weights, for their card
    data: Data  # a table: its keys are below
    steps: int = 0  # steps of a run; may be given by the stages
    channels: int = 3  # channels of the pictures: 3, or 1 for grey pictures and for luma
    start: str = ""  # start weights: what fits is copied, a wider net is pruned, dead channels are re-initialised
    batch: int = 8  # batch size over all processes
    patch: int = 128  # side of the crops of photographs in pixels, before damage
    lr: float = 0.01  # learning rate of Muon, for the inner convolutions
    lr_rest: float = 0.001  # learning rate of AdamW, for the first and last layer and the biases
    centred: bool = False  # Muon keeps the mean weight of each output channel; for plain chains of convolutions
    warm_up: int = 50  # steps from zero to the full learning rate
    decay: float = 0.6  # share of the steps, at the end, over which the learning rate falls to zero
    loss: str = "l1"  # l1: mean absolute error; l2: mean squared error; dice: of masks
    clip: float = 1.0  # gradient clipping by norm
    ema: float = 0.999  # decay of the averaged weights, which are the result
    validate_every: int = 250  # steps between validations
    seed: int = 0  # seed of new weights, patches and damage
    knobs: dict[str, Value] = field(default_factory=dict)  # arguments of the constructor of the net
    distillation: Distillation | None = None  # a table: its keys are below
    adversarial: Adversarial | None = None  # a table: its keys are below
    cycle: Cycle | None = None  # a table: its keys are below
    detection: Detection | None = None  # a table: its keys are below
    stages: list[dict[str, Any]] = field(default_factory=list)  # runs that follow one another

    @property
    def damages(self) -> list[str]:
        """The damage words, one or several; none of pairs, and none to make frames between others."""
        if not self.data.damage:
            return []
        return [self.data.damage] if isinstance(self.data.damage, str) else self.data.damage

    @property
    def planes(self) -> int:
        """The number of input planes: the channels, and those of `extra`."""
        return self.channels + sum(self.extra.values())

    @property
    def extra(self) -> dict[str, int]:
        """The input planes besides the picture, with their channels: `sigma` of the noise, `mask` of missing pixels,
        `neighbours`, the frames around it."""
        planes = {name: 1 for knob, name in PLANES.items() if self.knobs.get(knob)}
        others = 3 if self.knobs.get("between") else self.moments - 1
        return planes | ({"neighbours": others * self.channels} if others else {})

    @property
    def moments(self) -> int:
        """The number of consecutive frames that a training example is made of; 1 for pictures."""
        frames = self.knobs.get("frames", 1)
        return BETWEEN if self.knobs.get("between") else frames if isinstance(frames, int) else 1

    @property
    def answers(self) -> int:
        """The number of planes of the output: the channels, or one for a mask."""
        return 1 if self.data.targets == "mask" else self.channels

    @property
    def scales(self) -> list[int]:
        """The factors by which the damage shrinks a picture; empty if it does not."""
        return sorted({scale for words in self.damages if (scale := _factor(words, "shrink")) > 1})

    @property
    def scale(self) -> int:
        """The ratio of output size to input size of the net."""
        if not self.damages:
            return 1
        return _factor(self.damages[0], "shrink") // _factor(self.damages[0], "enlarge")

    @property
    def game(self) -> str:
        """The name of its game's table, or "supervised"."""
        return next((name for name in GAMES if getattr(self, name)), "supervised")

    @property
    def paired(self) -> bool:
        """Whether it learns from pairs of pictures, not from pictures and damage words."""
        return bool(self.data.pairs) and self.cycle is None

    @property
    def aligned(self) -> bool:
        """Whether there is a clean x for a damaged y; not for two folders of different scenes."""
        return not (self.data.pairs and self.cycle)

    @property
    def _invents(self) -> bool:
        return self.adversarial is not None and self.adversarial.content > 0

    @property
    def invents(self) -> bool:
        """Whether the last run aims at perceptual quality, which PSNR does not measure."""
        return self.runs[-1]._invents

    @property
    def name(self) -> str:
        """The name of the weights, as `dncnn.gray-s25`."""
        return f"{self.method}.{self.tag}"

    @cached_property
    def runs(self) -> "list[Recipe]":
        """The recipe as runs without stages, in order; [self] without stages. Each run starts from the previous one."""
        if not self.stages:
            return [self]
        return [_changed(self, stage, index) for index, stage in enumerate(self.stages, 1)]

    def __post_init__(self) -> None:
        games = [name for name in GAMES if getattr(self, name)]
        told = bool(self.knobs.get("told"))
        # If a layer of a critic sees only one pixel, oneDNN's gradient in bfloat16 may be NaN.
        critics = self.adversarial.critics if self.adversarial else 1 if self.cycle else 0
        halvings = HALVINGS[self.adversarial.critic if self.adversarial else "patchgan"]
        least = 2 ** (halvings + critics - 1) if critics else 0
        rules = [
            (self.channels in (1, 3), "channels must be 1 or 3"),
            (self.loss in LOSSES, f"loss must be one of {', '.join(LOSSES)}"),
            (self.steps >= 1 or bool(self.stages), "steps must be 1 or more"),
            (self.batch >= 1 and self.patch >= 8, "batch must be 1 or more, and patch 8 or more"),
            (self.lr > 0 and self.lr_rest > 0, "lr and lr_rest must be above 0"),
            (self.patch >= least, f"patch must be {least} or more: the last critic halves it {halvings} times"),
            (len(games) <= 1, f"at most one game is allowed, not {' and '.join(games)}"),
            (not self.distillation or self.data.targets == "clean", "data.targets must be clean with a teacher"),
            ((self.loss == "dice") == (self.data.targets == "mask"), "loss dice and data.targets mask go together"),
            (
                self.data.targets != "mask" or not (games or self.scales),
                "masks need supervised training and no shrink",
            ),
            (not self.data.unpaired or self.cycle is not None, "data.unpaired needs the game [cycle]"),
            (bool(self.data.clips) == (self.moments > 1), "data.clips is for nets with the knobs frames or between"),
            (self.moments % 2 == 1 and not (told and self.moments > 1), "frames must be odd, and not with told"),
            (self.moments == 1 or not (self.data.grey_share or self.data.grain), "grey_share, grain: not for clips"),
            (bool(self.damages) or bool(self.data.pairs or self.knobs.get("between")), "damage must not be empty"),
            (not self.data.pairs or (self.game in TRANSLATING and not self.planes - self.channels), NO_PAIRS),
            (not self.data.pairs or self.data.targets == "clean", "data.targets must be clean with pairs"),
            (not self.data.margin or not self.scales, "margin needs damage that keeps the size"),
            (not (self.data.margin and self.knobs.get("masked")), "margin is not for nets that fill holes"),
            (not self.cycle or not (told or self.scales), "a cycle needs pictures of one size, and no knob told"),
            (not self._invents or self.channels == 3, "content needs channels = 3"),
            (not self.detection or self.channels == 3, "detection needs channels = 3"),
            (self.knobs.get("told", 0) in (0, 1), "told must be 0 or 1"),
            (self.knobs.get("masked", 0) in (0, 1), "masked must be 0 or 1"),
            (not (told and self.knobs.get("masked")), "a net is either told or masked"),
            (not self.data.told_share or told, "told_share needs a net with the knob told = 1"),
            (0 < self.decay <= 1, "decay must be above 0 and at most 1"),
            (0 <= self.ema < 1, "ema must be at least 0 and below 1"),
            (self.validate_every >= 1, "validate_every must be 1 or more"),
            (self.seed >= 0, "seed must be 0 or more"),
            (self.clip > 0, "clip must be above 0"),
            (self.start != self.name, "start cannot be the recipe's own weights; add a stage for longer training"),
            (self.tag.replace("-", "").isalnum(), "tag must be letters, digits and hyphens"),
        ]
        check(rules, f"recipe {self.name}: ")
        if self.stages:
            _ = self.runs  # an invalid stage must fail now

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON, without unused games."""
        values = asdict(self)
        return {key: value for key, value in values.items() if not (key in GAMES and value is None)}


NO_PAIRS = "data.pairs needs supervised training, [adversarial] or [cycle], and no knob told or masked"
TRANSLATING = ("supervised", "adversarial", "cycle")
"""Games that can be trained on pairs, or with [cycle] on two folders without pairs."""
GAMES = ("distillation", "adversarial", "cycle", "detection")
"""Tables of which a recipe has at most one."""


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file. Raises BadRecipe, which names the wrong file, key or value.

    changes: "key=value" or "table.key=value", with the value as in TOML, or a text without quotes.
    """
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadRecipe(f"cannot read the recipe {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}") from error
    for change in changes:
        _change(values, change)
    return recipe_from(values, str(path))


def _change(values: dict[str, Any], change: str) -> None:
    """Set the key of a "key=value"."""
    key, equals, text = change.partition("=")
    *tables, last = key.split(".")
    if not equals or not all((*tables, last)):
        raise BadRecipe(f"{change!r} is not KEY=VALUE, as in batch=4 or data.pairs=my-pairs")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for name in tables:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise BadRecipe(f"{change!r}: {name} is not a table of the recipe")
    values[last] = value


def recipe_from(values: dict[str, Any], origin: str) -> Recipe:
    """The recipe of plain values; `origin` is named in errors. Also reads cards older than `[data]`."""
    if "photographs" in values and "data" not in values:
        values = _from_flat(values)
    return _built(Recipe, values, origin)


def _built(kind: type, values: dict[str, Any], origin: str, table: str = "") -> Any:
    """A dataclass from plain values, with nested dataclasses."""
    known = {entry.name: entry for entry in fields(kind)}
    typed = dict(values)
    for name, value in values.items():
        if name not in known:
            raise BadRecipe(f"{origin} has an unknown key {table + name!r}; {nearest(name, known)}")
        inner = next((part for part in _parts(known[name].type) if is_dataclass(part)), None)
        if inner and isinstance(value, dict):
            typed[name] = _built(cast(type, inner), value, origin, f"{name}.")
        elif not _fits(value, known[name].type):
            raise BadRecipe(f"{origin}: {table}{name} cannot be {value!r}")
    required = [e.name for e in known.values() if e.default is MISSING and e.default_factory is MISSING]
    missing = [table + name for name in required if name not in values]
    if missing:
        raise BadRecipe(f"{origin} lacks {', '.join(missing)}")
    return kind(**typed)


def _changed(recipe: Recipe, stage: dict[str, Any], number: int) -> Recipe:
    """The recipe with the keys of a stage; tables such as `data` are changed key by key."""
    data = stage.get("data", {})
    fixed = [key for key in stage if key in FIXED]
    fixed += [f"data.{key}" for key in GATHERED if isinstance(data, dict) and key in data]
    if fixed:
        raise BadRecipe(f"recipe {recipe.name}: stage {number} cannot change {', '.join(fixed)}")
    values = replace(recipe, stages=[], steps=recipe.steps or 1).as_dict()
    for key, value in stage.items():
        both = isinstance(value, dict) and isinstance(values.get(key), dict)
        values[key] = values[key] | value if both else value
    if number > 1:
        values["start"] = ""  # it starts from the previous run
    if not recipe.steps and "steps" not in stage:
        raise BadRecipe(f"recipe {recipe.name}: stage {number} lacks steps")
    return _built(Recipe, values, f"recipe {recipe.name}, stage {number}")


def _from_flat(values: dict[str, Any]) -> dict[str, Any]:
    """A recipe of the older form, in which all keys were in one table."""
    old = dict(values)
    named = {entry.name for entry in fields(Data)}
    data = {key: old.pop(key) for key in list(old) if key in named}
    data["folders"] = [old.pop("photographs")]
    made: dict[str, Any] = {"data": data}
    teacher, critic = old.pop("teacher", ""), old.pop("adversary", 0.0)
    pixels, content = old.pop("pixels", 1.0), old.pop("content", 0.0)
    if teacher:
        made["distillation"] = {"teacher": teacher}
    if critic:
        rates = {key: old[key] for key in ("lr", "lr_rest") if key in old}
        made["adversarial"] = {"weight": critic, "pixels": pixels, "content": content, **rates}
    if old.get("start") == f"{old.get('method')}.{old.get('tag')}":
        old["start"] = ""  # the card says what it began from
    return old | made


def _factor(words: str, family: str) -> int:
    """The product of the scales of shrinks or of enlargements in some damage words."""
    damage = draw(words, np.random.default_rng(0))
    parts = damage.damages if isinstance(damage, Chain) else (damage,)
    return math.prod(part.scale for part in parts if isinstance(part, Shrink | Enlarge) and part.family == family)


def _parts(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _fits(value: object, kind: Any) -> bool:
    if kind in (Any, NoneType):
        return kind is Any or value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in (int, str, bool):
        return type(value) is kind
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    return isinstance(value, dict) and all(_fits(item, get_args(kind)[1]) for item in value.values())
