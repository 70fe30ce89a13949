"""Export: make int8 models of weights, and let the gate say whether they may be used."""

import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.data.clips import runs_of
from restora.data.photographs import gather, split
from restora.engines.choice import Engine
from restora.engines.openvino_ import openvino_engine
from restora.learn.held_out import clip_sample, eight_bit, sample, validation
from restora.learn.pairs import Pairs
from restora.learn.recipe import Recipe, recipe_from
from restora.learn.weights import Weights, find, with_int8
from restora.work.gate import Verdict, judge
from restora.work.material import runs_for
from restora.work.provenance import IN_FLOAT

CALIBRATION = 32
"""Number of patches of training photographs for calibration."""
PROBES = 8
"""Number of them for comparing models."""
LARGE = 768
"""Side of the picture that is restored whole and by tiles."""
DRAWS = 4
"""How often the damage of each held-out run of frames is drawn."""

Samples = list[tuple[np.ndarray, np.ndarray]]


def export(name: str, tell: Callable[[str], None]) -> tuple[Weights, Verdict]:
    """Weights with an int8 model if one passes the gate, else without; the card says which.

    It is calibrated on training photographs, and judged on held-out ones, large and small, with each damage of the
    recipe; a net that sees several frames on those of clips. Some layers always stay in float; if that is not enough,
    those that lose most do too, up to a quarter.
    Raises MissingExtra without torch and NNCF, NoWeights, or RestoraError for weights that find masks, or if the
    photographs are missing.
    """
    try:
        import nncf  # noqa: F401

        from restora.learn.quantise import in_float
    except ModuleNotFoundError as error:
        raise MissingExtra(f"exporting needs {error.name}; install it with: pip install 'restora[lab]'") from error
    weights = find(name)
    card = weights.card
    if weights.task == "find":
        raise RestoraError(f"{name} gets no int8 model: {IN_FLOAT}")
    recipe = recipe_from(weights.recipe, weights.name)
    shown, samples, large = (_frames if recipe.moments > 1 else _pictures)(recipe, card["multiple"])
    with TemporaryDirectory() as folder:
        bench = Bench(weights, shown, Path(folder))
        base, ranges = bench.quantised()
        inner, sensitive = [layer for layer in bench.layers if layer not in bench.kept], list[str]()
        for more in sorted({0, len(inner) // 16, len(inner) // 8, len(inner) // 4}):
            if more and not sensitive:
                sensitive = sorted(inner, key=lambda layer: bench.error(in_float(base, [layer])))
            keep, model = [*bench.kept, *sensitive[:more]], in_float(base, sensitive[:more])
            verdict = judge(bench.engine(model), bench.f32, samples, large, card["halo"], card["multiple"])
            tell(f"{len(keep)} of {len(bench.layers)} layers in float: {'; '.join(verdict.objections) or 'passed'}")
            if verdict.passed:
                break
    facts = verdict.as_dict() | {"float_layers": keep, "ranges": ranges, "calibrated_on": len(shown)}
    return with_int8(weights, model if verdict.passed else None, facts), verdict


class Bench:
    """A workbench: makes int8 models of some weights in a temporary folder, and compares them with f32."""

    def __init__(self, weights: Weights, shown: Sequence[dict[str, np.ndarray]], folder: Path) -> None:
        from restora.learn.quantise import always_float, layers, unfolded

        self.weights, self.shown, self.folder = weights, shown, folder
        model = unfolded(weights.onnx)
        self.layers, self.kept = layers(model), always_float(model)
        self.f32 = openvino_engine(weights.onnx, "f32")
        self.wanted = [self.f32(given)["x_hat"] for given in shown[:PROBES]]
        # Models refer to the parameters beside them.
        self.parameters = folder / f"{weights.name}.safetensors"
        shutil.copyfile(weights.folder / self.parameters.name, self.parameters)

    def quantised(self) -> tuple[bytes, str]:
        """The int8 model with as few layers in float as possible, and its ranges: those with the smaller error."""
        from restora.learn import quantise

        tries = {
            ranges: quantise.quantised(self.weights.onnx, self.shown, self.kept, ranges, self.parameters)
            for ranges in quantise.RANGES
        }
        best = min(tries, key=lambda ranges: self.error(tries[ranges]))
        return tries[best], best

    def engine(self, model: bytes) -> Engine:
        """The engine of a model."""
        path = self.folder / f"{uuid.uuid4().hex}.onnx"
        path.write_bytes(model)
        return openvino_engine(path, "f32")

    def error(self, model: bytes) -> float:
        """The mean squared error of a model against f32."""
        engine = self.engine(model)
        pairs = zip(self.shown, self.wanted, strict=False)
        return float(np.mean([np.mean((engine(given)["x_hat"] - x) ** 2) for given, x in pairs]))


def _frames(recipe: Recipe, multiple: int) -> tuple[list[dict[str, np.ndarray]], Samples, np.ndarray]:
    """The same of consecutive frames of clips: y has the planes of a frame and of those around it."""
    files, seen, held = runs_for(recipe)
    pairs = Pairs(seen, recipe)
    shown = [{"y": pairs.pair(0, item)[0][None]} for item in range(CALIBRATION)]
    samples = [clip_sample(run, recipe, multiple, seed) for run in held for seed in range(DRAWS)]
    middles = [run for file in files for run in runs_of(file.path, recipe.moments, 1, 1, at=0.5)]
    large = clip_sample(max(middles, key=np.size), recipe, multiple, 0, LARGE)[0]
    return shown, samples, large


def _pictures(recipe: Recipe, multiple: int) -> tuple[list[dict[str, np.ndarray]], Samples, np.ndarray]:
    """Damaged patches for calibration, y (1, planes, H, W), samples for the gate, and one large damaged picture."""
    data = recipe.data
    seen, held = split(gather(data.folders, data.licence, data.leave_out), data.hold_out)
    pairs = Pairs([eight_bit(photo, recipe) for photo in seen[:CALIBRATION]], recipe)
    shown = [{"y": pairs.pair(0, item)[0][None]} for item in range(CALIBRATION)]
    damages = sorted({*recipe.damages, validation(recipe)})
    sizes = sorted({1, max(data.shrinks)})  # unchanged and sharpest, where nets change most
    samples = [
        sample(photo, recipe, words, shrink=size, multiple=multiple)
        for photo in held
        for words in damages
        for size in sizes
    ]
    large = max((sample(photo, recipe, damages[0], LARGE, multiple=multiple)[0] for photo in held), key=np.size)
    return shown, samples, large
