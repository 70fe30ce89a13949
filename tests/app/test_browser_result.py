"""What a person does with a result: compare, weaken it, download it; and with several pictures at once."""

import json
import zipfile

import numpy as np
import pytest

from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from tests.app import test_browser
from tests.app.test_browser import DRAWN, LINE, bring, choose_method, colours, restore, taken

pytestmark = test_browser.pytestmark
browser, page, noisy = test_browser.browser, test_browser.page, test_browser.noisy


@pytest.fixture
def phone(browser, address):
    one = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    one.set_default_timeout(60_000)
    one.goto(address)
    one.wait_for_selector("#samples button img")
    yield one
    one.close()


@pytest.fixture
def portrait(photo, tmp_path):
    """A noisy picture that is higher than wide, and the clean one."""
    x = np.concatenate([photo[:, :200], photo[::-1, :200]])[:400]
    y = x + 0.1 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    write(Image(y), tmp_path / "portrait.png")
    return tmp_path / "portrait.png", x


def test_three_taps_lead_from_a_photograph_to_a_better_download(phone, portrait, tmp_path):
    path, x = portrait
    assert phone.get_attribute("#drop input[type=file]", "accept").startswith("image/*")
    drop = phone.locator("#drop button")
    assert "Choose a photograph" in drop.evaluate("e => getComputedStyle(e.querySelector('.wrap'), '::after').content")
    with phone.expect_file_chooser() as chooser:
        drop.tap()  # one
    chooser.value.set_files(str(path))
    phone.wait_for_selector("#go:visible")
    phone.locator("#go").tap()  # two
    phone.wait_for_selector("#download:visible")
    for name in ("#download", DRAWN):  # without scrolling
        box = phone.locator(name).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844, name
    with phone.expect_download() as download:
        phone.locator("#download").tap()  # three
    download.value.save_as(tmp_path / "better.png")
    errors = [np.square(read(one).pixels - x).mean() for one in (path, tmp_path / "better.png")]
    assert errors[1] < errors[0] / 4
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_comparison_opens_at_full_size_where_it_changed_most(page, photo, tmp_path):
    x = np.tile(photo, (8, 6, 1))
    y = x.copy()
    y[1500:1700, 1300:1600] += 0.15 * np.random.default_rng(0).standard_normal((200, 300, 3)).astype(np.float32)
    write(Image(y), tmp_path / "large.png")
    bring(page, tmp_path / "large.png")
    assert page.get_attribute("[data-view=fit]", "aria-pressed") == "true"
    if not page.is_visible("#plan .restora-step >> text=restora"):
        page.click("#plan [data-more=restora]")
    choose_method(page, "median")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    page.wait_for_selector(DRAWN)
    assert page.inner_text(".restora-bar output") == "100 %" and page.is_visible(f"{LINE}:focus")
    place = page.evaluate("[shownNow.viewer.x, shownNow.viewer.y]")
    assert abs(place[0] - 1450) < 400 and abs(place[1] - 1600) < 300
    after = colours(page, 0.5, "after").astype(float)
    page.hover("[data-view=hold]")
    page.mouse.down()
    page.wait_for_selector(DRAWN)
    before = colours(page, 0.5, "after").astype(float)
    page.mouse.up()
    page.wait_for_selector(DRAWN)
    assert before.std((0, 1)).mean() > after.std((0, 1)).mean()
    assert np.array_equal(colours(page, 0.5, "after"), after)
    page.click("[data-view=fit]")
    page.wait_for_selector(DRAWN)
    assert page.get_attribute("[data-view=fit]", "aria-pressed") == "true"
    page.click("[data-view=lens]")
    page.click("[data-view=changed]")
    assert page.inner_text(".restora-bar output") == "100 %" and not page.complaints


def test_a_share_of_the_change_is_displayed_at_once_and_downloaded(page, portrait, tmp_path):
    noisy = portrait[0]
    bring(page, noisy)
    restore(page)
    page.wait_for_selector(DRAWN)
    full = colours(page, 0.5).astype(int)
    asked = len([each for each in page.asked if "queue/join" in each])
    page.fill("#amount", "0")
    page.wait_for_selector(DRAWN)
    none = colours(page, 0.5).astype(int)
    page.click("[data-strength=light]")
    page.wait_for_selector(DRAWN)
    half = colours(page, 0.5).astype(int)
    assert page.input_value("#amount") == "50"
    assert np.abs(half - (full + none) / 2).max() <= 2 and np.abs(full - none).max() > 10
    picture, report = taken(page, "#download", tmp_path), taken(page, "#report", tmp_path)
    y, light = read(noisy).pixels, read(picture).pixels
    assert json.loads(report.read_text())["plan"]["blend"]["strength"] == 0.5
    page.click("[data-strength=normal]")
    normal = read(taken(page, "#download", tmp_path)).pixels
    assert np.abs(light - (y + normal) / 2).mean() < 0.01 and np.abs(y - normal).mean() > 0.03
    page.fill("#texture", "100")
    page.wait_for_selector(DRAWN)
    assert np.abs(colours(page, 0.5).astype(int) - full).max() > 0
    assert np.abs(read(taken(page, "#download", tmp_path)).pixels - normal).max() > 0.01
    assert len([each for each in page.asked if "queue/join" in each]) == asked  # nothing was computed again
    page.click("[data-strength=strong]")
    page.wait_for_selector("#stop:visible")
    page.wait_for_selector("#go:visible")
    steps = json.loads(taken(page, "#report", tmp_path).read_text())["plan"]["steps"]
    assert len(steps) == 2 and page.get_attribute("[data-strength=strong]", "aria-pressed") == "true"
    assert not page.complaints


def test_a_result_is_stale_while_the_plan_is_another(page, noisy):
    bring(page, noisy)
    restore(page)
    assert not page.is_visible(".restora-stale")
    page.click("text=Change this step")
    strength = page.locator("#plan input[type=number]").first
    strength.fill("0.4")
    page.wait_for_selector(".restora-stale >> text=You changed the plan")
    strength.fill("1")
    page.wait_for_selector(".restora-stale", state="hidden")
    page.fill("#scale input[type=number]", "2")
    page.press("#scale input[type=number]", "Enter")
    page.wait_for_selector(".restora-stale:visible")
    page.wait_for_selector("#plan >> text=Enlarge it")
    page.wait_for_selector("#go:not([disabled])")
    restore(page)
    page.wait_for_selector(".restora-stale", state="hidden")
    assert not page.is_visible("#amount") and not page.complaints  # a change of size cannot be weakened


def test_a_picture_is_seen_before_it_is_examined(page, noisy):
    page.set_input_files("#drop input[type=file]", str(noisy))
    page.wait_for_selector(".restora-viewer:visible")
    page.wait_for_selector("#status >> text=Looking for")
    assert not page.is_visible("#go")
    page.wait_for_selector("#go:visible")


def test_several_have_a_card_each_and_one_zip(page, noisy, photo, tmp_path):
    write(Image(photo), tmp_path / "clean.png")
    (tmp_path / "bad.png").write_bytes(b"no")
    bring(page, noisy, tmp_path / "clean.png", noisy, tmp_path / "bad.png")
    assert "3 pictures" in page.inner_text("#findings") and "bad.png" in page.inner_text("[role=alert]")
    restore(page)
    cards = page.locator(".restora-card")
    words = [card.inner_text() for card in cards.all()]
    assert "Strong noise" in words[0] and "Changed" in words[0]
    assert "No damage was found" in words[1] and "Left alone" in words[1]
    assert not page.evaluate("[...document.querySelectorAll('.restora-card img')].some(each => !each.naturalWidth)")
    assert page.is_visible(LINE)
    page.click(".restora-card >> nth=1 >> button")
    page.wait_for_function("shownNow.viewer.facts.name === 'clean.png'")
    with page.expect_download() as download:
        page.click(".restora-card >> nth=2 >> text=Download")
    assert download.value.suggested_filename == "my photo.restored.jpg"
    with zipfile.ZipFile(taken(page, "#download", tmp_path)) as file:
        names = sorted(file.namelist())
        assert names[::2] == ["01 my photo.restored.jpg", "02 clean.restored.png", "03 my photo.restored.jpg"]
        assert file.read(names[0]) == file.read(names[4]) and not file.testzip()
        assert file.read(names[2]) == (tmp_path / "clean.png").read_bytes()
    page.click("[data-strength=light]")
    with zipfile.ZipFile(taken(page, "#download", tmp_path)) as file:
        assert json.loads(file.read(sorted(file.namelist())[1]))["plan"]["blend"]["strength"] == 0.5
        assert file.read(names[2]) == (tmp_path / "clean.png").read_bytes()
    assert not page.complaints
