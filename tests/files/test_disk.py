"""Where results are made and how they come by their names: killed at any time, on a full disk, over what is no file."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from restora.core.errors import BadImage, OutputExists
from restora.core.image import Image
from restora.files import disk
from restora.files.disk import Nameless, aside, check_name, put_in_place
from restora.files.picture import open_picture
from restora.files.save import write, write_by_tiles, write_text

WRITE = """
import os, signal, sys
import numpy as np
from pathlib import Path
from restora.core.image import Image, Meta
from restora.files import canvas, disk, picture, save

def kill(*words, **options):
    os.kill(os.getpid(), signal.SIGKILL)

{change}
tiles = iter([(0, np.zeros((40, 50, 3), np.float32))])
save.write_by_tiles(tiles, (40, 50, 3), Meta(), Path(sys.argv[1]), force=len(sys.argv) > 2)
"""
KILLED = ["canvas.Canvas.put = kill", "save.put_in_place = kill", "os.link = kill", "Path.replace = kill",
          "Path.unlink = kill"]  # fmt: skip


@pytest.mark.parametrize("change", KILLED)
def test_a_kill_leaves_a_whole_file_or_none_and_the_next_run_removes_the_rest(tmp_path, change):
    force = ["--force"] if "replace" in change else []
    code = [sys.executable, "-c", WRITE.format(change=change), "b.png", *force]
    assert subprocess.run(code, cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    left = {path.name for path in tmp_path.iterdir()}
    parts = {name for name in left if name.startswith(".b-restora-") and name.endswith(".part.png")}
    assert left <= {"b.png", *parts} and (not left or not change.startswith("canvas"))  # the pixels have no name
    if "b.png" in left:
        assert open_picture(tmp_path / "b.png").load().pixels.shape == (40, 50, 3)
    write(Image(np.zeros((4, 5, 3), np.float32)), tmp_path / "b.png", force=True)
    assert os.listdir(tmp_path) == ["b.png"]


def test_what_is_being_written_and_what_others_own_is_not_removed(tmp_path):
    other = tmp_path / ".b-mine.part.png"
    other.touch()
    with aside(tmp_path / "b.png") as one, aside(tmp_path / "b.png") as two:
        assert one != two and one.exists() and two.exists() and other.exists()
    assert os.listdir(tmp_path) == [other.name]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_is_taken_once(tmp_path, monkeypatch, links):
    def refused(*words):
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr("os.link", refused)
    for number, text in enumerate(("ours", "theirs")):
        with aside(tmp_path / "a.txt") as part:
            part.write_text(text)
            if number:
                with pytest.raises(OutputExists, match="meanwhile"):
                    put_in_place(part, tmp_path / "a.txt", force=False)
            else:
                put_in_place(part, tmp_path / "a.txt", force=False)
    assert (tmp_path / "a.txt").read_text() == "ours" and os.listdir(tmp_path) == ["a.txt"]


def test_a_result_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, photo):
    seen = []
    monkeypatch.setattr(disk, "sync", lambda path: seen.append((path, (tmp_path / "a.png").exists())))
    write(Image(photo), tmp_path / "a.png")
    (part, before), (folder, after) = seen
    assert part.name.endswith(".part.png") and not before and folder == tmp_path and after


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path, photo):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "real.png").write_text("kept")
    (tmp_path / "link.png").symlink_to("real.png")
    (tmp_path / "folder.png").mkdir()
    for name, says in (("pipe", "a pipe or a device"), ("link", "a symbolic link"), ("folder", "a folder")):
        path = tmp_path / f"{name}.png"
        for attempt in (
            lambda path: write(Image(photo), path, force=True),
            lambda path: write_text("", path, force=True),
        ):
            with pytest.raises(BadImage, match=says):
                attempt(path)
        with aside(tmp_path / "a.png") as part, pytest.raises(BadImage, match=says):
            put_in_place(part, path, force=True)  # it came there meanwhile
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "real.png").read_text() == "kept"
    assert (tmp_path / "pipe.png").is_fifo() and len(os.listdir(tmp_path)) == 4


def test_a_name_that_is_too_long_is_refused(tmp_path):
    check_name(tmp_path / ("a" * 255))
    with pytest.raises(BadImage, match="name too long"):
        check_name(tmp_path / ("a" * 256))


def test_a_nameless_file_has_no_name(tmp_path):
    made = Nameless(tmp_path)
    made.path.write_bytes(b"data")
    assert made.path.read_bytes() == b"data" and (os.listdir(tmp_path) == [] or sys.platform != "linux")
    made.close()
    assert os.listdir(tmp_path) == []
    with pytest.raises(BadImage, match="cannot write in the folder .*absent: No such file"):
        Nameless(tmp_path / "absent")


@contextmanager
def smaller_files(most):
    """As on a disk that is full: no file may have more bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_with_its_place(tmp_path, photo):
    shape = (2000, 2000, 3)
    tiles = ((0, np.zeros((256 if top < 1792 else 208, 2000, 3), np.float32)) for top in range(0, 2000, 256))
    with smaller_files(1_000_000), pytest.raises(BadImage, match=f"cannot write in the folder {tmp_path}: "):
        write_by_tiles(tiles, shape, Image(photo).meta, tmp_path / "a.png")
    with smaller_files(10_000), pytest.raises(BadImage, match=r"cannot write .*a\.png"):
        write(Image(photo), tmp_path / "a.png")
    with smaller_files(10), pytest.raises(BadImage, match=r"cannot write .*a\.txt: File too large"):
        write_text("words and words", tmp_path / "a.txt")
    assert os.listdir(tmp_path) == []


def test_a_picture_that_cannot_be_unpacked_is_not_called_damaged(tmp_path, photo, monkeypatch):
    monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    write(Image(photo), tmp_path / "a.png")
    with smaller_files(10_000), pytest.raises(BadImage, match="cannot write the decoded picture in the folder"):
        open_picture(tmp_path / "a.png")
    monkeypatch.setattr("restora.files.disk.shutil.disk_usage", lambda folder: type("", (), {"free": 100_000}))
    with pytest.raises(BadImage, match="the decoded picture may need"):
        open_picture(tmp_path / "a.png")


ENDLESS = """
import sys
from pathlib import Path
from restora.core.errors import BadImage
from restora.files import incoming
from restora.files.picture import open_picture
incoming._BESIDE = 5_000_000
try:
    open_picture(Path("-"), 1000)
except BadImage as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("start", "says"), [(b"", "is not a picture"), (b"\x89PNG\r\n\x1a\n", "has more than 5 MB"), (None, "is empty")]
)
def test_standard_input_is_looked_at_first_and_bounded(start, says):
    child = subprocess.Popen([sys.executable, "-c", ENDLESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    taken = 0
    with suppress(BrokenPipeError):
        while start is not None and taken < 50_000_000:
            taken += child.stdin.write((start if not taken else b"") + bytes(1 << 16))
    child.stdin.close()
    told = child.stdout.read().decode()
    child.stdout.close()
    child.wait()
    assert told.startswith("standard input") and says in told
    assert taken < (1_000_000 if says == "is not a picture" else 10_000_000)
