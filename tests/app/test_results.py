"""A picture and the report on it: both are written, or it is said why not."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from restora.core.errors import BadImage, OutputExists
from restora.work.report_file import report_file


@pytest.mark.parametrize("letters", [251, 255, 256])
def test_a_name_too_long_for_the_report_is_refused_before_the_work(folder, restora, letters):
    target = "x" * (letters - 4) + ".png"
    status, out, err = restora("denoise", "clean.png", "--method", "median", "-o", target)
    assert status == 2 and "name too long" in err and "Traceback" not in err and out == ""
    assert os.listdir() == ["clean.png"]


def test_room_for_an_unchanged_copy_is_looked_for(folder, restora, monkeypatch):
    monkeypatch.setattr("restora.files.disk.shutil.disk_usage", lambda folder: type("", (), {"free": 400_000}))
    Path("plan.json").write_text('{"steps": [], "because": ""}')
    status, _, err = restora("restore", "clean.png", "--plan", "plan.json", "-o", "b.png")
    assert status == 2 and "but only 0 MB are free" in err and sorted(os.listdir()) == ["clean.png", "plan.json"]


def test_a_report_that_cannot_be_written_is_said_and_the_picture_stays(folder, restora, monkeypatch):
    def full(*words, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("restora.files.save.write_text", full)
    status, _, err = restora("denoise", "clean.png", "--method", "median", "-o", "b.png")
    assert status == 2 and err.startswith("restora: b.png was written, but not its report: ")
    assert sorted(os.listdir()) == ["b.png", "clean.png"]


def test_what_is_no_file_is_not_replaced_by_a_result_or_its_report(folder, restora):
    os.mkfifo("pipe.png")
    Path("link.png").symlink_to("clean.png")
    before = Path("clean.png").read_bytes()
    for name, says in (("pipe.png", "a pipe or a device"), ("link.png", "a symbolic link")):
        status, _, err = restora("denoise", "clean.png", "--method", "median", "-o", name, "--force")
        assert status == 2 and says in err
    assert Path("pipe.png").is_fifo() and Path("link.png").is_symlink() and Path("clean.png").read_bytes() == before
    Path("b.png.json").symlink_to("absent")
    for force in (False, True):
        with pytest.raises(BadImage, match=r"the report on b\.png cannot be written: .*symbolic link"):
            report_file(Path("b.png"), force)
    Path("c.png.json").write_text("mine")
    with pytest.raises(OutputExists, match=r"is not a report on c\.png"):
        report_file(Path("c.png"), force=False)


@pytest.mark.parametrize("command", ["fix", "diagnose"])
def test_a_tiff_that_is_cut_off_or_on_another_scale_is_refused(folder, restora, command):
    values = np.random.default_rng(0).random((200, 200, 3), np.float32)
    tifffile.imwrite("a.tif", np.uint8(values * 255), photometric="rgb")
    Path("a.tif").write_bytes(Path("a.tif").read_bytes()[:72_000])
    tifffile.imwrite("b.tif", values * 255, photometric="rgb")
    for name, says in (("a.tif", "a.tif is damaged: "), ("b.tif", "divide them by 255")):
        status, out, err = restora(command, name)
        assert status == 2 and says in err and "--salvage" not in err and out == ""
    assert sorted(os.listdir()) == ["a.tif", "b.tif", "clean.png"]
