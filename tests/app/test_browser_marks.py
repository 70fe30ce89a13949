"""Marks on the page, in headless Chromium: painted, found, edited, and the result restored further."""

import json

import numpy as np
import pytest

from restora.core.checksum import sha256
from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from tests.app import test_browser
from tests.app.test_browser import DRAWN, bring, choose_method, colours, resting, restore, stroke, taken

pytestmark = test_browser.pytestmark
browser, page, noisy = test_browser.browser, test_browser.page, test_browser.noisy


def test_a_scratch_is_painted_over_and_filled(page, photo, tmp_path):
    y = photo[:160, :200].copy()
    y[78:82, 30:170] = 1
    write(Image(y), tmp_path / "scratched.png")
    bring(page, tmp_path / "scratched.png")
    page.click("#mark")
    page.wait_for_selector("canvas#brush")
    page.wait_for_selector("#plan >> text=Fill the hole")  # Restore belongs to the form that is drawn
    page.click("#go")
    page.wait_for_selector("#trouble >> text=nothing is painted;")
    stroke(page, (0.5, 0.2), (0.5, 0.4))
    page.click("#brush-undo")
    page.evaluate("document.getElementById('brush-width').value = 5")
    stroke(page, (0.13, 0.5), (0.87, 0.5))
    restore(page)
    x_hat = read(taken(page, "#download", tmp_path)).pixels
    away = np.abs(np.arange(160) - 80) > 8
    assert np.array_equal(x_hat[away], read(tmp_path / "scratched.png").pixels[away])
    assert (
        np.abs(x_hat - photo[:160, :200])[78:82, 30:170].mean()
        < 0.3 * np.abs(y - photo[:160, :200])[78:82, 30:170].mean()
    )
    report = json.loads(taken(page, "#report", tmp_path).read_text())
    first = report["plan"]["steps"][0]
    assert first["method"] == "partial-unet" and first["inputs"]["mask"]["file"] == "mask" and not page.complaints
    page.click("#mark")  # goes on with the result, without the old strokes
    page.wait_for_selector("#back")
    page.wait_for_selector("canvas#brush")
    assert page.evaluate("JSON.parse(restoraStrokes()).strokes") == []
    page.wait_for_selector("#go:not([disabled])")
    stroke(page, (0.5, 0.1), (0.5, 0.3))
    restore(page)
    second = taken(page, "#download", tmp_path)
    report = json.loads(taken(page, "#report", tmp_path).read_text())
    assert (report["input"], report["output"]) == ("scratched.restored.png", "scratched.restored-2.png")
    assert [each["plan"]["steps"][0]["method"] for each in report["earlier"]] == ["partial-unet"]
    away = np.abs(np.arange(200) - 100) > 8
    assert np.array_equal(read(second).pixels[:, away], x_hat[:, away]) and second.name == report["output"]
    page.click("#back")
    page.wait_for_selector("#back", state="hidden")
    page.wait_for_function("document.getElementById('findings').innerText.includes('scratched.png')")
    page.wait_for_selector(DRAWN)
    assert not page.is_visible("#before") and not page.complaints


def test_a_stroke_is_where_it_was_painted_however_close_one_looks(page, noisy):
    bring(page, noisy)
    page.click("#mark")
    page.wait_for_selector("canvas#brush")
    image, canvas = page.locator("#before img"), page.locator("canvas#brush")
    box = resting(canvas)
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.wheel(0, -600)
    page.wait_for_function(
        "w => document.getElementById('brush').getBoundingClientRect().width > 2 * w", arg=box["width"]
    )
    near = resting(canvas)
    assert near == pytest.approx(image.bounding_box(), abs=1)
    assert near["x"] + 0.75 * near["width"] == pytest.approx(box["x"] + 0.75 * box["width"], abs=2)
    stroke(page, (0.75, 0.25), (0.72, 0.27))
    for key in ("brush-move", "Space"):  # the hand, and the space bar, move the picture and leave no stroke
        before = canvas.bounding_box()
        page.click("#brush-move") if key == "brush-move" else page.keyboard.down("Space")
        stroke(page, (0.75, 0.25), (0.73, 0.25))
        page.click("#brush-move") if key == "brush-move" else page.keyboard.up("Space")
        assert canvas.bounding_box()["x"] == pytest.approx(before["x"] - 0.02 * before["width"], abs=2)
        page.evaluate("document.activeElement.blur()")
    for _ in range(12):
        page.click("#brush-out")
    assert canvas.bounding_box() == pytest.approx(box, abs=1)
    (painted,) = page.evaluate("JSON.parse(restoraStrokes()).strokes")
    assert painted["points"][0] == pytest.approx([0.75, 0.25], abs=0.01)
    assert painted["points"][-1] == pytest.approx([0.72, 0.27], abs=0.01) and painted["width"] < 0.01
    page.click("#brush-clear")
    page.click("#brush-undo")
    assert len(page.evaluate("JSON.parse(restoraStrokes()).strokes")) == 1 and not page.complaints


def test_marks_that_were_found_are_shown_edited_and_given_back(page, photo, tmp_path):
    y = photo[:160, :200].clip(0, 0.9)
    y[78:82, 30:170] = 1
    write(Image(y), tmp_path / "old.png")
    bring(page, tmp_path / "old.png")
    if not page.is_visible("#plan .restora-step >> text=restora"):
        page.click("#plan [data-more=restora]")
    choose_method(page, "marker")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    first = taken(page, "#mask", tmp_path).rename(tmp_path / "first.png")
    found = read(first).pixels[:, :, 0]
    assert found.shape == (160, 200) and found[78:82, 30:170].all() and found.sum() == 4 * 140
    page.wait_for_selector(DRAWN)
    plain = colours(page, 0.5, "before")
    page.click("[data-view=marks]")
    page.wait_for_selector(DRAWN)
    red = colours(page, 0.5, "before").astype(int)
    assert (red[:, :, 0] > red[:, :, 1] + 60).any() and not (plain[:, :, 0] > plain[:, :, 1].astype(int) + 60).any()
    page.click("#edit")
    page.wait_for_selector("canvas#brush")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    step = json.loads(taken(page, "#report", tmp_path).read_text())["plan"]["steps"][0]
    assert step["inputs"]["mask"]["sha256"] == sha256(first)
    assert np.array_equal(read(taken(page, "#mask", tmp_path)).pixels[:, :, 0], found)
    page.click("#edit")
    page.wait_for_selector("canvas#brush")
    page.wait_for_selector("#go:not([disabled])")
    page.evaluate("document.getElementById('brush-width').value = 8")
    stroke(page, (0.5, 0.2), (0.6, 0.2))
    page.click("#brush-erase")
    stroke(page, (0.1, 0.5), (0.5, 0.5))
    restore(page)
    edited = read(taken(page, "#mask", tmp_path)).pixels[:, :, 0]
    assert edited[78:82, 115:170].all() and not edited[60:100, :100].any() and edited[32, 100:120].all()
    assert not page.complaints
