import re

import numpy as np
import pytest

from restora.core.image import Image
from restora.damage.words import parse
from restora.data.sets import published
from restora.files.save import write
from restora.methods.table import METHODS
from restora.work import suite
from restora.work.bench import read_table, write_table
from restora.work.benchmark_page import DEBLOCKING, DENOISING, ENLARGING, page, pareto, verdict
from restora.work.cost import _work, cost

WHITE = f"noise(sigma={25 / 255!r})"


@pytest.fixture
def data(tmp_path, monkeypatch, photo):
    """A set of small pictures where Set12 is looked for."""
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path))
    for i in range(8):
        grey = tmp_path / "eval" / "Set12"
        grey.mkdir(parents=True, exist_ok=True)
        write(Image(photo[i * 8 : i * 8 + 150, :160, :1]), grey / f"{i:02d}.png")
    return tmp_path


def measure(todo, results, **options):
    said = []
    suite.run(todo, results, tell=lambda entry, row, note: said.append((entry.method, row, note)), **options)
    return said


def test_rows_are_made_kept_and_made_again(data):
    todo = list(suite.entries(["nothing", "gaussian", "median"], ["Set12"], [WHITE]))
    assert [entry.method for entry in todo] == ["nothing", "gaussian"], "median is not for white noise"
    results = data / "denoise.csv"
    rows = [row for _, row, _ in measure(todo, results, limit=2)]
    assert rows[1].psnr > rows[0].psnr == rows[0].psnr_damaged and rows[0].set == "Set12[:2]" and rows[0].images == 2
    assert all(note == "there already" for _, _, note in measure(todo, results, limit=2))
    assert all(row for _, row, _ in measure(todo, results, limit=2, again=True))
    assert len(results.read_text().splitlines()) == 3


def test_weights_of_one_level_are_measured_at_that_level_only():
    entries = list(suite.entries(["dncnn", "restora"], ["Set12"], suite.NOISES[:3]))
    assert [entry.damage for entry in entries if entry.method == "dncnn"] == [WHITE]
    assert {entry.damage for entry in entries if entry.weights == "restora.noise"} == set(suite.NOISES[:3])
    other = list(suite.entries(["restora"], ["Set12"], ["noise(speckle, sigma=0.2)"]))
    assert [entry.weights for entry in other] == ["restora.noise"]
    assert not list(suite.entries(["dncnn"], ["Set12"], ["noise(speckle, sigma=0.2)"])), "it knows white noise only"


def test_pairs_are_taken_as_the_camera_took_them(data, photo):
    folder = data / "noise" / "cc15"
    folder.mkdir(parents=True)
    for i in range(3):
        x = photo[i * 40 : i * 40 + 120, :160]
        y = parse("noise(sigma=0.1)").apply(x, np.random.default_rng(i)).clip(0, 1)
        write(Image(x), folder / f"{i}_mean.png")
        write(Image(y), folder / f"{i}_real.png")
    todo = list(suite.entries(["nothing", "nlm", "restora", "lee", "dncnn"], ["CC15"], suite.NOISES))
    assert {entry.damage for entry in todo} == {"real"}
    found = [(entry.method, entry.weights) for entry in todo]
    assert found == [("nothing", ""), ("nlm", ""), ("restora", "restora.noise"), ("restora", "restora.photo")]
    rows = [row for _, row, _ in measure(todo[:2], data / "denoise.csv")]
    assert rows[0].images == 3 and rows[0].clipped and rows[0].psnr == rows[0].psnr_damaged < 22 < rows[1].psnr


def test_rows_of_replaced_weights_are_measured_again(data, monkeypatch):
    todo = list(suite.entries(["dncnn"], ["Set12"], [WHITE]))
    results = data / "denoise.csv"
    assert measure(todo, results, limit=1)[0][1].weights_sha256
    assert measure(todo, results, limit=1)[0][2] == "there already"
    monkeypatch.setattr("restora.work.suite.short_sum", lambda weights: "another")
    assert measure(todo, results, limit=1)[0][1]


@pytest.fixture
def compressed(data, photo):
    """Two small pictures where Classic5 is looked for."""
    folder = data / "eval" / "classic5"
    folder.mkdir(parents=True)
    for i in range(2):
        write(Image(photo[i * 60 : i * 60 + 150, :160, :1]), folder / f"{i}.png")
    return data


def test_jpeg_is_compared_on_luma_and_its_blocks_are_counted(compressed, photo):
    once, twice = suite.JPEGS[0], "jpeg(quality=10) | jpeg(quality=30, down=4, right=4)"
    todo = list(suite.entries(["nothing", "shifted-jpeg", "median", "nlm"], ["Classic5"], [once, twice]))
    assert {entry.method for entry in todo} == {"nothing", "shifted-jpeg"}, "the others are not for JPEG"
    results = compressed / "jpeg.csv"
    rows = [row for _, row, _ in measure(todo, results)]
    assert {(row.protocol, row.clipped, row.images) for row in rows} == {("jpeg-y", True, 2)}
    for before, after in zip(rows[::2], rows[1::2], strict=True):
        assert after.psnr > before.psnr + 0.3 and after.psnr_b > before.psnr_b and before.psnr == before.psnr_damaged
    assert rows[0].psnr_b < rows[0].psnr - 1 and [row["psnr_b"] for row in read_table(results, ())] != [""] * 4


def test_other_damages_have_no_column_of_blocks(compressed):
    measure(list(suite.entries(["nothing"], ["Set12"], [WHITE])), compressed / "denoise.csv", limit=1)
    measure(list(suite.entries(["nothing"], ["Classic5"], suite.JPEGS[:1])), compressed / "jpeg.csv", limit=1)
    (noise,), (jpeg,) = (read_table(compressed / f"{name}.csv", ()) for name in ("denoise", "jpeg"))
    assert "psnr_b" not in noise and noise["protocol"] == "denoise"
    assert list(jpeg) == [*noise, "psnr_b"] and float(jpeg["psnr_b"]) < float(jpeg["psnr"])


def test_a_table_has_the_columns_of_all_rows(tmp_path):
    write_table(tmp_path / "t.csv", [{"a": "1"}, {"a": "2", "b": "3"}])
    assert read_table(tmp_path / "t.csv", ("a", "b")) == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}]


def test_the_noises_are_no_matter_of_what_removes_jpeg_and_jpeg_none_of_denoisers():
    methods = [name for name, row in METHODS.items() if not row.minutes]
    noises = list(suite.entries(methods, ["Set12", "CC15"], suite.NOISES))
    assert "shifted-jpeg" not in {entry.method for entry in noises}
    jpegs = list(suite.entries(methods, ["Classic5"], suite.JPEGS))
    assert {(entry.method, entry.weights) for entry in jpegs} == {("shifted-jpeg", ""), ("restora", "restora.photo")}
    assert [entry.damage for entry in jpegs if entry.weights] == list(suite.JPEGS)
    white = {entry.damage for entry in noises if (entry.set, entry.weights) == ("Set12", "restora.photo")}
    assert white == {*suite.NOISES[:3], "noise(poisson, peak=30)"}, "as its recipe says"
    assert [str(parse(words)) for words in suite.JPEGS] == list(suite.JPEGS), "rows are found by their words"


@pytest.mark.parametrize(
    ("words", "quality"), [("jpeg(quality=30)", 30), ("jpeg(quality=10) | jpeg(quality=50, down=4, right=4)", 50)]
)
def test_the_quality_is_told_as_a_file_states_it(words, quality):
    plan = suite.plan_for(suite.Entry("LIVE1", words, "shifted-jpeg"), "f32", Image(np.zeros((16, 16, 1), np.float32)))
    assert plan.steps[0].knobs["quality"] == quality


@pytest.mark.parametrize(("method", "noise"), [("lee", "noise(speckle, sigma=0.2)"), ("nlm", WHITE)])
def test_the_level_is_told_as_it_was_drawn(method, noise):
    plan = suite.plan_for(suite.Entry("Set12", noise, method), "f32", Image(np.zeros((16, 16, 1), np.float32)))
    assert plan.steps[0].knobs["sigma"] == pytest.approx(0.2 if method == "lee" else 25 / 255, abs=1e-4)


def test_the_cost_of_a_method_is_that_of_a_fresh_process():
    measured = cost("gaussian", "", 1)
    assert 0 < measured.seconds_a_megapixel < 60 and 50 < measured.peak_megabytes < 1000
    assert measured.parameters == 0 and measured.threads == 1


def test_the_front_is_what_no_other_beats():
    assert pareto([(1, 20), (2, 25), (3, 24), (0.5, 19), (2, 22)]) == [(0.5, 19), (1, 20), (2, 25)]


def test_ours_is_set_beside_what_was_published():
    row = {"set": "BSD68", "damage": WHITE, "method": "dncnn", "psnr": "29.20"}
    assert published()["BSD68", WHITE, "dncnn"] == 29.23 and verdict(row) == "29.23: reproduced"
    assert verdict(row | {"psnr": "28.9"}) == "29.23: below by 0.33 dB"
    assert verdict(row | {"method": "tv"}) == "none comparable"


def test_the_page_needs_nothing_else_and_shows_all(data):
    results, costs = data / "denoise.csv", data / "cost.csv"
    todo = list(suite.entries(["nothing", "gaussian"], ["Set12"], [WHITE]))
    measure(todo, results)
    suite.run_costs(todo, costs, again=False, tell=lambda line: None)
    html = page(results, costs, DENOISING)
    assert 'src="data:image/png;base64,' in html and "<svg" in html and "Pareto front" in html
    assert not re.search(r'(src|href)="(?!data:|#)', html), "something is fetched from elsewhere"
    assert html.count("<figure>") == 3 and "gaussian" in html


def test_the_page_of_jpeg_shows_how_blocks_count(compressed):
    results = compressed / "jpeg.csv"
    measure(list(suite.entries(["nothing", "shifted-jpeg"], ["Classic5"], suite.JPEGS[:1])), results)
    html = page(results, compressed / "none.csv", DEBLOCKING)
    (row,) = [row for row in read_table(results, ()) if row["method"] == "shifted-jpeg"]
    assert "<th>PSNR-B (dB)</th>" in html and f"<td>{float(row['psnr_b']):.2f}</td>" in html
    assert html.count("<figure>") == 3 and "27.82: " in html, "JPEG itself was published"


def test_small_pictures_as_they_are_found_are_measured_and_shown(data, photo):
    folder = data / "eval" / "Set5"
    folder.mkdir(parents=True)
    write(Image(photo[:162, :163]), folder / "a.png")
    results, costs = data / "superres.csv", data / "cost.csv"
    todo = list(suite.entries(["bicubic", "lanczos", "median"], ["Set5"], ["shrink(scale=2)", *suite.FOUND]))
    assert {entry.method for entry in todo} == {"bicubic", "lanczos"}, "the median does not make pictures larger"
    measured = measure(todo, results)
    psnr = {(row.damage, name): row.psnr for name, row, _ in measured}
    assert psnr["shrink(scale=2)", "lanczos"] > psnr["shrink(scale=2)", "bicubic"] > psnr[suite.FOUND[0], "bicubic"] + 1
    assert {row.protocol for _, row, _ in measured} == {"sr-y"}
    suite.run_costs(todo[:1], costs, again=False, tell=lambda line: None)
    html = page(results, costs, ENLARGING)
    assert html.count("<figure>") == 3 * 4 and "Super-resolution" in html and "Pareto front" in html


def test_weights_for_small_pictures_are_measured_at_every_damage_of_their_scale():
    entries = list(suite.entries(["edsr"], ["Set5"], [*suite.SHRINKS, *suite.FOUND]))
    by_damage = {entry.damage: {e.weights for e in entries if e.damage == entry.damage} for entry in entries}
    twice, more = {"edsr.x2", "edsr.x4-real"}, {"edsr.x4", "edsr.x4-real"}  # the next larger scale, if there is none
    assert by_damage == dict(zip([*suite.SHRINKS, *suite.FOUND], [twice, more, more, twice, more], strict=True))


def test_knobs_that_are_measured_get_values_that_they_allow():
    """Levels allow no white of 0.1."""
    measured = cost("levels", "", 1)
    assert measured.seconds_a_megapixel > 0 and measured.peak_megabytes > 0


def test_the_cost_of_weights_that_must_be_told_the_noise_is_measured(tmp_path):
    once = _work(METHODS["restora"], "restora.prior", "f32", {}, tmp_path)
    assert once()[0] == 512 * 512
