"""The suites: methods x damages x sets, written row by row to a results file, so that a run can be resumed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from restora.core.diagnosis import Diagnosis, Finding
from restora.core.errors import MissingExtra
from restora.core.image import Image
from restora.core.method import Method
from restora.core.plan import Plan
from restora.damage.chain import Chain
from restora.damage.jpeg import last_of_jpegs
from restora.damage.noise import GaussianNoise, Speckle
from restora.damage.shrink import shrink_in
from restora.damage.words import draw, parse
from restora.data.sets import PAIRS, test_set
from restora.learn.recipe import recipe_from
from restora.learn.weights import find, listed
from restora.methods.table import METHODS
from restora.work.bench import KEYS, REAL, Row, bench, read_table, short_sum, write_rows, write_table
from restora.work.cost import cost, learned
from restora.work.diagnose import diagnose
from restora.work.plan import AS_FOUND, plan_of_method, plan_to_enlarge, to_measure
from restora.work.rules import SHARPENING

SETS = ("Set12", "BSD68", "CBSD68", "CC15")
NOISES = (
    *(f"noise(sigma={level / 255!r})" for level in (15, 25, 50)),
    "noise(poisson, peak=30)",
    "noise(salt-and-pepper, amount=0.1)",
    "noise(salt-and-pepper, amount=0.3)",
    "noise(speckle, sigma=0.2)",
    "noise(sigma=0.05) | noise(salt-and-pepper, amount=0.05)",
)
ENLARGED = ("Set5", "Set14", "BSD100")
SHRINKS = ("shrink(scale=2)", "shrink(scale=3)", "shrink(scale=4)")
FOUND = (
    "blur(sigma=0.7) | shrink(scale=2) | noise(sigma=0.01) | jpeg(quality=50)",
    "blur(sigma=1.2) | shrink(scale=4) | noise(sigma=0.01) | jpeg(quality=50)",
)
"""Damage of real small pictures: a little blur, a little noise, and JPEG."""
COMPRESSED = ("Classic5", "LIVE1")
_TWICE = ((10, 30), (10, 50), (30, 50))
JPEGS = (
    *(f"jpeg(quality={quality})" for quality in (10, 20, 30, 40)),
    *(f"jpeg(quality={first}) | jpeg(quality={second})" for first, second in _TWICE),
    *(f"jpeg(quality={first}) | jpeg(quality={second}, down=4, right=4)" for first, second in _TWICE),
)
"""JPEG once, twice on one grid, and twice on two grids, as after cropping."""
NOTHING = "nothing"
CORES = (1, 2)
"""Numbers of cores with which the cost of a method is measured."""


@dataclass(frozen=True)
class Entry:
    """A row to measure."""

    set: str
    damage: str
    method: str
    weights: str = ""


def check_sets(names: Sequence[str]) -> None:
    """Raise RestoraError if a set is unknown or not on this disk, before any measurement."""
    for name in names:
        test_set(name)


def entries(
    methods: Sequence[str], sets: Sequence[str], noises: Sequence[str], only: Collection[str] | None = None
) -> Iterator[Entry]:
    """The rows to measure: each method on the noises that it treats, each of its weights on those it was trained for.

    only: limit to rows of these weights; all rows if None.
    """
    for name in sets:
        for noise in noises if name not in PAIRS else (REAL,):
            if NOTHING in methods:
                yield Entry(name, noise, NOTHING)
            for method in (METHODS[each] for each in methods if each != NOTHING):
                if not _kinds(noise) <= set(method.treats):
                    continue
                if method.learned and not method.weights:
                    continue  # its weights are added by users
                for weights in method.weights or ("",):
                    if only is not None and weights not in only:
                        continue
                    if not weights or (weights not in SHARPENING and _is_for(weights, noise, method)):
                        yield Entry(name, noise, method.name, weights)


def run(
    todo: Sequence[Entry],
    results: Path,
    *,
    limit: int | None = None,
    again: bool = False,
    seed: int = 0,
    precision: str = "f32",
    engine: str = "openvino",
    tell: Callable[[Entry, Row | None, str], None],
) -> None:
    """Measure the entries into a results file; existing rows are kept unless `again`.

    Rows of replaced weights are measured again.
    limit: number of pictures of each set. A method whose package is not installed is skipped with a message.
    """
    present = read_table(results, [*KEYS, "weights_sha256"])
    for entry in todo:
        tests = test_set(entry.set).first(limit)
        if not entry.weights and precision != "f32":
            continue  # only nets have other precisions
        wanted = asdict(entry) | {"set": tests.name, "seed": str(seed)}
        if entry.weights:
            wanted |= {"engine": engine, "precision": precision, "weights_sha256": short_sum(entry.weights)}
        if not again and any(wanted.items() <= row.items() for row in present):
            tell(entry, None, "there already")
            continue
        try:
            row = bench(tests, entry.damage, partial(plan_for, entry, precision), seed=seed, engine=engine)
        except MissingExtra as missing:
            tell(entry, None, str(missing))
            continue
        write_rows(results, [row])
        tell(entry, row, "")


def run_costs(
    todo: Sequence[Entry],
    costs: Path,
    *,
    again: bool,
    tell: Callable[[str], None],
    knobs: Mapping[str, float] | None = None,
) -> None:
    """Measure time and memory of the methods of the entries with one core and with two, into a costs file.

    knobs: other than the defaults, as fewer iterations of a method that takes minutes.
    """
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for row in read_table(costs, ("method", "weights", "threads")):
        facts = learned(row["weights"]) if not row["weights"] or row["weights"] in listed() else {}
        kept[row["method"], row["weights"], row["threads"]] = row | {name: str(fact) for name, fact in facts.items()}
    if kept:
        write_table(costs, [kept[key] for key in sorted(kept)])
    for method, weights in dict.fromkeys((entry.method, entry.weights) for entry in todo if entry.method != NOTHING):
        for threads in CORES:
            if (method, weights, str(threads)) in kept and not again:
                continue
            try:
                measured = cost(method, weights, threads, knobs=knobs)
            except MissingExtra as missing:
                tell(f"{method}: {missing}")
                continue
            kept[method, weights, str(threads)] = {name: str(value) for name, value in asdict(measured).items()}
            tell(f"{weights or method}: {measured.seconds_a_megapixel:.2f} s a megapixel with {threads} core(s)")
            write_table(costs, [kept[key] for key in sorted(kept)])


def plan_for(entry: Entry, precision: str, y: Image) -> Plan:
    """The plan for a damaged picture: knobs known by the protocol are set, the others are measured."""
    if entry.method == NOTHING:
        return Plan((), "the damaged picture itself")
    method = METHODS[entry.method]
    damage = parse(entry.damage) if entry.damage != REAL else None
    shrink = shrink_in(damage) if damage else None
    if shrink:
        size = y.shape[0] * shrink.scale, y.shape[1] * shrink.scale
        wanted = precision if method.learned else None
        return plan_to_enlarge(method.name, y.shape, size, weights=entry.weights or None, precision=wanted)
    if method.learned:
        found = _told(entry.damage, y, method, entry.weights)
        return plan_of_method(method.name, {}, found, weights=entry.weights, precision=precision)
    return plan_of_method(method.name, {}, _told(entry.damage, y, method))


def _told(words: str, y: Image, method: Method, weights: str | None = None) -> Diagnosis | None:
    """The diagnosis with the true level of white noise or speckle, or the last quality of JPEG, which a file
    states; None if the method needs neither.
    """
    if not to_measure(method, weights, {}):
        return None
    if words == REAL:
        return diagnose(y)
    damage = parse(words)
    for kind, sign in ((GaussianNoise, "noise_level"), (Speckle, "speckle")):
        if isinstance(damage, kind):
            return Diagnosis({sign: Finding(sign, damage.sigma, "0..1", 1.0, True, "told")})
    if jpeg := last_of_jpegs(damage):
        return Diagnosis({"jpeg_quality": Finding("jpeg_quality", jpeg.quality, "1 to 100", 1.0, True, "told")})
    return diagnose(y)


def _kinds(*words: str) -> set[str]:
    """The kinds of damage in damage words, which may have ranges; real noise counts as white noise."""
    if words == (REAL,):
        return {"gaussian"}
    damages = [draw(each, np.random.default_rng(0)) for each in words]
    if any(map(shrink_in, damages)):
        return {"shrink"}  # small pictures are treated only by enlarging
    return {part.kind for one in damages for part in (one.damages if isinstance(one, Chain) else (one,))}


def _is_for(weights: str, noise: str, method: Method) -> bool:
    """Whether weights were trained on a damage: on its kinds and, if on a single level only, on that level.

    A scale that no weights of the method have is for the next larger one, whose result is then shrunk. Real noise
    counts as noise of cameras. For JPEG alone, training must include JPEG alone, not only after noise.
    """
    if noise == REAL:
        noise = "noise(camera, sigma=0.02)"
    recipe = recipe_from(find(weights).recipe, weights)
    shrink = shrink_in(parse(noise))
    if shrink:
        alike = [name for name in method.weights if name.endswith(AS_FOUND) == weights.endswith(AS_FOUND)]
        scales = {scale for name in alike for scale in find(name).card["scales"] if scale >= shrink.scale}
        return bool(scales) and min(scales) in recipe.scales
    damages = recipe.damages
    if last_of_jpegs(parse(noise)):
        return any(last_of_jpegs(draw(words, np.random.default_rng(0))) for words in damages)
    one_level = len(damages) == 1 and ".." not in damages[0]
    return parse(damages[0]) == parse(noise) if one_level else _kinds(noise) <= _kinds(*damages)
