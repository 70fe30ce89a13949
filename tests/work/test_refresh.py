import json
import shutil
import sys
from dataclasses import asdict, replace

import pytest
from typer.testing import CliRunner

from restora.app.cli import app
from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.files.save import write
from restora.learn.weights import SHIPPED, find
from restora.work import suite
from restora.work.bench import Row, read_table, short_sum, write_rows, write_table
from restora.work.cost import Cost
from restora.work.refresh import changes, elsewhere, measure, write_docs

SCALE_2 = "shrink(scale=2)"
WRONG = "0" * 16
ROW = Row(
    set="Set5[:1]", set_sha256="", images=1, damage=SCALE_2, seed=3, clipped=True, method="srcnn", weights="srcnn.x2",
    weights_sha256=WRONG, engine="openvino", precision="f32", psnr=1.0, ssim=0.1, psnr_damaged=1.0,
    seconds_a_megapixel=1.0, protocol="sr-y", ssim_variant="wang",
)  # fmt: skip


def cost_of(method, weights, threads, seconds=9.0):
    return Cost(method, weights, "openvino", "f32", threads, seconds, 100.0, 1, 1)


def write_costs(path, *names):
    rows = [asdict(cost_of("srcnn", name, threads)) for name in names for threads in suite.CORES]
    write_table(path, [{key: str(value) for key, value in row.items()} for row in rows])


def superres(out, *only):
    return changes(out, only)[1]


@pytest.fixture
def out(tmp_path, monkeypatch, photo):
    """A folder of results. Beside it are a set of two small pictures, and a copy of srcnn.x2 that is found first."""
    for folder in ("eval/Set5", "weights", "results"):
        (tmp_path / folder).mkdir(parents=True)
    for name, top in (("a", 0), ("b", 100)):
        write(Image(photo[top : top + 120, :130]), tmp_path / f"eval/Set5/{name}.png")
    index = (SHIPPED / "index.toml").read_text().split("\n\n")
    (tmp_path / "weights/index.toml").write_text(next(part for part in index if part.startswith('["srcnn.x2"]')))
    for path in SHIPPED.glob("srcnn.x2.*"):
        shutil.copy(path, tmp_path / "weights")
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path))
    monkeypatch.setattr("restora.work.suite.cost", lambda *words, knobs: cost_of(*words, seconds=2.0))
    write_costs(tmp_path / "results/superres_cost.csv", "srcnn.x2", "srcnn.x3")
    return tmp_path / "results"


def test_rows_of_replaced_weights_are_stale_and_others_are_left(out):
    fresh = replace(ROW, weights_sha256=short_sum("srcnn.x2"))
    other = replace(ROW, weights="srcnn.x3", damage="shrink(scale=3)")
    classical = replace(ROW, method="bicubic", weights="", weights_sha256="", engine="resize")
    write_rows(out / "superres.csv", [fresh, replace(ROW, precision="int8"), other, classical])
    found = superres(out, "srcnn.x2", "srcnn.x3")
    assert [(row["weights"], row["precision"]) for row in found.stale] == [("srcnn.x2", "int8"), ("srcnn.x3", "f32")]
    assert not found.new and not found.removed and found.replaced == {"srcnn.x2", "srcnn.x3"}
    assert [row["weights"] for row in superres(out, "srcnn.x3").stale] == ["srcnn.x3"], "only those asked for"
    with pytest.raises(RestoraError, match=r"did you mean srcnn\.x2\?"):
        superres(out, "srcnn.y2")


def test_rows_of_weights_that_are_gone_are_removed(out):
    fresh = replace(ROW, weights_sha256=short_sum("srcnn.x2"))
    gone = [replace(ROW, weights="srcnn.x9"), replace(fresh, method="edsr")]
    write_rows(out / "superres.csv", [fresh, *gone])
    write_costs(out / "superres_cost.csv", "srcnn.x2", "srcnn.x9")
    found = superres(out, "srcnn.x2", "srcnn.x9")
    assert len(found.removed) == 4 and not found.stale and "remove from superres.csv: Set5[:1]" in next(found.lines())
    measure(found, print, print)
    assert [(row["method"], row["weights"]) for row in read_table(out / "superres.csv", ())] == [("srcnn", "srcnn.x2")]
    assert {row["weights"] for row in read_table(out / "superres_cost.csv", ())} == {"srcnn.x2"}


def test_rows_in_int8_go_with_the_int8_model(out, monkeypatch):
    write_rows(out / "superres.csv", [replace(ROW, weights_sha256=short_sum("srcnn.x2"), precision="int8")])
    monkeypatch.setattr("restora.learn.weights.Weights.int8", None)
    found = superres(out, "srcnn.x2")
    assert [reason for _, _, reason in found.removed] == ["these weights have no int8 model"]
    measure(replace(found, new=[], unfinished={}), print, print)
    assert not (out / "superres.csv").exists(), "it held nothing else"


def test_new_weights_get_the_usual_rows_and_those_of_a_cancelled_run_its_rest(out):
    todo = superres(out, "srcnn.x2").new
    usual = suite.entries(["srcnn"], suite.ENLARGED, [*suite.SHRINKS, *suite.FOUND], only=["srcnn.x2"])
    assert [(row["set"], row["damage"]) for row in todo] == [(entry.set, entry.damage) for entry in usual]
    assert {(row["seed"], row["engine"], row["precision"]) for row in todo} == {("0", "openvino", "f32")}
    done = replace(ROW, set="Set5", seed=0, weights_sha256=short_sum("srcnn.x2"))
    write_rows(out / "superres.csv", [done])
    assert not superres(out, "srcnn.x2").new, "their cost is known, so they are finished"
    (out / "superres_cost.csv").unlink()
    assert superres(out, "srcnn.x2").new == [row for row in todo if (row["set"], row["damage"]) != ("Set5", SCALE_2)]


def test_a_stale_row_is_measured_again_as_it_was_and_its_cost_before(out):
    write_rows(out / "superres.csv", [ROW])
    said = []
    measure(superres(out, "srcnn.x2"), lambda entry, row, note: said.append(row), said.append)
    assert [line[:8] for line in said[:2]] == ["srcnn.x2"] * 2 and len(said) == 3
    (row,) = read_table(out / "superres.csv", ())
    asked = {"set": "Set5[:1]", "seed": "3", "precision": "f32", "weights_sha256": short_sum("srcnn.x2")}
    assert asked.items() <= row.items() and float(row["psnr"]) > float(row["psnr_damaged"]) > 20
    costs = {row["weights"]: row["seconds_a_megapixel"] for row in read_table(out / "superres_cost.csv", ())}
    assert costs == {"srcnn.x2": "2.0", "srcnn.x3": "9.0"}
    assert not list(superres(out, "srcnn.x2").lines())


def test_rows_of_jpeg_are_found_beside_those_of_noise(out):
    """The same weights have rows in two files: each is stale, or has none yet, on its own."""
    name, noise = "restora.photo", f"noise(sigma={25 / 255!r})"
    stale = replace(ROW, set="Classic5", damage="jpeg(quality=10)", method="restora", weights=name, psnr_b=1.0)
    write_rows(out / "jpeg.csv", [stale])
    write_costs(out / "jpeg_cost.csv", name)
    denoise, _, jpeg = changes(out, [name])
    assert [row["damage"] for row in jpeg.stale] == ["jpeg(quality=10)"] and not jpeg.new and not denoise.stale
    assert {row["damage"] for row in denoise.new if row["set"] == "BSD68"} >= {noise}
    (out / "jpeg_cost.csv").unlink()
    todo = changes(out, [name])[2].new
    assert {row["set"] for row in todo} == set(suite.COMPRESSED) and len(todo) == 2 * len(suite.JPEGS)
    assert {row["damage"] for row in todo} == set(suite.JPEGS)


def test_a_set_that_is_not_here_is_told_before_anything_is_changed(out):
    write_rows(out / "superres.csv", [replace(ROW, set="Set14"), replace(ROW, weights="srcnn.x9")])
    before = (out / "superres.csv").read_text()
    with pytest.raises(RestoraError, match="Set14"):
        measure(superres(out, "srcnn.x2", "srcnn.x9"), print, print)
    assert (out / "superres.csv").read_text() == before


def test_the_command_lists_then_measures_and_writes_cards_and_docs(out, monkeypatch):
    monkeypatch.setattr("restora.work.refresh.write_docs", lambda: "the docs")
    write_rows(out / "superres.csv", [ROW])
    (out / "choice.csv").write_text('set,chosen\nSet5,"restora.blind then srcnn.x2 (3), edsr.x4 (2)"\n')
    command = ["bench", "refresh", "--out", str(out), "--weights", "srcnn.x2"]
    listed = CliRunner().invoke(app, [*command, "--dry-run"]).output.splitlines()
    assert listed[0] == "measure for superres.csv: Set5[:1], shrink(scale=2): srcnn.x2, openvino f32; stale"
    assert listed[1] == "measure for superres_cost.csv: srcnn.x2" and "choice.csv (RESTORA_DATA" in listed[2]
    assert read_table(out / "superres.csv", ())[0]["psnr"] == "1.0"
    done = CliRunner().invoke(app, command).output.splitlines()
    assert done[:2] == listed[:2] and done[-2:] == ["the docs", listed[2]]
    card = json.loads((out.parent / "weights/srcnn.x2.json").read_text())
    assert [score["psnr"] for score in card["scores"]] == [read_table(out / "superres.csv", ())[0]["psnr"]]
    assert find("srcnn.x2").folder == out.parent / "weights"


def test_other_results_are_named_where_they_hold_rows_of_replaced_weights(out):
    (out / "speed.csv").write_text("machine,weights\na,edsr.x2\n")
    assert elsewhere(out, {"edsr.x2"}) == "rows of replaced weights are also in speed.csv (restora bench speed)"
    assert not elsewhere(out, {"edsr.x2-real", "edsr.x"}) and not elsewhere(out, ())


def test_docs_are_generated_in_a_checkout_only(tmp_path):
    assert "no docs" in write_docs(tmp_path)
    (tmp_path / "docs").mkdir()
    script = tmp_path / "docs/generate.py"
    script.write_text("import sys; print(sys.executable)")
    assert write_docs(tmp_path) == sys.executable
    script.write_text("raise SystemExit('a table is empty')")
    with pytest.raises(RestoraError, match="a table is empty"):
        write_docs(tmp_path)
