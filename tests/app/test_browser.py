"""The page as a person uses it: headless Chromium, where it is installed, against `restora serve`."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from restora.app.kernel_form import picture_of
from restora.core.checksum import sha256
from restora.core.image import Image, Meta
from restora.core.plan import plan_from_json
from restora.damage.blur import KernelBlur, MotionBlur
from restora.damage.words import parse
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.work.degrade import degrade
from restora.work.restore import restore_file
from tests.app.made_up import KERNEL

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
ROOT = Path(__file__).parent.parent.parent
WITH_MADE_UP = """
from restora.app.cli import main
from restora.methods.table import METHODS
from tests.app.made_up import FINDER, MARKER
METHODS["finder"] = FINDER
METHODS["marker"] = MARKER
main()
"""
"""The command line with a method that finds a blur, and one that finds what to fill."""
SLIDER = '#compare [data-testid="slider"]'


def served(folder):
    """A server's process and address; it listens when this returns."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-c", WITH_MADE_UP, "serve", "--port", str(port), "--folder", str(folder)]
    server = subprocess.Popen([*words, "--max-bytes", "4MB"], stderr=subprocess.DEVNULL, cwd=ROOT)
    for _ in range(1200):  # a busy machine takes its time to import
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    return tmp_path_factory.mktemp("served") / "jobs"


@pytest.fixture(scope="module")
def address(jobs):
    server, url = served(jobs)
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, address):
    """The page, opened; what it asked for and complained of is in page.asked and page.complaints."""
    one = browser.new_page(viewport={"width": 1280, "height": 860})
    one.set_default_timeout(30_000)
    one.asked, one.complaints = [], []
    one.on("request", lambda request: one.asked.append(request.url))
    one.on("console", lambda message: one.complaints.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: one.complaints.append(str(error)))
    one.goto(address)
    one.wait_for_selector("#samples button img")
    yield one
    one.close()


@pytest.fixture
def noisy(photo, tmp_path):
    """A JPEG with noise and metadata."""
    y = photo[:160, :200] + 0.1 * np.random.default_rng(0).standard_normal((160, 200, 3), np.float32)
    write(Image(y, meta=Meta(xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")), tmp_path / "my photo.jpg")
    return tmp_path / "my photo.jpg"


def bring(page, *paths):
    page.set_input_files("#drop input[type=file]", [str(path) for path in paths])
    page.wait_for_selector("#go:visible")


def restore(page):
    page.click("#go")
    page.wait_for_selector("#stop:visible")
    page.wait_for_selector("#go:visible")


def taken(page, button, folder):
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_photograph_is_looked_at_restored_compared_and_taken_away(page, noisy, tmp_path, jobs):
    bring(page, noisy)
    found = page.inner_text("#findings")
    assert "Strong noise" in found and "certain" in found and "my photo.jpg · 200 × 160" in found
    page.click("#plan summary:has-text('Why')")
    page.wait_for_selector("#plan >> text=noise of standard deviation")
    restore(page)
    clip = "document.querySelector('#compare img.fixed').style.clipPath"
    zoom = "document.querySelector('#compare img.fixed').style.transform"
    page.wait_for_selector("#compare img.fixed", state="attached")  # drawn a moment after the slider's frame
    first = page.evaluate(clip)
    box = page.locator(SLIDER).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 50)
    page.mouse.up()
    dragged = page.evaluate(clip)
    page.focus(SLIDER)
    page.keyboard.press("ArrowRight")
    assert len({first, dragged, page.evaluate(clip)}) == 3
    page.keyboard.press("+")
    page.wait_for_function(f"!{zoom}.includes('scale(1)')")
    report, picture = taken(page, "#report", tmp_path), taken(page, "#download", tmp_path)
    assert (picture.name, report.name) == ("my photo.restored.jpg", "my photo.restored.jpg.json")
    words = [sys.executable, "-m", "restora", "restore", str(noisy), "--plan", str(report), "-o"]
    subprocess.run([*words, str(tmp_path / "same.jpg")], check=True, capture_output=True)
    assert picture.read_bytes() == (tmp_path / "same.jpg").read_bytes()
    assert read(picture).meta.xmp and json.loads(report.read_text())["diagnosis"]["noise_level"]["present"]
    assert [path.name for path in jobs.iterdir() if path.is_dir()] == ["page"] and not page.complaints


def test_a_sample_is_scored_and_a_small_one_made_larger(page, tmp_path):
    page.click("#samples button >> nth=2")
    page.wait_for_selector("text=Enlarge it")
    page.wait_for_selector("#go:visible")
    restore(page)
    assert read(taken(page, "#download", tmp_path)).shape == (512, 512, 3)
    assert "dB" in page.inner_text("#scores") and not page.complaints


def test_another_method_with_other_knobs_is_what_the_report_says(page, noisy, tmp_path):
    bring(page, noisy)
    page.click("text=Change this step")
    page.select_option("#plan select", "median")
    page.wait_for_selector("#plan >> text=you chose it", state="attached")
    radius = page.locator("#plan input[type=number]").nth(1)
    radius.fill("3")
    radius.press("Tab")
    restore(page)
    plan = plan_from_json(taken(page, "#report", tmp_path).read_text())
    assert [(step.method, step.knobs) for step in plan.steps] == [("median", {"radius": 3})]
    restore_file(noisy, tmp_path / "same.jpg", plan)
    assert taken(page, "#download", tmp_path).read_bytes() == (tmp_path / "same.jpg").read_bytes()


def stroke(page, *points):
    """Paint along points, shares of the canvas."""
    box = page.locator("canvas#brush").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


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
    assert first["method"] == "navier-stokes" and first["inputs"]["mask"]["file"] == "mask" and not page.complaints
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
    assert [each["plan"]["steps"][0]["method"] for each in report["earlier"]] == ["navier-stokes"]
    away = np.abs(np.arange(200) - 100) > 8
    assert np.array_equal(read(second).pixels[:, away], x_hat[:, away]) and second.name == report["output"]
    page.click("#back")
    page.wait_for_selector("#before")
    page.wait_for_selector("#go:not([disabled])")
    assert not page.is_visible("#back") and "scratched.png" in page.inner_text("#findings") and not page.complaints


def test_a_stroke_is_where_it_was_painted_however_close_one_looks(page, noisy):
    bring(page, noisy)
    page.click("#mark")
    page.wait_for_selector("canvas#brush")
    image, canvas = page.locator("#before img"), page.locator("canvas#brush")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.wheel(0, -600)
    page.wait_for_function(
        "w => document.getElementById('brush').getBoundingClientRect().width > 2 * w", arg=box["width"]
    )
    near = canvas.bounding_box()
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
        page.click("#plan >> text=Remove noise")
    choose_method(page, "marker")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    first = taken(page, "#mask", tmp_path).rename(tmp_path / "first.png")
    found = read(first).pixels[:, :, 0]
    assert found.shape == (160, 200) and found[78:82, 30:170].all() and found.sum() == 4 * 140
    left = "[...document.querySelectorAll('#compare img')].map(each => each.src).join()"
    plain = page.evaluate(left)
    page.click("#overlay input")
    page.wait_for_function(f"src => {left} !== src", arg=plain)
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


def choose_method(page, name):
    page.wait_for_selector("#go:not([disabled])")  # the form may be about to be replaced
    if not page.is_visible("#plan select"):
        page.click("#plan >> text=Change this step")
    page.select_option("#plan select", name)
    page.wait_for_selector(f"#plan .restora-step >> text={name}")


def test_a_moved_picture_is_sharpened_and_a_kernel_that_was_found_is_taken_away(page, photo, tmp_path):
    x = Image(photo[:160, :200])
    write(degrade(x, parse("blur(motion, length=9, angle=30)"), seed=0), tmp_path / "moved.png")
    bring(page, tmp_path / "moved.png")
    page.wait_for_selector("#plan >> text=Sharpen it")  # it was found
    page.click("#plan >> text=Straight motion")
    page.wait_for_selector("#kernel-preview img")
    first = page.get_attribute("#kernel-preview img", "src")
    for index, value in enumerate(("9", "30")):
        number = page.locator("#plan input[type=number]").nth(index)
        number.fill(value)
        number.press("Tab")
    right = re.search('src="(.+?)"', picture_of(MotionBlur(9, 30).kernel()))[1]
    page.wait_for_function("src => document.querySelector('#kernel-preview img').src === src", arg=right)
    assert first != right
    page.fill("#scale input[type=number]", "2")  # what was set stays if the plan is made again
    page.press("#scale input[type=number]", "Enter")
    page.wait_for_selector("#plan >> text=Enlarge it")
    page.wait_for_selector("#go:not([disabled])")
    page.fill("#scale input[type=number]", "1")
    page.press("#scale input[type=number]", "Enter")
    page.wait_for_selector("#plan >> text=Enlarge it", state="detached")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    (step,) = json.loads(taken(page, "#report", tmp_path).read_text())["plan"]["steps"]
    assert step["inputs"] == {"kernel": {"value": "motion(length=9, angle=30)"}} and not page.is_visible("#found")
    errors = [
        np.square(read(path).pixels - x.pixels)[16:-16, 16:-16].mean()
        for path in (tmp_path / "moved.png", taken(page, "#download", tmp_path))
    ]
    assert errors[1] < errors[0] / 3
    page.click("#plan >> text=Find it")
    page.wait_for_selector("#kernel-preview", state="detached")
    if not page.is_visible("#plan .restora-step >> text=finder"):
        choose_method(page, "finder")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    page.wait_for_selector("#found >> text=The blur that was found")
    kernel = taken(page, "#kernel", tmp_path)
    assert np.allclose(KernelBlur(str(kernel)).kernel(), KERNEL, atol=1e-4)
    page.click("#plan >> text=My own kernel")
    page.set_input_files("#kernel-file input[type=file]", str(kernel))
    page.wait_for_selector("#kernel-preview img")
    choose_method(page, "wiener-deconvolution")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    step = json.loads(taken(page, "#report", tmp_path).read_text())["plan"]["steps"][0]
    assert step["inputs"]["kernel"] == {"file": "kernel", "sha256": sha256(kernel)}
    assert step["method"] == "wiener-deconvolution" and not page.complaints


WATCHED = """
window.restoraSeen = [];
const look = () => {
  const drawn = document.querySelector('#plan').innerText.includes('Fill the hole');
  window.restoraSeen.push([drawn, document.querySelector('#go')?.disabled]);
  requestAnimationFrame(look);
};
look();
"""


def test_restore_is_off_until_the_form_is_drawn_that_it_belongs_to(page, noisy):
    """What is pressed on the form before, the server no longer knows."""
    bring(page, noisy)
    page.wait_for_selector("#go:not([disabled])")
    page.evaluate(WATCHED)
    page.click("#mark")
    page.wait_for_selector("#plan >> text=Fill the hole")
    page.wait_for_selector("#go:not([disabled])")
    seen = page.evaluate("restoraSeen")
    before = [off for drawn, off in seen if not drawn]
    assert before[-1] and not before[0]
    page.click("#go")
    page.wait_for_selector("text=nothing is painted;")
    assert not page.complaints


def test_what_is_no_picture_is_refused_in_the_command_lines_words(page, tmp_path):
    bad = tmp_path / "letter.jpg"
    bad.write_bytes(b"Dear all,")
    page.set_input_files("#drop input[type=file]", str(bad))
    said = page.inner_text("[role=alert]")
    with pytest.raises(Exception, match="is not a picture that can be read") as refusal:
        open_picture(bad)
    assert said == str(refusal.value).replace(str(bad), bad.name)
    page.wait_for_selector("#drop:visible")


def test_several_come_back_as_one_zip(page, noisy, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no")
    bring(page, noisy, noisy, bad)
    assert "2 pictures" in page.inner_text("#findings") and "bad.png" in page.inner_text("[role=alert]")
    restore(page)
    with zipfile.ZipFile(taken(page, "#download", tmp_path)) as file:
        names = sorted(file.namelist())
        assert names[::2] == ["01 my photo.restored.jpg", "02 my photo.restored.jpg"] and len(names) == 4
        assert file.read(names[0]) == file.read(names[2])


@pytest.fixture
def long(page, photo, tmp_path):
    """A restoration of 40 megapixels, on its way: longer than the 15 seconds after which one who leaves is missed."""
    y = np.tile(photo, (4, 2, 1)) + 0.1 * np.random.default_rng(0).standard_normal((1024, 608, 3), np.float32)
    write(Image(y), tmp_path / "large.jpg")
    bring(page, tmp_path / "large.jpg")
    page.fill("#scale input[type=number]", "8")
    page.press("#scale input[type=number]", "Enter")
    page.wait_for_selector("#plan >> text=EDSR")
    page.click("#go")
    page.wait_for_selector("text=Restoring")


def nothing_is_left_of_it(jobs):
    for _ in range(300):  # a job ends at its next piece
        if [path.name for path in jobs.iterdir() if path.is_dir()] == ["page"]:
            return not list(jobs.rglob("large.restored.*"))
        time.sleep(0.2)
    return False


def test_a_restoration_is_cancelled(page, long, jobs):
    page.click("#stop")
    page.wait_for_selector("text=Cancelled")
    assert page.is_visible("#go") and not page.is_visible("#download")
    assert nothing_is_left_of_it(jobs)


def test_who_leaves_takes_the_job_back(page, long, jobs):
    page.close()
    assert nothing_is_left_of_it(jobs)


def test_nothing_is_fetched_from_elsewhere(page, address):
    page.goto(f"{address}/docs")
    page.wait_for_selector('[data-path="/v1/restore"]')
    elsewhere = [url for url in page.asked if urlsplit(url).scheme in ("http", "https") and not url.startswith(address)]
    of_leaving = ("BodyStreamBuffer was aborted", "Connection errored out")  # of the page that was left
    complaints = [each for each in page.complaints if not any(words in each for words in of_leaving)]
    assert len(page.asked) > 20 and not elsewhere and not complaints


def test_it_fits_a_phone_in_the_dark(browser, address, noisy):
    one = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True, is_mobile=True)
    one.goto(address)
    one.wait_for_selector("#samples button img")
    assert one.evaluate("document.documentElement.scrollWidth") <= 390
    bring(one, noisy)
    one.click("text=Change this step")
    restore(one)
    assert one.evaluate("document.documentElement.scrollWidth") <= 390
    background = one.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    assert max(int(value) for value in re.findall(r"\d+", background)[:3]) < 60
    one.close()
