"""What is filled: masks that are enlarged, boxes; how: with grain; and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from restora.core.errors import BadImage, BadKnob, BadPlan
from restora.core.image import Image, Meta
from restora.core.plan import plan_from_json
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.stages.pipeline import Means, Source, prepare
from restora.work.decide import to_fill, to_remove
from restora.work.plan import plan_to_fill
from restora.work.restore import restore, restore_file

FILLING = [name for name, row in METHODS.items() if row.stage == "regions" and row.available]
SMOOTH = [name for name in FILLING if any(knob.name == "grain" for knob in METHODS[name].knobs)]
SIGMA = 0.04


def disc(shape, radius=9):
    v, u = np.mgrid[: shape[0], : shape[1]]
    return (v - 60) ** 2 + (u - 70) ** 2 <= radius**2


def mask_file(folder, hole):
    write(Image(hole.astype(np.float32)[:, :, None]), folder / "mask.png", force=True)
    return folder / "mask.png"


def noisy(channels, seed=3):
    """A slope with noise of sigma SIGMA, independent in all channels."""
    slope = np.linspace(0.3, 0.6, 160, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(seed).standard_normal((140, 160, channels), np.float32)
    return slope + SIGMA * noise


@pytest.mark.parametrize("method", FILLING)
@pytest.mark.parametrize("bits", [8, 16])
def test_outside_the_hole_every_pixel_keeps_its_bits(method, bits, photo, tmp_path):
    hole = disc(photo.shape)
    x = photo[:128, :144] ** 1.1
    write(Image(x, meta=Meta(bits=bits)), tmp_path / "y.png")
    plan = to_fill({"mask": mask_file(tmp_path, hole[:128, :144])}, {"grow": 2}, method)
    restore_file(tmp_path / "y.png", tmp_path / "out.png", plan)
    y, x_hat = read(tmp_path / "y.png"), read(tmp_path / "out.png")
    changed = (y.pixels != x_hat.pixels).any(2)
    assert x_hat.meta.bits == bits and changed[hole[:128, :144]].mean() > 0.5
    assert not changed[~disc((128, 144), 11.5)].any()


def test_grow_fills_what_is_near_the_mask_too(photo, tmp_path):
    y = np.where(disc(photo.shape, 12)[:, :, None], np.float32(0), photo)  # the mask misses the rim of the hole
    mask = mask_file(tmp_path, disc(photo.shape, 9))
    plain, _ = restore(Image(y), plan_to_fill({"mask": mask}, {}))
    grown, _ = restore(Image(y), plan_to_fill({"mask": mask}, {"grow": 4}))
    exact, _ = restore(Image(y), plan_to_fill({"mask": mask_file(tmp_path, disc(photo.shape, 13))}, {}))
    inner = disc(photo.shape, 9)
    assert plain.pixels[inner].mean() < 0.5 * grown.pixels[inner].mean()
    assert np.abs(grown.pixels - exact.pixels).mean() < 1e-3
    with pytest.raises(BadImage, match="the hole is all of the picture.*grow"):
        restore(Image(y[:70, :80]), plan_to_fill({"box": "0,0,70,60"}, {"grow": 100}))


def test_boxes_are_a_mask(photo, tmp_path):
    hole = np.zeros(photo.shape[:2], bool)
    hole[20:30, 40:60] = hole[100:104, 5:9] = True
    by_mask, _ = restore(Image(photo), plan_to_fill({"mask": mask_file(tmp_path, hole)}, {}))
    for words in ("40,20,20,10; 5, 100 ,4,4", "[[20, 40, 10, 20], [100, 5, 4, 4]]"):
        plan = plan_to_fill({"box": words}, {})
        assert plan.because == "the box marks a hole"
        assert np.array_equal(restore(Image(photo), plan)[0].pixels, by_mask.pixels)
    one = mask_file(tmp_path, hole & (np.arange(photo.shape[0]) < 50)[:, None])
    both, _ = restore(Image(photo), plan_to_fill({"mask": one, "box": "5,100,4,4"}, {}))
    assert np.array_equal(both.pixels, by_mask.pixels)


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ("300,20,20,10", r"the box 300,20,20,10 \(x,y,width,height\) reaches beyond the picture, which has 304x256"),
        ("0,0,304,256", "the hole is all of the picture"),
        ("1,2,3", "the box must be x,y,width,height in pixels, or JSON, not '1,2,3'"),
        ("1,2,0,4", "the box must be a list of"),
        ("-1,2,3,4", "the box must be x,y,width,height"),
        ("[[1, 2]]", "the box must be a list of"),
        ("[" * 5000, "the box must be x,y,width,height"),
    ],
)
def test_a_box_that_cannot_be_meant_is_refused(box, says, photo):
    with pytest.raises((BadImage, BadPlan), match=says):
        restore(Image(photo), plan_to_fill({"box": box}, {}))


def test_a_huge_file_of_boxes_is_refused(photo, tmp_path):
    (tmp_path / "boxes.json").write_text(str([[1, 2, 3, 4]] * 90000))
    with pytest.raises(BadPlan, match="the box must be"):
        restore(Image(photo), plan_to_fill({"box": tmp_path / "boxes.json"}, {}))


def test_something_must_say_where_the_hole_is(photo):
    with pytest.raises(BadPlan, match="partial-unet needs a mask; give it with --mask or --box"):
        restore(Image(photo), plan_to_fill({}, {}))


@pytest.mark.parametrize("method", SMOOTH)
def test_filled_pixels_have_the_noise_of_their_surroundings(method):
    y = noisy(3)
    hole = np.zeros(y.shape[:2], bool)
    hole[50:74, 60:90] = True

    def rough(x):
        return np.diff(x[52:72, 62:88], axis=1).std() / np.sqrt(2)

    plan = to_fill({"box": "60,50,30,24"}, {}, method)
    x_hat, report = restore(Image(np.where(hole[:, :, None], 0, y)), plan)
    smooth, _ = restore(Image(y), to_fill({"box": "60,50,30,24"}, {"grain": 0}, method))
    assert rough(smooth.pixels) < 0.5 * SIGMA and 0.9 * SIGMA < rough(x_hat.pixels) < 1.2 * SIGMA
    assert np.array_equal(x_hat.pixels[~hole], y[~hole])
    added = x_hat.pixels[hole] - smooth.pixels[hole]
    assert np.abs(np.corrcoef(added.T) - np.eye(3)).max() < 0.2
    assert any("noise of standard deviation" in note and "was added" in note for note in report.warnings)


def test_grain_is_the_same_each_time_and_in_tiles_and_depends_on_the_seed():
    y, plan = noisy(1), to_fill({"box": "60,50,30,24; 3,3,20,9"}, {})
    first, again = restore(Image(y), plan)[0].pixels, restore(Image(y), plan)[0].pixels
    assert np.array_equal(first, again)
    assert not np.array_equal(first, restore(Image(y), replace(plan, seed=1))[0].pixels)
    work = prepare(plan, Source(Image(y).window, y.shape), Report(plan), Means(Backend("openvino"), 10**9))
    work.tiles = [(64, 64)]
    tiled = np.empty_like(y)
    for top, left, height, width in work:
        tiled[top : top + height, left : left + width] = work.run(top, left, height, width)
    assert np.array_equal(tiled, first)


def test_a_clean_picture_gets_no_grain_and_grey_noise_no_colour():
    clean = np.broadcast_to(noisy(1, 5) * 0 + np.linspace(0.2, 0.8, 160, dtype=np.float32)[:, None], (140, 160, 1))
    for share in (0, 1):
        x_hat, report = restore(Image(clean.copy()), to_fill({"box": "60,50,30,24"}, {"grain": share}))
        assert np.array_equal(
            x_hat.pixels, restore(Image(clean.copy()), plan_to_fill({"box": "60,50,30,24"}, {}))[0].pixels
        )
        assert report.warnings == []
    grey = np.repeat(noisy(1), 3, axis=2)
    x_hat, _ = restore(Image(grey), to_fill({"box": "60,50,30,24"}, {}))
    hole = x_hat.pixels[50:74, 60:90]
    assert np.ptp(hole, axis=2).max() == 0 and hole[:, :, 0].std() > 0.7 * SIGMA


@pytest.mark.parametrize("bits", [8, 16])
def test_alpha_as_the_mask_fills_transparent_pixels_and_makes_them_opaque(bits, photo, tmp_path):
    """Partly transparent pixels keep their colour and their alpha."""
    x, alpha = photo[:128, :144], np.ones((128, 144), np.float32)
    alpha[40:60, 50:80], alpha[100:110, 20:40] = 0, 0.4
    hole = alpha == 0
    write(Image(np.where(hole[:, :, None], 0, x), alpha, meta=Meta(bits=bits)), tmp_path / "y.png")
    plan = plan_to_fill({"mask": "alpha"}, {})
    restore_file(tmp_path / "y.png", tmp_path / "out.png", plan_from_json(plan.to_json()))
    y, x_hat = read(tmp_path / "y.png"), read(tmp_path / "out.png")
    by_file, _ = restore(Image(y.pixels), plan_to_fill({"mask": mask_file(tmp_path, hole)}, {}))
    assert np.abs(x_hat.pixels - by_file.pixels).max() < 1 / 255
    assert np.array_equal(x_hat.pixels[~hole], y.pixels[~hole]) and np.array_equal(x_hat.alpha[~hole], y.alpha[~hole])
    assert (x_hat.alpha[hole] == 1).all()
    in_memory, _ = restore(y, plan)
    assert np.array_equal(in_memory.alpha, x_hat.alpha)
    for picture, says in ((Image(x), "has no alpha channel"), (Image(x, alpha * 0 + 1), "the mask marks nothing")):
        with pytest.raises(BadImage, match=says):
            restore(picture, plan)


def test_an_object_is_removed_by_the_best_method_that_is_installed(monkeypatch):
    assert to_remove({"box": "1,1,2,2"}, {}).steps[0].method == next(
        n for n in ("exemplar", "tv-inpainting") if n in FILLING
    )
    monkeypatch.setattr("restora.core.method.find_spec", lambda name: None)
    plan = to_remove({"box": "1,1,2,2"}, {})
    assert plan.steps[0].method == "tv-inpainting" and "pip install pypatchmatch" in plan.because
    assert "grain" not in to_fill({"box": "1,1,2,2"}, {"grain": 0}, "frequency-selective").steps[0].knobs
    with pytest.raises(BadKnob, match="grain"):
        to_fill({"box": "1,1,2,2"}, {"grain": 1}, "frequency-selective")


@pytest.mark.skipif("exemplar" not in FILLING, reason="pypatchmatch is not installed")
def test_exemplar_continues_texture_into_a_large_hole():
    """A smooth fill has no texture at all there."""
    v, u = np.mgrid[:200, :200]
    x = (0.5 + 0.3 * np.sign(np.sin(v / 2.5) * np.sin(u / 3.5))).astype(np.float32)[:, :, None]
    y = x.copy()
    y[70:120, 70:120] = 0
    x_hat, _ = restore(Image(y), to_remove({"box": "70,70,50,50"}, {}))
    smooth, _ = restore(Image(y), plan_to_fill({"box": "70,70,50,50"}, {}, "biharmonic"))
    there = np.s_[80:110, 80:110]
    assert x_hat.pixels[there].std() > 0.8 * x[there].std() > 2 * smooth.pixels[there].std()
