"""The choice of a blur on the page: its plan, its preview, its job and the kernel that a method found."""

import asyncio
import base64
import io
import json
import re
import zipfile
from dataclasses import replace
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from restora.app.kernel_form import (
    FIND,
    NAMES,
    OWN,
    SLIDERS,
    entries,
    found,
    kind_of,
    picture_of,
    preview,
    with_sharpening,
)
from restora.app.page_jobs import Outcome, carried_out, own_folder
from restora.app.plan_form import Draft, changed, current, form, read_form, sent
from restora.app.review import alternatives, as_shown, look
from restora.app.zip_stream import zip_stream
from restora.core.diagnosis import Diagnosis, Finding
from restora.core.errors import BadKnob, BadPlan, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.blur import KernelBlur, MotionBlur
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.stages.inputs import blur_in
from restora.work.fix import with_strength
from restora.work.jobs import Jobs
from restora.work.plan import finders, plan_to_enlarge
from restora.work.purpose import sharpens
from restora.work.restore import Limits, restore_file
from tests.app.made_up import FINDER, KERNEL

KNOWN = Step("wiener-deconvolution", "", knobs={"sigma": 0.02})
CLEAN = Diagnosis({"noise_level": Finding("noise_level", 0.001, "0..1", 0.9, False, "no noise")})
WHITE = {"channels": 0.0, "neighbours": 0.0}
NOISY = Diagnosis({"noise_level": Finding("noise_level", 0.05, "0..1", 0.9, True, "noise", facts=WHITE)})
BLOCKY = Diagnosis({**NOISY.findings, "jpeg_quality": Finding("jpeg_quality", 20, "of 100", 0.9, True, "blocks")})


@pytest.fixture
def finder(monkeypatch):
    monkeypatch.setitem(METHODS, "finder", FINDER)


@pytest.fixture
def jobs(tmp_path):
    one = Jobs(tmp_path / "jobs", Limits(pixels=10**6, minutes=1))
    one.start()
    yield one
    one.close()


@pytest.fixture
def sight(photo, jobs):
    """A picture that was uploaded."""
    path = own_folder(jobs) / "moved.png"
    write(Image(photo[:64, :80]), path)
    return replace(look(path, Limits(), "moved.png"), diagnosis=CLEAN)


def values_of(step):
    """What the form of a step sends if nothing is changed."""
    kind, entry, shown = kind_of(step), step.inputs.get("kernel", {}), as_shown(step)
    if kind in SLIDERS:
        controls = [getattr(blur_in(entry["value"]), knob.name) for knob in SLIDERS[kind]]
    else:
        controls = [entry.get("file")] if kind == OWN else []
    return [kind, *controls, step.method, True, step.strength, *shown.knobs.values()]


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != FIND])
def test_an_untouched_form_is_the_plan_itself(sight, kind):
    files = ["kernel.png"] if kind == OWN else []
    step = replace(KNOWN, inputs=entries(kind, files))
    assert kind_of(step) == kind and kind_of(replace(KNOWN, inputs=entries(kind))) == kind
    plan = Plan((step,), "")
    assert read_form(Draft(plan), values_of(step), sight) is plan


def test_sliders_make_the_words_of_the_kernel(sight):
    step = replace(KNOWN, inputs=entries("motion"))
    values = values_of(step)
    values[1:3] = 21.5, -40
    changed = read_form(Draft(Plan((step,), "")), values, sight).steps[0]
    assert changed.inputs == {"kernel": {"value": "motion(length=21.5, angle=-40)"}}
    assert (changed.method, changed.knobs) == (step.method, step.knobs)
    for wrong in (0, 1e9, float("nan"), "a(file=1)", None):
        values[1] = wrong
        with pytest.raises(BadKnob, match="length must be a number from 1 to 100"):
            read_form(Draft(Plan((step,), "")), values, sight)


def test_another_kind_has_its_own_values_and_a_method_that_fits(sight, finder):
    step = replace(KNOWN, inputs=entries("motion", [40, 10]))
    draft, values = Draft(Plan((step,), "")), values_of(step)
    disk = read_form(draft, ["disk", *values[1:]], sight).steps[0]
    assert (disk.method, disk.inputs) == (step.method, {"kernel": {"value": "disk(radius=4)"}})
    finds = read_form(draft, [FIND, *values[1:]], sight).steps[0]
    assert finds.method in finders() and finds.inputs == {}
    back = read_form(Draft(Plan((finds,), "")), ["gaussian", *values_of(finds)[1:]], sight).steps[0]
    assert (back.method, back.inputs) == ("plug-and-play", {"kernel": {"value": "gaussian(sigma=2)"}})
    assert back.knobs["sigma"] == 0.006  # at least
    own = read_form(draft, [OWN, *values[1:]], sight).steps[0]
    assert own.inputs == {} and own.method == step.method


def test_another_method_keeps_the_kernel(sight):
    step = replace(KNOWN, inputs=entries("disk", [7]))
    values = values_of(step)
    values[2] = "tv-deconvolution"
    assert read_form(Draft(Plan((step,), "")), values, sight).steps[0].inputs == step.inputs


def test_methods_that_find_the_kernel_and_others_are_not_mixed(finder):
    known = {method.name for method in alternatives(KNOWN)}
    finding = {method.name for method in alternatives(Step("finder", ""))}
    assert {"plug-and-play", "richardson-lucy"} <= known and "finder" in finding and finding == set(finders())
    assert not known & finding and not {method.name for method in alternatives(Step("nlm", ""))} & (known | finding)


def test_what_sharpens_removes_white_noise_itself_and_comes_before_enlarging(finder):
    noise = Step("restora", "", "restora.noise")
    larger = plan_to_enlarge("edsr", (10, 10, 3), (20, 20)).steps
    names = [step.method for step in with_sharpening(Plan((noise, *larger), ""), NOISY).steps]
    assert names == [finders()[0], "edsr"]
    fill = Step("navier-stokes", "")
    assert with_sharpening(Plan((fill, noise), ""), NOISY).steps[0] == fill
    photo = Step("restora", "", "restora.photo")
    plan = with_sharpening(Plan((photo,), ""), BLOCKY)
    assert [step.method for step in plan.steps] == ["restora", finders()[0]]
    assert with_sharpening(plan, BLOCKY) is plan


def test_without_a_method_that_finds_it_the_first_kernel_is_a_motion():
    others = {name: row for name, row in METHODS.items() if name not in finders()}
    with patch.dict(METHODS, others, clear=True):  # it also brings back the order of the table
        step = with_sharpening(Plan((), ""), CLEAN).steps[0]
        assert (step.method, kind_of(step), step.knobs["sigma"]) == ("plug-and-play", "motion", 0.006)
        assert sharpens(step)


def test_how_much_changes_no_step_that_sharpens():
    """A second time with the same kernel would be wrong."""
    plan = Plan((KNOWN,), "")
    assert with_strength(plan, "strong").steps == with_strength(plan, "light").steps == plan.steps


def test_values_of_a_form_belong_to_its_draft_only(sight):
    step = replace(KNOWN, inputs=entries("disk", [7]))
    old, new = Draft(Plan((step,), "a")), Draft(Plan((step,), "b"))
    values = values_of(step)
    values[1] = 9
    told = sent(json.dumps({"draft": old.key, "values": values, "more": ""}))
    assert current(old, told, sight).steps[0].inputs == {"kernel": {"value": "disk(radius=9)"}}
    assert current(new, told, sight) is new.plan and current(new, sent(""), sight) is new.plan


def test_a_step_can_be_added_before_or_after_the_others(sight):
    draft = Draft(Plan((KNOWN,), ""))
    for name, place in (("restora", 0), ("pix2pix", 1)):
        told = sent(json.dumps({"draft": draft.key, "values": values_of(KNOWN), "more": name}))
        later = changed(draft, told, sight)
        assert [step.method for step in later.plan.steps].index(name) == place == later.opened
        assert f'data-more="{name}"' in form(draft, [sight], None) and f'data-more="{name}"' not in form(
            later, [sight], None
        )
    other = sent(json.dumps({"draft": draft.key, "values": values_of(KNOWN), "more": "nlm"}))
    assert changed(draft, other, sight).plan.steps == draft.plan.steps  # not a method that is offered


def test_the_fields_of_a_form_are_the_values_that_it_reads(sight, jobs):
    """The number of fields, and a file that was given."""
    for kind, count in (("motion", 6), ("disk", 5), (OWN, 5)):
        step = replace(KNOWN, inputs=entries(kind, ["<b>.png"] if kind == OWN else []))
        html = form(Draft(Plan((step,), "")), [sight], jobs)
        assert html.count("data-value") == count + 1 == len(values_of(step)), kind
        assert ("&lt;b&gt;.png" in html) == (kind == OWN) and "<b>." not in html


BAD = [
    "{", "[]", "7", '{"draft": "x"}', '{"draft": "x", "values": 7, "more": 0}',
    '{"draft": [], "values": [], "more": 0}',
    '{"draft": "x", "values": [[]], "more": 0}', '{"draft": "x", "values": [{}], "more": 0}', "[" * 100_000,
    '{"draft": "x", "values": ["a\\u0000"], "more": 0}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_form_is_one_sentence(text):
    with pytest.raises(BadPlan, match="not the form of a plan"):
        sent(text)


@pytest.mark.parametrize(
    "values",
    [[], ["disk"], [7, 7, "nlm", True, 1, 0], ["disk", 7, "nlm", True, 1, 0], ["disk", 7, None, True, 1, 0],
     ["disk", 7, "tv-deconvolution", True, "x", 0]],
)  # fmt: skip
def test_values_that_do_not_fit_the_form_are_one_sentence(sight, values):
    step = replace(KNOWN, inputs=entries("disk", [7]))
    with pytest.raises(BadPlan, match="is missing|cannot replace|no kind of blur|strength"):
        read_form(Draft(Plan((step,), "")), values, sight)


def pixels_in(html):
    data = re.search(r"base64,([^\"]+)", html)[1]
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(("side", "times"), [(3, 8), (19, 8), (21, 4), (41, 2), (81, 1)])
def test_the_preview_is_the_kernel_with_square_pixels_and_a_white_maximum(side, times):
    k = np.random.default_rng(0).random((side, side))
    shown = pixels_in(picture_of(k))
    assert shown.shape == (160, 160) and shown.max() == 255
    first = (160 - side * times) // 2
    inside = shown[first : first + side * times, first : first + side * times]
    assert np.array_equal(inside, np.rint(255 * k / k.max()).astype(np.uint8).repeat(times, 0).repeat(times, 1))
    outside = shown.copy()
    outside[first : first + side * times, first : first + side * times] = 0
    assert not outside.any()


def test_a_preview_of_words_and_of_a_large_kernel(jobs):
    shown = pixels_in(preview("motion", jobs, 15, 30))
    assert np.array_equal(shown, pixels_in(picture_of(MotionBlur(15, 30).kernel())))
    assert pixels_in(picture_of(np.ones((301, 5)))).shape == (301, 160)
    assert "length must be" in preview("motion", jobs, 0, 30) and preview(OWN, jobs, None) == ""


def test_a_file_for_a_preview_must_be_a_kernel_that_was_uploaded(jobs, tmp_path):
    def uploaded(array):
        path = own_folder(jobs) / "<b>k.png"
        path.write_bytes(cv2.imencode(".png", array)[1].tobytes())
        return preview(OWN, jobs, str(path))

    assert pixels_in(uploaded(np.eye(5, dtype=np.uint8))).max() == 255
    assert "odd sides" in uploaded(np.ones((4, 4), np.uint8))
    assert "positive sum" in uploaded(np.zeros((5, 5), np.uint8))
    assert "megapixels" in uploaded(np.ones((1001, 1001), np.uint8))
    (tmp_path / "private.png").write_bytes(cv2.imencode(".png", np.eye(5, dtype=np.uint8))[1].tobytes())
    for path in (tmp_path / "private.png", "/etc/hostname", jobs.page / "../../private.png"):
        said = preview(OWN, jobs, str(path))
        assert "uploaded here" in said and str(tmp_path) not in said
    for said in (uploaded(np.ones((4, 4), np.uint8)), uploaded(np.zeros((5, 5), np.uint8))):
        assert str(jobs.folder) not in said and "<b>k" not in said


def outcome_of(jobs, sight, plan):
    async def run():
        return [now async for now in carried_out(jobs, sight, plan)][-1]

    return asyncio.run(run())


def test_an_own_kernel_is_copied_to_the_job(jobs, sight, tmp_path):
    kernel = own_folder(jobs) / "k.png"
    kernel.write_bytes(cv2.imencode(".png", np.eye(5, dtype=np.uint8) * 255)[1].tobytes())
    plan = Plan((replace(KNOWN, inputs=entries(OWN, [kernel])),), "")
    outcome = outcome_of(jobs, sight, plan)
    whole = Plan((replace(KNOWN, inputs={"kernel": {"file": str(kernel), "sha256": ""}}),), "")
    with pytest.raises(BadPlan, match="has changed"):  # a plan for the command line has the checksum
        restore_file(sight.path, tmp_path / "x.png", whole)
    told = json.loads(outcome.report.read_text())["plan"]["steps"][0]["inputs"]["kernel"]
    whole = Plan((replace(KNOWN, inputs={"kernel": {**told, "file": str(kernel)}}),), "")
    restore_file(sight.path, tmp_path / "x.png", whole)
    assert outcome.picture.read_bytes() == (tmp_path / "x.png").read_bytes()
    assert told["file"] == "kernel" and kernel.exists() and not outcome.products
    assert [path for path in jobs.folder.iterdir() if path.is_dir()] == [jobs.page]
    assert not [path for path in jobs.page.iterdir() if path.is_file()]


def test_a_kernel_that_is_missing_or_not_uploaded_is_one_sentence(jobs, sight, tmp_path):
    write(Image(np.eye(5, dtype=np.float32)[:, :, None]), tmp_path / "k.png")
    for files, says in (([], "choose the file of your kernel"), ([tmp_path / "k.png"], "uploaded here")):
        with pytest.raises(RestoraError, match=says):
            outcome_of(jobs, sight, Plan((replace(KNOWN, inputs=entries(OWN, files)),), ""))
    assert not jobs.count("queued")


def test_a_kernel_that_was_found_is_shown_and_can_be_taken_away(jobs, sight, finder):
    outcome = outcome_of(jobs, sight, Plan((Step("finder", ""),), ""))
    path = outcome.products["kernel"]
    assert path.name == "moved.restored.png.kernel.png"
    assert np.allclose(KernelBlur(str(path)).kernel(), KERNEL, atol=1e-4)
    report = json.loads(outcome.report.read_text())
    assert {name: facts["file"] for name, facts in report["products"].items()} == {
        name: each.name for name, each in outcome.products.items()
    }
    html = found(outcome.products)
    assert "The blur that was found" in html and "3 × 3 pixels" in html
    assert np.array_equal(pixels_in(html), pixels_in(picture_of(read(path).pixels[:, :, 0])))
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stream([outcome])))) as file:
        assert "01 moved.restored.png.kernel.png" in file.namelist()
    assert found(Outcome(outcome.picture, outcome.report).products) == ""
