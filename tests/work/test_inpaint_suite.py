"""The suite of inpainting: which rows it has, and that a row says what was measured."""

from dataclasses import replace

import pytest

from restora.core.image import Image
from restora.files.save import write
from restora.methods.table import TASKS
from restora.work.bench import read_table
from restora.work.inpaint_suite import FOR_WIDE, HOLES, LEFT_OUT, NOTHING, SETS, SIZED, SIZES, WIDE, Task, run, tasks
from restora.work.plan import FILLING

FAST = {row.name for row in TASKS["fill"] if not row.minutes}
SCRATCHES = Task("Set12", HOLES[1], 1.0, "telea")


def methods(todo, **wanted):
    return {task.method for task in todo if all(getattr(task, name) == value for name, value in wanted.items())}


def test_every_fast_method_is_measured_on_every_hole_of_every_set_except_what_is_left_out():
    todo = list(tasks())
    for name in SETS:
        for words in HOLES:
            left_out = {LEFT_OUT[2]} if (name, words) == LEFT_OUT[:2] else set()
            assert methods(todo, set=name, damage=words) == (FAST | {NOTHING}) - left_out
    for times, words in SIZES.items():
        assert methods(todo, set=SIZED, damage=words, times=times) == FAST | {NOTHING}
    for words in WIDE.values():
        assert methods(todo, damage=words) == {*FOR_WIDE, NOTHING} and FILLING in FOR_WIDE
    assert len(todo) == len(set(todo))


def test_methods_that_fit_a_net_run_only_if_named():
    assert methods(tasks(["dip-inpainting"])) == {"dip-inpainting"} and "dip-inpainting" not in methods(tasks())


@pytest.fixture
def data(tmp_path, monkeypatch, photo):
    """Two small pictures where Set12 is looked for."""
    monkeypatch.setenv("RESTORA_DATA", str(tmp_path))
    folder = tmp_path / "eval" / "Set12"
    folder.mkdir(parents=True)
    for i in range(2):
        write(Image(photo[i * 40 : i * 40 + 150, :160, :1]), folder / f"{i}.png")
    return tmp_path


def test_a_row_has_scores_in_the_hole_and_of_each_picture_and_the_seconds(data):
    results, said = data / "inpaint.csv", []
    todo = [
        SCRATCHES,
        replace(SCRATCHES, method=NOTHING),
        replace(SCRATCHES, method=FILLING, weights="partial-unet.fill"),
    ]
    run(todo, results, None, False, said.append)
    rows = {row["method"]: row for row in read_table(results, ())}
    for row in rows.values():
        assert row["images"] == "2" and len(row["each"].split()) == 2 and float(row["seconds"]) >= 0
        assert float(row["psnr"]) > float(row["psnr_in_hole"])
    scores = [float(rows[name]["psnr_in_hole"]) for name in (NOTHING, "telea", FILLING)]
    assert scores == sorted(scores) and len(said) == 3
    run(todo, results, None, False, said.append)
    assert len(said) == 3
    run(todo[:1], results, 1, False, said.append)
    assert {row["set"] for row in read_table(results, ())} == {"Set12", "Set12[:1]"}
