"""The page as a person uses it: headless Chromium, where it is installed, against `restora serve`."""

import json
import re
import shutil
import subprocess
import sys
import time
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
LINE = ".restora-line"
VIEW = ".restora-viewer canvas"
DRAWN = ".restora-viewer[data-drawn=yes]"
"""The viewer, when all tiles of what it displays have come."""


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
    page.wait_for_selector("#stop", state="hidden")


def line_at(page):
    """Where the line between before and after is, in percent."""
    return int(page.get_attribute(LINE, "aria-valuenow"))


def colours(page, share, half="after"):
    """The pixels (h, w, 3) of a square of the viewer at a share of its height, in the middle of one of its halves."""
    data = page.evaluate(
        """([share, right]) => {
        const canvas = document.querySelector(".restora-viewer canvas");
        const x = Math.round(canvas.width * (right ? 0.6 : 0.35)), y = Math.round(canvas.height * share);
        return [...canvas.getContext("2d").getImageData(x, y, 80, 80).data];
        }""",
        [share, half == "after"],
    )
    return np.array(data, np.uint8).reshape(80, 80, 4)[:, :, :3]


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
    page.wait_for_selector(f"{LINE}:focus")  # the result has the focus
    assert line_at(page) == 50
    box = page.locator(VIEW).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3)
    page.mouse.up()
    page.wait_for_function(f"document.querySelector('{LINE}').ariaValueNow == 25")
    page.focus(LINE)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('{LINE}').ariaValueNow == 30")
    page.focus(VIEW)
    zoom = page.inner_text(".restora-bar output")
    page.keyboard.press("+")
    assert page.inner_text(".restora-bar output") != zoom and "arrow" in page.get_attribute(VIEW, "aria-label").lower()
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
    choose_method(page, "median")
    page.wait_for_selector("#plan >> text=you chose it", state="attached")
    radius = page.locator("#plan input[type=number]").nth(1)
    radius.fill("3")
    radius.press("Tab")
    restore(page)
    plan = plan_from_json(taken(page, "#report", tmp_path).read_text())
    assert [(step.method, step.knobs) for step in plan.steps] == [("median", {"radius": 3})]
    restore_file(noisy, tmp_path / "same.jpg", plan)
    assert taken(page, "#download", tmp_path).read_bytes() == (tmp_path / "same.jpg").read_bytes()


def resting(element):
    """The place of an element on the page when it has stopped moving."""
    places = [element.bounding_box()]
    while len(places) < 3 or places[-1] != places[-3]:
        time.sleep(0.05)
        places.append(element.bounding_box())
    return places[-1]


def stroke(page, *points):
    """Paint along points, shares of the canvas."""
    box = resting(page.locator("canvas#brush"))
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def choose_method(page, name):
    page.wait_for_selector("#go:not([disabled])")  # the form may be about to be replaced
    for words, inside in (("Change this step", ".restora-expert"), ("Expert", "select")):
        if not page.is_visible(f"#plan {inside}"):
            page.click(f"#plan >> text={words}")
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
    page.wait_for_selector("#go:visible")
    assert not page.is_visible("#download")
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
