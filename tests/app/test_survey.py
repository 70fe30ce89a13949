"""The commands of the survey."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.test_without_torch import NO_TORCH

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "results"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_the_survey_is_printed_and_written(folder, restora):
    status, out, _ = restora("survey", "--results", RESULTS)
    assert status == 0 and "## PSNR" in out and "| TGAN |" in out and "## Classical methods" in out
    status, out, err = restora("survey", "--results", RESULTS, "-o", "a.html", "-o", "a.csv", "-o", "a.md")
    assert status == 0 and out == "" and err.count(" written") == 3
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert len(rows) == Path("a.html").read_text().count('<tr><th scope="row"')
    assert Path("a.md").read_text().startswith("# The survey")
    assert restora("survey", "--results", RESULTS, "--json")[1].startswith("[")


def test_one_system_is_printed_with_its_commands(folder, restora):
    status, out, _ = restora("survey", "dncnn", "GAN restorer", "--results", RESULTS)
    assert status == 0 and out.count("\n\n") == 1 and "$ restora bench denoise" in out and "claimed: 1.7 M" in out


def test_what_cannot_be_done_is_one_sentence(folder, restora):
    Path("there.csv").write_text("mine")
    for words, says in (
        (["dncn"], "did you mean dncnn"),
        (["-o", "a.txt"], "must end in .html, .csv or .md"),
        (["-o", "there.csv"], "overwrite it with --force"),
        (["-o", "a.csv", "--pictures"], "are for .html"),
        (["-o", "a.html", "--pictures", "--data", "nowhere"], "is not a folder"),
    ):
        status, out, err = restora("survey", *words, "--results", RESULTS)
        assert status == 2 and says in err and err.count("\n") == 1 and out == "", (words, err)
    assert "name the results folder" in restora("survey")[2]
    assert sorted(os.listdir()) == ["clean.png", "there.csv"] and Path("there.csv").read_text() == "mine"


def test_it_needs_no_torch(folder):
    code = NO_TORCH.replace(
        '"fix", "noisy.png", "-o", "out.png"', f'"survey", "--results", {str(RESULTS)!r}, "-o", "a.html"'
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert Path("a.html").is_file()


def test_what_a_method_costs(folder, restora):
    status, out, err = restora("bench", "cost", "--method", "gaussian", "--set", "width=2", "--out", "made")
    assert status == 0 and "s a megapixel with 2 core(s)" in out, err
    rows = list(csv.DictReader(Path("made/cost.csv").read_text().splitlines()))
    assert (
        [row["threads"] for row in rows] == ["1", "2"] and rows[0]["knobs"] == '{"width": 2.0}' and rows[0]["machine"]
    )
    for words, says in (("cyclegan", "has no weights"), ("gausian", "did you mean gaussian")):
        status, _, err = restora("bench", "cost", "--method", words)
        assert status == 2 and says in err
    assert "has no knob" in restora("bench", "cost", "--method", "tv", "--set", "iterations=1")[2]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_table_is_sorted_by_its_titles_and_marks_give_reasons(folder, restora):
    sync = pytest.importorskip("playwright.sync_api")
    restora("survey", "--results", RESULTS, "-o", "a.html")
    with sync.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        calls = []
        page.on("request", lambda request: calls.append(request.url))
        page.goto(Path("a.html").resolve().as_uri())
        assert page.locator(".survey tbody th").first.inner_text() == "DnCNN"

        def column():
            place = page.locator(".survey thead th").all_inner_texts().index("PSNR (dB)")
            cells = page.locator(f".survey tbody tr > :nth-child({place + 1})")
            return [float(each) for each in cells.evaluate_all("all => all.map(cell => cell.dataset.sort)")]

        page.get_by_role("button", name="PSNR (dB)").click()
        assert column() == sorted(column())
        page.get_by_role("button", name="PSNR (dB)").click()
        assert column() == sorted(column(), reverse=True)
        row = page.locator(".survey tr", has_text="SRCNN").first
        row.locator("summary", has_text="wrong").first.click()
        assert row.get_by_text("thousands, not millions").is_visible()
        assert [url for url in calls if not url.startswith("file:")] == []
        browser.close()
