"""The survey: no empty cell, every number with a command that exists, and marks that follow from the numbers."""

import csv
import io
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from restora.app.cli import app
from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.data.survey import Claim, Selection, System, systems
from restora.files.save import write
from restora.methods.table import METHODS
from restora.work.cost import cost
from restora.work.survey import marks
from restora.work.survey.html import as_html
from restora.work.survey.lookup import Price, Results, Score, command_of
from restora.work.survey.marks import CONFIRMED, MARKS, OTHER, WRONG
from restora.work.survey.pictures import crops_of
from restora.work.survey.table import CLAIMED, COLUMNS, Cell, empty, survey
from restora.work.survey.written import WITHOUT_COMMAND, as_csv, as_markdown, as_plain, record

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "results"


@pytest.fixture(scope="module")
def lines():
    return survey(RESULTS)


def test_no_cell_is_empty_without_a_reason(lines):
    assert list(empty(lines)) == []
    assert all(set(line.cells) == set(COLUMNS) for line in lines)
    broken = replace(lines[0], cells={**lines[0].cells, "memory": Cell()})
    assert list(empty([broken])) == ["DnCNN: memory"]


def test_fourteen_systems_are_claimed_and_the_classical_methods_stand_beneath(lines):
    assert [line.claimed for line in lines] == [True] * 14 + [False] * (len(lines) - 14)
    names = [line.system.method for line in lines]
    assert len(set(names)) == len(names) and set(names) <= set(METHODS)
    wanted = {"wiener", "gaussian", "median", "bilateral", "nlm", "nl-bayes", "richardson-lucy", "tv"}
    assert wanted | {"bicubic", "lanczos", "biharmonic", "exemplar"} <= set(names[14:])


def test_every_selection_finds_rows():
    results = Results(RESULTS)
    for system in systems():
        assert len(results.scores(system)) == len(system.measured), system.name
        assert results.price(system), system.name


def test_every_claim_has_a_mark_and_a_reason(lines):
    for line in lines:
        for key in CLAIMED:
            cell = line.cells[key]
            assert (cell.mark in MARKS and cell.why and cell.claimed) if line.claimed else not cell.mark, (line, key)


def test_marks_that_the_field_knows(lines):
    by_method = {line.system.method: line.cells for line in lines}
    assert by_method["srcnn"]["parameters"].mark == by_method["vdsr"]["parameters"].mark == WRONG
    assert by_method["srgan"]["psnr"].mark == WRONG and "lead" in by_method["srgan"]["psnr"].why
    assert by_method["attention-unet"]["loss"].mark == WRONG and "masks" in by_method["attention-unet"]["loss"].why
    assert by_method["dncnn"]["time"].mark == WRONG and "GPU" in by_method["dncnn"]["time"].why
    assert by_method["unet"]["parameters"].mark == by_method["edsr"]["parameters"].mark == CONFIRMED
    assert by_method["srgan"]["psnr"].number < by_method["edsr"]["psnr"].number


def test_counts_are_those_that_others_publish():
    counts = {(row["method"], row["net"]): int(row["parameters"]) for row in Results(RESULTS).rows("parameters")}
    assert counts["faster-rcnn", "ResNet-50, feature pyramid, 91 classes"] == 41_755_286  # torchvision's documentation
    assert counts["srcnn", "9-5-5, 64 and 32 wide"] == 57_281
    assert counts["dip", "hourglass of five levels of 128"] == 2_217_831


def commands(group, words=()):
    if not hasattr(group, "commands"):
        yield " ".join(words), group
        return
    for name, inner in group.commands.items():
        yield from commands(inner, [*words, name])


def test_every_number_has_a_command_that_exists(lines):
    known = dict(commands(typer.main.get_command(app)))
    found = {line.cells[key].command for line in lines for key in COLUMNS if line.cells[key].command}
    found |= {score.command for line in lines for score in line.scores}
    for text in (part for command in found for part in command.split(" && ")):
        words = [word for word in shlex.split(text) if not word.startswith("RESTORA_DATA=")]
        if words[0] == "python":
            assert (ROOT / words[1]).is_file(), text
            continue
        assert words[0] == "restora", text
        length = 3 if words[1] in ("bench", "weights") else 2
        given = [str(RESULTS) if word == "DIR" else word for word in words[length:]]
        known[" ".join(words[1:length])].make_context("restora", given, resilient_parsing=False)  # or it raises
        if words[1] == "train":
            assert (ROOT / words[2]).is_file(), text
    for line in lines:
        for key, cell in line.cells.items():
            if cell.number is not None:
                assert cell.command and key not in WITHOUT_COMMAND, (line.system.name, key)


def score(label, psnr, ssim, name="Set5"):
    return Score(label, name, psnr, ssim, "", "wang", "", "")


CLAIM = Claim("MSE", "Set5", (30, 32), (0.85, 0.88), (1, 3), (20, 40), sets=("Set5",))


def test_psnr_and_ssim_are_confirmed_together_only():
    both = marks.of_scores(CLAIM, [score("x2", 36, 0.95), score("x4", 30.3, 0.86)])
    assert [each.mark for each in both] == [CONFIRMED, CONFIRMED] and both[0].why == "x4"
    psnr, ssim = marks.of_scores(CLAIM, [score("x3", 31, 0.91), score("x4", 28, 0.86)])
    assert (psnr.mark, ssim.mark) == (CONFIRMED, OTHER) and "x4" in ssim.why and "28.00" in ssim.why
    psnr, ssim = marks.of_scores(CLAIM, [score("x2", 36, 0.95)])
    assert (psnr.mark, ssim.mark) == (OTHER, OTHER)


def test_a_value_on_another_set_confirms_nothing():
    psnr, ssim = marks.of_scores(CLAIM, [score("x4", 31, 0.86, "Set14")])
    assert (psnr.mark, ssim.mark) == (OTHER, OTHER) and "in the range on x4" in psnr.why
    anywhere = replace(CLAIM, sets=())
    assert marks.of_scores(anywhere, [score("x4", 31, 0.86, "Set14")])[0].mark == CONFIRMED


@pytest.mark.parametrize(("count", "mark"), [(57_000_000, CONFIRMED), (54_000_000, CONFIRMED), (57_281, WRONG)])
def test_parameters_may_be_rounded_but_not_be_others(count, mark):
    found = marks.of_parameters((57, 57), [(count, "a net")])
    assert found.mark == mark and (mark == CONFIRMED or "995 times" in found.why)


@pytest.mark.parametrize(
    ("seconds", "smaller", "mark"),
    [(0.03, False, CONFIRMED), (0.03, True, OTHER), (3.0, True, WRONG), (0.07, True, OTHER), (0.001, False, OTHER)],
)
def test_a_time_is_confirmed_for_a_net_of_the_same_size_only(seconds, smaller, mark):
    price = Price(seconds, 512 * 512, 100.0, "openvino", "f32", "", False, "", "")
    assert marks.of_time((20, 40), price, smaller).mark == mark


def test_csv_html_markdown_and_json_have_every_system(lines):
    rows = list(csv.DictReader(io.StringIO(as_csv(lines))))
    assert [row["system"] for row in rows] == [line.system.name for line in lines]
    assert all(value for row in rows for key, value in row.items() if key in COLUMNS)
    html, text = as_html(lines), as_markdown(lines)
    assert html.count('<tr><th scope="row"') == len(lines) and not re.search(r"(src|href)=\"(https?:)?//", html)
    assert "--pictures" in html and "--pictures" not in as_html(lines, {})
    for line in lines:
        assert line.system.name in text and f"<h2>{line.system.name}</h2>" in html
        assert all(cell.why[:60] in re.sub(r"\s+", " ", record(line)) for cell in line.cells.values() if cell.mark)
    assert as_plain(lines)[3]["parameters"]["mark"] == WRONG


def test_text_in_cells_is_escaped(lines):
    odd = replace(lines[0], cells={**lines[0].cells, "task": Cell("<b> | &")})
    assert "&lt;b&gt; | &amp;" in as_html([odd]) and "<b> |" not in as_html([odd])
    classical = replace(odd, claimed=False)
    assert "<b> \\| &" in as_markdown([classical])


def test_missing_results_are_said_and_not_hidden(tmp_path):
    with pytest.raises(RestoraError, match="holds no measurements"):
        survey(tmp_path)
    shutil.copy(RESULTS / "denoise.csv", tmp_path)
    lines = survey(tmp_path)
    assert list(empty(lines)) == []
    edsr = next(line for line in lines if line.system.method == "edsr")
    assert edsr.cells["psnr"].reason == "not measured" and edsr.cells["time"].reason == "not measured"


def test_the_time_of_fewer_steps_is_not_shown(lines):
    assert "--set iterations" in command_of("cost", "dip", {}, '{"iterations": 10.0}')
    dip = next(line for line in lines if line.system.method == "dip")
    assert "256x256" in dip.cells["time"].text and dip.cells["time"].number > 60
    assert "--set" in dip.cells["memory"].command and "--set" not in dip.cells["time"].command


@pytest.mark.parametrize("method", ["biharmonic", "inverse-filter", "colour-transfer"])
def test_the_cost_of_methods_that_are_given_something(method):
    measured = cost(method, "", 1)
    assert measured.seconds_a_megapixel > 0 and measured.machine and measured.load >= 0 and measured.knobs == ""


def test_pictures_behind_the_numbers(tmp_path, photo, monkeypatch):
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path))
    folder = tmp_path / "eval" / "Set12"
    folder.mkdir(parents=True)
    write(Image(photo[:150, :160, :1]), folder / "01.png")
    noise = Selection("denoise", "noise", {"set": "Set12", "damage": "noise(sigma=0.1)"})
    hole = Selection("inpaint", "hole", {"set": "Set12", "damage": "hole(scratches, count=3, width=3)"})
    html = crops_of(System("A", "gaussian", "", "", (noise,))) + crops_of(System("B", "biharmonic", "", "", (hole,)))
    assert html.count("data:image/png;base64,") == 6 and html.count("<figcaption>restored, ") == 2
    before, after = (float(re.search(rf"{name}, ([\d.]+) dB", html)[1]) for name in ("damaged", "restored"))
    assert after > before
    slow = System("C", "dip", "", "", (Selection("deep_prior", "", {}),))
    absent = System("D", "cyclegan", "", "", (Selection("translate", "prints", {"set": "CBSD68", "damage": "x"}),))
    assert "takes minutes" in crops_of(slow)
    with pytest.raises(RestoraError):  # the data of this one are not here
        crops_of(absent)
