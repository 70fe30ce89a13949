"""The part of the page for clips as a person uses it, in headless Chromium."""

import json
import time
from fractions import Fraction

import numpy as np
import pytest

from restora.core.plan import plan_from_json
from restora.work.clips import restore_clip
from tests.app.test_browser import CHROMIUM, browser, page, taken  # noqa: F401
from tests.app.test_clips import noisy_frames  # noqa: F401
from tests.clips import Spec, facts, make, write_frames

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PAL = Fraction(1, 25)
PLAYING = "[...document.querySelectorAll('#clip-videos video')].map((each) => [each.readyState, each.videoWidth])"


def bring(page, path):  # noqa: F811
    page.set_input_files("#clip-drop input[type=file]", str(path))
    page.wait_for_selector("#clip-go:visible", timeout=120_000)


def carry_out(page, button):  # noqa: F811
    page.click(button)
    page.wait_for_selector("#clip-stop:visible")
    page.wait_for_selector("#clip-go:visible", timeout=120_000)


@pytest.fixture
def noisy(tmp_path, noisy_frames):  # noqa: F811
    write_frames(tmp_path / "my clip.mkv", noisy_frames[1])
    return tmp_path / "my clip.mkv"


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "clip.mp4", Spec(list(range(40)), PAL))


def test_a_clip_is_looked_at_previewed_restored_and_taken_away(page, noisy, tmp_path, jobs):  # noqa: F811
    bring(page, noisy)
    found = page.inner_text("#clip-findings")
    assert "Strong noise" in found and "my clip.mkv · 160 × 112" in found and "6 frames, 25 a second" in found
    assert "mctf" in found and not page.is_visible("#drop")
    page.wait_for_selector("#clip-viewer .restora-viewer[data-drawn=yes]")
    carry_out(page, "#clip-try")
    page.wait_for_function(f"{PLAYING}.every(([state, width]) => state >= 2 && width === 160)")
    assert len(page.evaluate(PLAYING)) == 2 and page.is_visible("#clip-viewer .restora-line")
    page.evaluate("document.querySelectorAll('#clip-videos video')[0].pause()")
    page.wait_for_function("[...document.querySelectorAll('#clip-videos video')].every((each) => each.paused)")
    carry_out(page, "#clip-go")
    report, result = taken(page, "#clip-report", tmp_path), taken(page, "#clip-download", tmp_path)
    assert (result.name, report.name) == ("my clip.restored.mkv", "my clip.restored.mkv.json")
    told = json.loads(report.read_text())
    assert (
        told["input"] == "my clip.mkv" and told["clip"]["frames"] == 6 and told["diagnosis"]["noise_level"]["present"]
    )
    restore_clip(noisy, tmp_path / "same.mkv", plan_from_json(report.read_text()))
    assert result.read_bytes() == (tmp_path / "same.mkv").read_bytes()
    assert [path.name for path in jobs.iterdir() if path.is_dir()] == ["page"] and not page.complaints
    page.click("#clip-again")
    page.wait_for_selector("#drop:visible")


def test_more_frames_are_made_and_watched(page, clip, tmp_path):  # noqa: F811
    bring(page, clip)
    assert "I found no damage" in page.inner_text("#clip-findings")
    page.click("#clip-what >> text=Make more frames")
    page.wait_for_selector("#clip-try", state="hidden")
    page.click("#clip-factor >> text=3 times")
    carry_out(page, "#clip-go")
    page.wait_for_function(f"{PLAYING}.every(([state, width]) => state >= 2 && width === 64)")
    result = taken(page, "#clip-download", tmp_path)
    assert result.name == "clip.more-frames.mp4" and len(facts(result)["times"]) == 118 and not page.complaints


def test_what_cannot_be_done_is_one_sentence(page, clip, tmp_path):  # noqa: F811
    (tmp_path / "letter.mp4").write_bytes(b"Dear all,")
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:300])
    (tmp_path / "list.mp4").write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    refused = {"letter.mp4": "is not a clip", "list.mp4": "is not a clip", "cut.mp4": "cannot be read as a clip"}
    for name, says in ((name, f"{name} {words}") for name, words in refused.items()):
        page.set_input_files("#clip-drop input[type=file]", str(tmp_path / name))
        page.wait_for_selector(f"#clip-trouble >> text={says}")
        page.wait_for_selector("#clip-drop:visible")
        assert str(tmp_path) not in page.inner_text("#clip-trouble")
    bring(page, clip)
    page.wait_for_selector("#clip-what input[value=denoise]:checked")  # as nothing was found
    page.click("#clip-what >> text=Repair what was found")
    page.wait_for_selector("#clip-what input[value=repair]:checked")
    page.click("#clip-go")
    page.wait_for_selector("#clip-status >> text=Nothing was found to repair")
    assert page.is_visible("#clip-go") and not page.complaints


def test_a_clip_is_cancelled_and_nothing_is_kept(page, noisy_frames, tmp_path, jobs):  # noqa: F811
    rng = np.random.default_rng(0)
    frames = [noisy_frames[0][0] + 0.08 * rng.standard_normal((112, 160, 3)).astype(np.float32) for _ in range(80)]
    write_frames(tmp_path / "long.mkv", frames)
    bring(page, tmp_path / "long.mkv")
    page.click("#clip-go")
    page.wait_for_selector("#clip-stop:visible")
    page.click("#clip-stop")
    page.wait_for_selector("#clip-status >> text=Cancelled; nothing was kept.", timeout=60_000)
    for _ in range(300):
        if [path.name for path in jobs.iterdir() if path.is_dir()] == ["page"]:
            break
        time.sleep(0.2)
    assert [path.name for path in jobs.iterdir() if path.is_dir()] == ["page"] and not page.is_visible("#clip-download")


def test_it_fits_a_phone(browser, address, noisy):  # noqa: F811
    one = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True, is_mobile=True)
    one.goto(address)
    one.wait_for_selector("#samples button img")
    bring(one, noisy)
    carry_out(one, "#clip-try")
    one.wait_for_function(f"{PLAYING}.length === 2")
    assert one.evaluate("document.documentElement.scrollWidth") <= 390
    one.close()
