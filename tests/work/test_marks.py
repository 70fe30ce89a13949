"""Marks that are found: as a mask for what fills, as a sign, and in the plan of fix."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from restora.core.errors import BadImage, BadPlan, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step, plan_from_json
from restora.damage.marks import marked
from restora.damage.words import parse
from restora.files.picture import read
from restora.files.save import write
from restora.learn.weights import find
from restora.methods.table import INPUTS
from restora.signs.marks import WEIGHTS, marks
from restora.stages.inputs import entry_of
from restora.work.decide import to_fill
from restora.work.diagnose import diagnose, overview_of
from restora.work.export import export
from restora.work.fix import plan_to_fix
from restora.work.plan import FILLING, plan_of_method, plan_of_treatment, plan_to_fill, with_inputs
from restora.work.restore import Options, restore, restore_file

FOUND = {"value": "found", "weights": WEIGHTS}
SCRATCHES = "marks(scratches, count=12, width=4)"


def eight_bit(y):
    return np.rint(y.clip(0, 1) * 255).astype(np.float32) / 255


@pytest.fixture(scope="module")
def scratched(grey_photo):
    """A scratched photograph, and where it is scratched."""
    y, mask = marked(parse(SCRATCHES), grey_photo, np.random.default_rng(0))
    return Image(eight_bit(y)), mask


def mse(a, b):
    return float(np.mean(np.square(a - b)))


def test_scratches_are_found_and_filled(scratched, grey_photo):
    y, mask = scratched
    kept = {}
    x_hat, report = restore(y, plan_to_fill({"mask": "found"}, {}), keep=kept.__setitem__)
    found = kept["mask"] > 0.5
    assert found.shape == mask.shape and (found & mask).sum() > 0.5 * mask.sum()
    assert np.array_equal(x_hat.pixels[~found], y.pixels[~found])
    assert mse(x_hat.pixels, grey_photo) < 0.7 * mse(y.pixels, grey_photo)
    used = (WEIGHTS, report.plan.steps[0].weights)
    assert report.weights == {name: find(name).checksum for name in used} and "mask" in report.products


@pytest.mark.parametrize("knobs", [{}, {"grain": 1.0}])
def test_the_mask_that_was_found_can_be_given_back(scratched, tmp_path, knobs):
    write(scratched[0], tmp_path / "y.png")
    plan = plan_to_fill({"mask": "found"}, knobs)
    report = restore_file(tmp_path / "y.png", tmp_path / "found.png", plan, Options(keep=("mask",)))
    again = plan_to_fill({"mask": tmp_path / "found.png.mask.png"}, knobs)
    restore_file(tmp_path / "y.png", tmp_path / "given.png", again)
    assert np.array_equal(read(tmp_path / "found.png").pixels, read(tmp_path / "given.png").pixels)
    assert plan_from_json(report.to_json()) == plan and plan.steps[0].inputs["mask"] == FOUND
    in_memory, _ = restore(scratched[0], plan)
    assert np.array_equal(eight_bit(in_memory.pixels), read(tmp_path / "found.png").pixels)


def test_where_nothing_is_found_the_picture_stays_and_it_is_said(photo):
    kept = {}
    x_hat, report = restore(Image(photo), plan_to_fill({"mask": "found"}, {}), keep=kept.__setitem__)
    assert np.array_equal(x_hat.pixels, photo) and not kept["mask"].any()
    assert report.warnings == ["partial-unet: no scratches and spots were found, so nothing was filled"]


def test_a_mask_that_marks_nothing_is_still_refused(photo, tmp_path):
    write(Image(np.zeros((*photo.shape[:2], 1), np.float32)), tmp_path / "mask.png")
    with pytest.raises(BadImage, match="marks nothing"):
        restore(Image(photo), plan_to_fill({"mask": tmp_path / "mask.png"}, {}))


def test_the_mask_is_found_in_what_the_step_receives(scratched):
    """After a step that hides the scratches nothing is found; before it, they are."""
    y = scratched[0]
    hide = Step("gaussian", "", knobs={"width": 20.0})
    fill = plan_to_fill({"mask": "found"}, {}).steps[0]
    kept = {}
    restore(y, Plan((hide, fill), ""), keep=kept.__setitem__)
    assert not kept["mask"].any()
    restore(y, Plan((fill, hide), ""), keep=kept.__setitem__)
    assert kept["mask"].any()


def test_the_plan_names_the_weights_that_find(photo):
    for weights in ("restora.noise", "nothing.there", str(find(WEIGHTS).folder / f"{WEIGHTS}.json")):
        step = Step("navier-stokes", "", inputs={"mask": {"value": "found", "weights": weights}})
        with pytest.raises(BadPlan, match="do not find marks"):
            restore(Image(photo), Plan((step,), ""))
    one, other = (Plan((Step("telea", "", inputs={"mask": {**FOUND, "weights": name}}),), "") for name in ("a", "b"))
    assert one.id != other.id


def test_found_is_a_word_of_masks_only():
    assert entry_of(INPUTS["mask"], "found") == FOUND
    with pytest.raises(BadPlan, match="does not exist"):
        entry_of(INPUTS["sigma_map"], "found")


def test_what_only_finds_is_no_step(photo):
    with pytest.raises(BadPlan, match="--mask found"):
        restore(Image(photo), Plan((Step("mark-finder", "", WEIGHTS),), ""))


def test_the_diagnosis_finds_scratches_and_fix_fills_them(scratched, grey_photo):
    diagnosis, plan = plan_to_fix(scratched[0])
    assert diagnosis.present["marks"].facts["marks"] >= 1
    assert plan.steps[0].method == FILLING and plan.steps[0].inputs["mask"] == FOUND
    assert plan.because.startswith("scratches and spots were found on ") and " % of the picture" in plan.because
    assert mse(restore(scratched[0], plan)[0].pixels, grey_photo) < 0.7 * mse(scratched[0].pixels, grey_photo)


def test_the_plan_of_fix_can_be_edited_to_fill_without_a_net(scratched):
    fixed = plan_to_fix(scratched[0])[1]
    classical = replace(fixed.steps[0], method="navier-stokes", weights=None)
    x_hat, report = restore(scratched[0], replace(fixed, steps=(classical, *fixed.steps[1:])))
    assert fixed.steps[0].weights == "partial-unet.fill" not in report.weights
    assert mse(x_hat.pixels, restore(scratched[0], fixed)[0].pixels) > 0
    assert to_fill({"mask": "found"}, {}, "navier-stokes").steps[0].method == "navier-stokes"


def test_noise_is_removed_after_the_marks_are_filled(grey_photo):
    y, _ = marked(parse(SCRATCHES + " | noise(sigma=0.03)"), grey_photo, np.random.default_rng(0))
    plan = plan_to_fix(Image(eight_bit(y)))[1]
    assert len(plan.steps) > 1 and plan.steps[0].inputs["mask"] == FOUND and "noise" in plan.because


def test_a_mask_of_the_user_is_used_instead(scratched, tmp_path):
    write(Image(scratched[1].astype(np.float32)[:, :, None]), tmp_path / "mask.png")
    plan = with_inputs(plan_to_fix(scratched[0])[1], {"mask": tmp_path / "mask.png"})
    assert [step.method for step in plan.steps].count(FILLING) == 1 and "file" in plan.steps[0].inputs["mask"]


def test_clean_photographs_and_drawings_have_no_marks(photo, grey_photo):
    page = np.ones((200, 300, 3), np.float32)
    page[20:180:20, 30:270] = 0.1
    for x in (photo, grey_photo, page):
        assert not diagnose(Image(x)).findings["marks"].present


def test_highlights_beneath_noise_are_no_marks():
    """The sign alone takes them for marks; they must be found without the noise too."""
    rng = np.random.default_rng(0)
    y = eight_bit(skimage.data.coffee()[32:352, 25:505] / 255 + 0.1 * rng.standard_normal((320, 480, 3)))
    assert marks([y]).present and not diagnose(Image(y)).findings["marks"].present


def test_marks_beneath_noise_are_found(scratched):
    rng = np.random.default_rng(0)
    y = eight_bit(scratched[0].pixels + 0.04 * rng.standard_normal(scratched[0].pixels.shape))
    found = diagnose(Image(y)).present
    assert "marks" in found and "noise_level" in found


def test_among_dots_marks_are_not_claimed(photo):
    y = parse("noise(salt-and-pepper, amount=0.1)").apply(photo, np.random.default_rng(0))
    finding = diagnose(Image(eight_bit(y))).findings["marks"]
    assert not finding.present and finding.confidence == 0 and "cannot be told" in finding.says


def test_a_net_that_finds_gets_no_int8_model_and_the_card_says_why():
    with pytest.raises(RestoraError, match="masks are always found in f32"):
        export(WEIGHTS, print)
    assert find(WEIGHTS).int8 is None and "f32" in find(WEIGHTS).card["int8"]["objections"][0]


def test_the_overview_is_the_picture_shrunk():
    x = np.random.default_rng(0).random((1300, 1700, 1), np.float32)
    small = overview_of(Image(x))
    shrink = 1300 // small.shape[0]
    blocks = x[: small.shape[0] * shrink, : small.shape[1] * shrink].reshape(
        small.shape[0], shrink, small.shape[1], shrink, 1
    )
    assert shrink > 1 and np.allclose(small, blocks.mean((1, 3)), atol=1e-6)


def test_steps_of_treatments_and_methods_are_as_before():
    assert plan_of_treatment(("restora.noise",), "").steps[0].method == "restora"
    with pytest.raises(BadPlan, match="finds marks and does not remove noise: use restora inpaint --mask found"):
        from restora.work.purpose import denoises

        denoises("mark-finder", None)
    assert to_fill({"mask": "found"}, {}).steps[0].knobs["grain"] == 1.0
    assert plan_of_method("median", {"radius": 1}, None).steps[0].method == "median"
