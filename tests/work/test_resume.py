import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from restora.core.errors import BadImage, RestoraError
from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.files.canvas import unfinished
from restora.files.picture import read
from restora.files.save import write
from restora.stages.pipeline import RESTING
from restora.work.plan import plan_to_enlarge
from restora.work.restore import Limits, Options, restore_file

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
TIGHT = Limits(memory=RESTING + 13_000_000)  # so that the picture below is several rows of tiles
SHAPE = (900, 700, 4)


@pytest.fixture
def source(tmp_path):
    values = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    write(Image(values[:, :, :3], values[:, :, 3], meta=Meta(16)), tmp_path / "a.tif")
    return tmp_path / "a.tif"


@pytest.fixture
def whole(source, tmp_path):
    """What an uninterrupted run gives: its bytes and its report."""
    report = restore_file(source, tmp_path / "whole.tif", MEDIAN, Options(limits=TIGHT))
    assert report.tile[0] < SHAPE[0] / 2 and report.resumed_at == 0
    data = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "whole.tif").unlink()
    return data, report


def stopped(source, target, plan=MEDIAN, at=None, resume=lambda sentence: None):
    """Interrupt a run as soon as so many pieces are done (None: when two rows of tiles and a piece are)."""

    def tell(done, total):
        rows = -(-SHAPE[0] // 256)
        if done == (at or 2 * total // rows + 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_file(source, target, plan, Options(limits=TIGHT), tell=tell, resume=resume)


def gone_on(source, target, plan=MEDIAN, limits=TIGHT):
    """(report, sentences, the first pieces told) of a run that may go on."""
    said, told = [], []
    report = restore_file(
        source,
        target,
        plan,
        Options(limits=limits),
        resume=said.append,
        tell=lambda done, total: told.append(done),
    )
    return report, said, told


def names(folder):
    return sorted(path.name for path in folder.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from restora.core.plan import Plan, Step
from restora.stages.pipeline import RESTING
from restora.work.restore import Limits, Options, restore_file

def tell(done, total):
    if done == total - 2:
        os.kill(os.getpid(), signal.SIGKILL)

plan = Plan((Step("median", "", knobs={"radius": 1}),), "")
options = Options(limits=Limits(memory=RESTING + 13_000_000))
restore_file(Path("a.tif"), Path("b.tif"), plan, options, tell=tell, resume=print)
"""


def test_a_killed_run_goes_on_and_gives_what_an_uninterrupted_one_gives(source, whole, tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert killed.returncode == -9 and not (tmp_path / "b.tif").exists()
    report, said, told = gone_on(source, tmp_path / "b.tif")
    assert report.resumed_at > 0 and said == [f"resuming b.tif at row {report.resumed_at} of 900"]
    assert told[0] > 0 and len(told) < report.tiles  # only what was missing was made
    assert (tmp_path / "b.tif").read_bytes() == whole[0] and report.output_sha256 == whole[1].output_sha256
    assert names(tmp_path) == ["a.tif", "b.tif"]


def test_a_stopped_run_says_what_is_kept_and_may_be_stopped_again(source, whole, tmp_path):
    said = []
    stopped(source, tmp_path / "b.tif", at=whole[1].tiles // 2, resume=said.append)
    assert len(said) == 1 and "rows are kept" in said[0]
    assert names(tmp_path) == [".b.tif.restora-part.json", ".b.tif.restora-part.tif", "a.tif"]
    stopped(source, tmp_path / "b.tif", at=whole[1].tiles)  # all pieces are made, and the result is not written yet
    report, said, told = gone_on(source, tmp_path / "b.tif")
    assert report.resumed_at == 900 and told == [report.tiles]
    assert (tmp_path / "b.tif").read_bytes() == whole[0] and names(tmp_path) == ["a.tif", "b.tif"]


def test_without_the_wish_to_go_on_nothing_is_kept(source, tmp_path):
    stopped(source, tmp_path / "b.tif", resume=None)
    assert names(tmp_path) == ["a.tif"]


def test_nothing_is_kept_before_a_row_is_finished(source, tmp_path):
    stopped(source, tmp_path / "b.tif", at=1)
    assert names(tmp_path) == ["a.tif"]


def other_input(folder):
    image = read(folder / "a.tif")
    write(replace(image, pixels=1 - image.pixels), folder / "a.tif", force=True)


def other_size(folder):
    image = read(folder / "a.tif")
    write(replace(image, pixels=image.pixels[:800], alpha=image.alpha[:800]), folder / "a.tif", force=True)


def other_device(folder):
    facts = folder / ".b.tif.restora-part.json"
    assert '"device": "cpu"' in facts.read_text()
    facts.write_text(facts.read_text().replace('"device": "cpu"', '"device": "cuda:0"'))


def cut(folder):
    with (folder / ".b.tif.restora-part.tif").open("r+b") as stream:
        stream.truncate(2_000_000)


def garbled(folder):
    (folder / ".b.tif.restora-part.json").write_text('{"rows": 256')


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (other_input, {}, "another input;"),
        (other_size, {}, "another input and size;"),
        (None, {"plan": Plan((Step("median", "", knobs={"radius": 2}),), "")}, "another plan;"),
        (None, {"limits": Limits()}, "another tile size;"),
        (other_device, {}, "another device;"),
        (cut, {}, "is truncated;"),
        (garbled, {}, "is damaged;"),
    ],
)
def test_what_was_made_from_something_else_is_begun_anew(source, tmp_path, change, options, says):
    stopped(source, tmp_path / "b.tif")
    if change:
        change(tmp_path)
    report, said, _ = gone_on(source, tmp_path / "b.tif", **options)
    assert report.resumed_at == 0 and len(said) == 1
    assert says in said[0] and said[0].startswith("the unfinished b.tif") and said[0].endswith("starting over")
    limits = Options(limits=options.get("limits", TIGHT))
    restore_file(source, tmp_path / "c.tif", options.get("plan", MEDIAN), limits)
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "c.tif").read_bytes()
    assert names(tmp_path) == ["a.tif", "b.tif", "c.tif"]


def test_what_was_counted_is_counted_on(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    plan = plan_to_enlarge("bicubic", photo.shape, (1024, 1216), back_project=True)
    limits = Limits(memory=400_000_000)
    expected = restore_file(tmp_path / "a.png", tmp_path / "whole.png", plan, Options(limits=limits))

    def tell(done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_file(tmp_path / "a.png", tmp_path / "b.png", plan, Options(limits=limits), tell=tell, resume=print)
    report, _, _ = gone_on(tmp_path / "a.png", tmp_path / "b.png", plan, limits)
    assert report.resumed_at == 1024 and report.warnings == expected.warnings
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "whole.png").read_bytes()


def test_two_processes_do_not_make_the_same_result(source, tmp_path):
    with unfinished(tmp_path / "b.tif", {}, 900, print):
        with pytest.raises(RestoraError, match="another process is writing .*b.tif"):
            gone_on(source, tmp_path / "b.tif")
        (tmp_path / "b.tif").touch()
    assert names(tmp_path) == ["a.tif", "b.tif"]


def test_room_on_the_disk_is_looked_for_before_work_begins(source, tmp_path, monkeypatch):
    monkeypatch.setattr("restora.files.disk.shutil.disk_usage", lambda folder: type("", (), {"free": 5_000_000}))
    with pytest.raises(BadImage, match="may need 11 MB .* 5 MB are free"):
        gone_on(source, tmp_path / "b.tif")
    assert names(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("file_tile", [None, 256, 1024])
def test_reading_a_wide_file_holds_no_row_of_its_tiles(tmp_path, file_tile):
    """libvips would keep 180 MB of decoded tiles here, or map all of a file in strips."""
    path = tmp_path / "wide.tif"
    code = """
import sys
from pathlib import Path
import pyvips
from restora.files.picture import open_picture
from restora.work.restore import peak_memory
tile = int(sys.argv[2])
options = dict(tile=True, tile_width=tile, tile_height=tile) if tile else {}
pyvips.Image.black(32768, 2048, bands=3).cast("uchar").tiffsave(sys.argv[1], **options)
"""
    reading = """
picture = open_picture(Path(sys.argv[1]))
before = peak_memory()
for left in range(0, 32768 - 512, 1024):
    for top in (0, 512, 1024, 1536):
        picture.window(top, left, 512, 512)
print(peak_memory() - before)
"""
    subprocess.run([sys.executable, "-c", code, path, str(file_tile or 0)], check=True)
    reading = code.split("tile = int", maxsplit=1)[0] + reading
    done = subprocess.run([sys.executable, "-c", reading, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60_000_000
