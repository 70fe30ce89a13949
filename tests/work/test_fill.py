"""Holes: what a mask marks is filled, whatever the size of the picture, and nothing else is touched."""

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step, plan_from_json
from restora.damage.words import parse
from restora.files.picture import read
from restora.files.save import write
from restora.methods.navier_stokes import navier_stokes
from restora.methods.shared_knobs import OF_HOLES
from restora.methods.table import METHODS
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.stages.regions import Regions
from restora.work.plan import FILLING, plan_of_method, plan_to_fill, with_inputs
from restora.work.restore import Options, restore, restore_file


def navier_stokes_by_holes(y, m, radius=3):
    return by_holes(lambda window, hole: navier_stokes(window, hole, radius), radius + 2, y, m)


def by_holes(fill, margin, y, m):
    """y filled where m is False, each hole by itself."""
    stage = Regions("made up", ~m, fill, margin)
    return stage.run(Image(y.astype(np.float32)).window, (0, 0, *m.shape))


def filling(row):
    """The function (y, m) of a method, with the default values of its knobs; of a trained net by a plan."""
    if row.learned or row.denoiser:
        return lambda y, m: by_plan(row.name, y, m)
    knobs = {knob.name: knob.default for knob in row.knobs if knob.name not in OF_HOLES}
    return lambda y, m: by_holes(lambda window, hole: row.load()(window, hole, **knobs), row.reach(knobs), y, m)


def by_plan(name, y, m, **options):
    with tempfile.TemporaryDirectory() as folder:
        mask = files(Path(folder), y, m)[1]
        return restore(Image(y), plan_of_method(name, {}, None, inputs={"mask": mask}), **options)[0].pixels


FILLINGS = {row.name: filling(row) for row in METHODS.values() if row.stage == "regions" and row.available}
WORDS = (
    "hole(scratches, count=6, width=3)",
    "hole(text, size=24)",
    "hole(pixels, share=0.5)",
    "hole(rectangle, top=100, left=90, height=12, width=20)",
)
NETS = [fill for name, fill in FILLINGS.items() if METHODS[name].learned or METHODS[name].denoiser]
fillings = pytest.mark.parametrize("fill", FILLINGS.values(), ids=FILLINGS)


def mask_of(words, shape):
    return parse(words).mask(*shape[:2], np.random.default_rng(2))


def files(folder, y, m):
    """A picture and the mask of its hole, as files."""
    write(Image(y, meta=Meta(bits=16)), folder / "y.png")
    write(Image(np.where(m, 0, 1).astype(np.float32)[:, :, None]), folder / "mask.png")
    return folder / "y.png", folder / "mask.png"


@fillings
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("words", WORDS)
def test_a_hole_is_filled_by_what_is_around_it_and_the_rest_is_left(fill, photo, channels, words):
    x = photo[40:168, 80:224, :channels]
    m = mask_of(words, x.shape)
    x_hat = fill(np.where(m[:, :, None], x, 9), m)  # what lies in the hole must not matter
    black = measure(x * m[:, :, None], x, PROTOCOLS["denoise"]).psnr
    assert x_hat.dtype == np.float32 and np.array_equal(x_hat[m], x[m])
    assert measure(x_hat, x, PROTOCOLS["denoise"]).psnr > black + 8


UNSTEADY = ("context-encoder", "pix2pix-inpainting")
STEADY = {name: fill for name, fill in FILLINGS.items() if name not in UNSTEADY}
"""The context encoder redraws the picture from a small code, and its training was too short to keep flat areas flat.
Pix2Pix divides each channel by its spread over the window, and a flat one has none."""


@pytest.mark.parametrize("fill", STEADY.values(), ids=STEADY)
def test_flat_pictures_stay_flat_to_their_borders(fill):
    m = np.ones((40, 50), bool)
    m[:3] = m[35:] = m[:, 45:] = m[10:20, 10:20] = False
    y = np.where(m[:, :, None], np.float32(0.6), 0)
    assert np.abs(fill(y, m) - 0.6).max() < (0.05 if fill in NETS else 1e-4)


@fillings
@pytest.mark.parametrize("size", [(1, 2), (1, 300), (2, 2), (16, 3)])
def test_tiny_pictures_are_no_trouble(fill, size):
    y, m = np.random.default_rng(0).random((*size, 3), np.float32), np.ones(size, bool)
    m[0, 0] = False
    assert np.isfinite(fill(y, m)).all()


@pytest.mark.parametrize("words", WORDS)
def test_filling_hole_by_hole_is_filling_the_whole_picture(photo, words):
    m = mask_of(words, photo.shape)
    y = photo * m[:, :, None]
    planes = [np.ascontiguousarray(y[:, :, channel]) for channel in range(3)]
    whole = [cv2.inpaint(plane, (~m).astype(np.uint8), 3, cv2.INPAINT_NS) for plane in planes]
    assert np.array_equal(navier_stokes_by_holes(y, m), np.where(m[:, :, None], y, np.dstack(whole)))


def test_a_file_is_filled_where_its_mask_is_white(photo, tmp_path):
    m = mask_of(WORDS[0], photo.shape)
    picture, mask = files(tmp_path, photo * m[:, :, None], m)
    report = restore_file(picture, tmp_path / "out.png", plan_to_fill({"mask": mask}, {"radius": 5}, "navier-stokes"))
    y, x_hat = read(picture).pixels, read(tmp_path / "out.png").pixels
    assert np.array_equal(x_hat[m], y[m]) and np.abs(x_hat - navier_stokes_by_holes(y, m, 5)).max() < 1e-4
    assert plan_from_json(report.to_json()) == report.plan and report.plan.steps[0].inputs["mask"]["file"] == str(mask)


def test_noise_is_removed_after_the_hole_is_filled(photo, tmp_path):
    """Whichever it is that fills: the median would smear the hole."""
    m = mask_of(WORDS[0], photo.shape)
    picture, mask = files(tmp_path, photo * m[:, :, None], m)
    plan = with_inputs(plan_of_method("median", {"radius": 1}, None), {"mask": mask})
    assert [step.method for step in plan.steps] == [FILLING, "median"]
    x_hat, _ = restore(read(picture), plan)
    filled, _ = restore(read(picture), plan_to_fill({"mask": mask}, {}))
    assert np.array_equal(x_hat.pixels, METHODS["median"].load()(filled.pixels, radius=1))
    own = with_inputs(Plan((Step("biharmonic", ""),), ""), {"mask": mask})
    assert [step.method for step in own.steps] == ["biharmonic"] and own.steps[0].inputs["mask"]


def test_a_scratch_on_a_large_picture_fits_the_memory(tmp_path):
    """Of 12 megapixels, in the usual gigabyte."""
    y, m = np.full((3000, 4000, 3), 0.5, np.float32), np.ones((3000, 4000), bool)
    m[:, 2000:2004] = False
    picture, mask = files(tmp_path, y, m)
    for method in FILLINGS:
        restore_file(picture, tmp_path / "out.tif", plan_to_fill({"mask": mask}, {}, method), Options(force=True))


def test_scratches_all_over_a_large_picture_fit_the_memory(tmp_path):
    """They are one hole for a net, which looks far around them. It fills them by blocks of the picture."""
    y, m = np.full((3000, 4000, 1), 0.5, np.float32), np.ones((3000, 4000), bool)
    for start in range(100, 3000, 700):
        cv2.line(hole := np.zeros(m.shape, np.uint8), (0, start), (3999, 3000 - start), 1, 3)
        m &= hole == 0
    picture, mask = files(tmp_path, y * m[:, :, None], m)
    restore_file(picture, tmp_path / "out.png", plan_to_fill({"mask": mask}, {}))
    x_hat = read(tmp_path / "out.png").pixels
    assert np.array_equal(x_hat[m], read(picture).pixels[m]) and np.abs(x_hat - 0.5).max() < 0.05


def test_what_is_filled_by_blocks_is_nearly_what_is_filled_at_once_and_does_not_depend_on_tiles(photo, monkeypatch):
    m = mask_of(WORDS[0], photo.shape)
    y = photo * m[:, :, None]
    whole = by_plan(FILLING, y, m)
    monkeypatch.setattr("restora.stages.regions.LARGE", 1000)
    monkeypatch.setattr("restora.stages.regions.BLOCK", 96)
    parts = by_plan(FILLING, y, m)
    assert np.array_equal(parts[m], y[m]) and 0 < np.abs(parts - whole).max() < 0.1
    assert np.abs(parts - whole)[~m].mean() < 0.002
    read_window, stage = Image(y).window, Regions("made up", ~m, lambda y, hole: np.roll(y, 1, 1), 8, split=True)
    once = stage.run(read_window, (0, 0, *m.shape))
    halves = [stage.run(read_window, (0, left, m.shape[0], 128)) for left in (0, 128)]
    assert np.array_equal(np.hstack(halves), once[:, :256])


@pytest.mark.parametrize(
    ("marked", "says"),
    [(0, "marks all of the picture"), (1, "marks nothing"), (None, "the mask .*mask.png must be .*, not 8x8")],
)
def test_a_mask_that_cannot_be_meant_is_refused(photo, tmp_path, marked, says):
    m = np.full(photo.shape[:2] if marked is not None else (8, 8), bool(marked))
    picture, mask = files(tmp_path, photo, m)
    with pytest.raises(BadImage, match=says):
        restore_file(picture, tmp_path / "out.png", plan_to_fill({"mask": mask}, {}))
    assert not (tmp_path / "out.png").exists()


def test_what_does_not_fill_gets_no_mask_and_what_fills_needs_one(photo, tmp_path):
    _, mask = files(tmp_path, photo, np.arange(photo.shape[1]) % 9 + 0 * photo[:, :, 0] > 0)
    with pytest.raises(BadPlan, match="median does not fill holes; these do: navier-stokes, biharmonic, telea"):
        plan_to_fill({"mask": mask}, {}, "median")
    plan = plan_to_fill({"mask": mask}, {})
    for step, says in (
        (replace(plan.steps[0], inputs={}), "needs a mask"),
        (replace(plan.steps[0], method="median", knobs={}, weights=None), "median has no input mask"),
    ):
        with pytest.raises(BadPlan, match=says):
            restore(Image(photo), Plan((step,), ""))
    mask.write_bytes(mask.read_bytes() + b"more")
    with pytest.raises(BadPlan, match="has changed since the plan was made"):
        restore(Image(photo), plan)
    assert plan.id != plan_to_fill({"mask": mask}, {}).id


def test_what_frequency_selective_reconstruction_leaves_black_is_filled_by_a_smooth_surface(
    photo, tmp_path, monkeypatch
):
    """The report says so. Where its values are plausible they are kept."""
    m = np.ones(photo.shape[:2], bool)
    m[100:116, 90:122] = m[40:44, 20:60] = False
    y = photo * m[:, :, None]
    plan = plan_to_fill({"mask": files(tmp_path, y, m)[1]}, {}, "frequency-selective")
    kept, _ = restore(Image(y), plan)
    real = cv2.xphoto.inpaint

    def black(plane, known, filled, kind):
        real(plane, known, filled, kind)
        filled[known == 0] = np.where(filled[known == 0] % 2, filled[known == 0], 0)

    monkeypatch.setattr(cv2.xphoto, "inpaint", black)
    x_hat, report = restore(Image(y), plan)
    assert report.warnings == [
        "frequency-selective: some filled values were implausible; biharmonic inpainting filled these pixels"
    ]
    smooth = FILLINGS["biharmonic"](y, m)
    same = (np.abs(x_hat.pixels - kept.pixels) < 1e-6).all(2)
    assert 0.05 < (~same)[~m].mean() < 1 and np.abs(x_hat.pixels - smooth)[~same].max() < 0.02
