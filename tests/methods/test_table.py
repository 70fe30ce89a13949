import sys
from importlib.util import find_spec

import numpy as np
import pytest

from restora.core.errors import MissingExtra, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.damage.words import parse
from restora.engines.choice import Backend
from restora.methods.table import METHODS, method_named
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.pipeline import Means, Source, prepare

ABSENT = {"bm3d"} - {name for name in ("bm3d",) if find_spec(name)}
CLASSICAL = [
    method
    for method in METHODS.values()
    if method.stage in ("local", "whole")
    and not (method.minutes or method.inputs or method.denoiser or method.around)
    and method.name not in ABSENT
]
WORDS = {
    "gaussian": "noise(sigma=0.098)",
    "salt-and-pepper": "noise(salt-and-pepper, amount=0.1)",
    "speckle": "noise(speckle, sigma=0.2)",
    "poisson": "noise(poisson, peak=30)",
    "camera": "noise(camera, sigma=0.04)",
    "shrink": "shrink(scale=2)",
    "hole": "hole(pixels, share=0.1)",
    "jpeg": "jpeg(quality=10)",
    "blur": "blur(sigma=1)",
    "regions": "regions(most=4)",
    "fading": "fade(red=0.5, green=0.5, blue=0.5)",
    "yellowing": "fade(red=0.5, green=0.5, blue=0.5) | yellow(amount=0.1)",
    "marks": "marks(mixed)",
    "translation": "fade(red=0.5, green=0.5, blue=0.5) | yellow(amount=0.1)",
    "clips": "noise(sigma=0.098)",
}
YOURS = {"foreign", "cyclegan"}
"""Nets without shipped weights."""
LEVELS = {"noise_level": 0.098, "speckle": 0.2, "jpeg_quality": 10, "fading": 0.23, "yellowing": 1.0}
GAINS = {"jpeg": 0.7}
"""Decibels that are gained at least; where noise is removed, 4."""


def knobs_of(method):
    return {knob.name: LEVELS[knob.sign] if knob.default is None else knob.default for knob in method.knobs}


def pipeline_of(method, y):
    plan = Plan((Step(method.name, "", knobs=knobs_of(method)),), "")
    return prepare(plan, Source(Image(y).window, y.shape), Report(plan), Means(Backend("openvino"), 10**9))


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_row_is_complete_and_loads(method):
    assert callable(method.load()) and method.treats and method.paper and method.about
    assert all(kind in WORDS for kind in method.treats)
    assert not method.learned or (method.name not in YOURS) == bool(method.weights)
    assert method.load().__doc__
    for knob in method.knobs:
        assert knob.low < knob.high and knob.unit and knob.help
        assert knob.default is None or knob.check(knob.default) == knob.default


@pytest.mark.parametrize("method", CLASSICAL, ids=lambda method: method.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_classical_method_beats_doing_nothing_on_what_it_treats(method, photo, channels):
    x = photo[:160, 72:232, :channels]
    for kind in method.treats:
        y = parse(WORDS[kind]).apply(x, np.random.default_rng(0))
        x_hat = method.load()(y, **knobs_of(method))
        assert x_hat.shape == y.shape and x_hat.dtype == np.float32
        gain = measure(x_hat, x, PROTOCOLS["denoise"]).psnr - measure(y, x, PROTOCOLS["denoise"]).psnr
        assert gain > GAINS.get(kind, 4)


@pytest.mark.parametrize("method", CLASSICAL, ids=lambda method: method.name)
def test_a_classical_method_tiled_equals_whole(method):
    y = np.random.default_rng(3).random((136, 200, 3), dtype=np.float32)
    work = pipeline_of(method, y)
    work.tiles = [(64, 128)]
    x_hat = np.empty_like(y)
    for core in work:
        x_hat[core[0] : core[0] + core[2], core[1] : core[1] + core[3]] = work.run(*core)
    assert np.abs(x_hat - method.load()(y, **knobs_of(method))).max() <= 1e-5


@pytest.mark.parametrize(
    "method", [method for method in CLASSICAL if "fading" not in method.treats], ids=lambda method: method.name
)
def test_a_flat_picture_stays_flat(method):
    """To its borders too: padding with black inside a library would show here."""
    y = np.full((40, 50, 3), 0.6, np.float32)
    assert np.abs(method.load()(y, **knobs_of(method)) - 0.6).max() < 1e-4


@pytest.mark.parametrize("method", CLASSICAL, ids=lambda method: method.name)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 2), (16, 3)])
def test_tiny_pictures_and_no_noise_are_no_trouble(method, size):
    y = np.random.default_rng(4).random((*size, 3), dtype=np.float32)
    settings = knobs_of(method)
    assert np.isfinite(method.load()(y, **settings)).all()
    if "sigma" in settings:
        assert np.array_equal(method.load()(y, **(settings | {"sigma": 0.0})), y)


def test_a_method_whose_package_is_not_installed_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(MissingExtra, match="pip install bm3d"):
        METHODS["bm3d"].load()(np.zeros((8, 8, 1), np.float32), sigma=0.1)


def test_a_mistyped_name_is_named():
    with pytest.raises(RestoraError, match="did you mean median"):
        method_named("medain")


def test_image_windows_are_views(photo):
    assert np.shares_memory(Image(photo).window(0, 0, 5, 5), photo)
